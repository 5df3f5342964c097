"""The tab Notebook: a text that the demo model goes on with."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.visits import Visitor
from tests.live.launch import MODEL, Server, eventually, running_ui

ENDED = re.compile("the model has ended the text|max_tokens")


EXTENSION = '''
"""Writes slowly where it is asked to, and for very long."""
import time


def custom_generate_reply(prompt, state):
    return slow() if "slowly" in prompt else None


def slow():
    for number in range(2000):
        time.sleep(0.15)
        yield f"word{number} "
'''


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With room for texts that take long enough to be stopped."""
    folder = tmp_path_factory.mktemp("notebook")
    script = folder / "user_data" / "extensions" / "slowly" / "script.py"
    script.parent.mkdir(parents=True)
    script.write_text(EXTENSION)
    with running_ui(folder, "--ctx-size", "32768", "--extensions", "slowly") as server:
        yield server


@pytest.fixture
def notebook(visitor: Visitor) -> Page:
    visitor.choose_tab("Notebook")
    return visitor.page


def never_end(visitor: Visitor) -> None:
    """By the tab of the parameters."""
    visitor.choose_tab("Parameters")
    page = visitor.page
    page.get_by_role("button", name="Single tokens").click()
    page.locator("#param-ban_eos_token input").click()
    expect(page.locator("#params-summary")).to_contain_text("ban_eos_token")
    longest = page.locator("#param-max_tokens input")
    longest.fill("32000")
    longest.press("Tab")
    expect(page.locator("#param-max_tokens")).to_have_class(re.compile("is-changed"))
    visitor.choose_tab("Notebook")


def test_a_text_is_written_on_undone_and_redone(notebook: Page) -> None:
    text = notebook.locator("#notebook-text textarea")
    text.fill("The sky is")
    expect(notebook.locator("#notebook-count")).to_have_text(re.compile(r"\d+ of 32,768 tokens"))
    text.press("Control+Enter")
    expect(notebook.locator("#notebook-note")).to_contain_text(ENDED)
    written = text.input_value()
    assert written.startswith("The sky is")
    assert len(written) > len("The sky is")
    notebook.locator("#notebook-undo").click()
    expect(text).to_have_value("The sky is")
    notebook.locator("#notebook-redo").click()
    expect(text).to_have_value(written)


def test_stop_keeps_what_is_there_and_the_text_can_be_edited_again(
    notebook: Page, visitor: Visitor
) -> None:
    never_end(visitor)
    text = notebook.locator("#notebook-text textarea")
    text.fill("The cat")
    notebook.locator("#notebook-write").click()
    expect(notebook.locator("#notebook-note")).to_contain_text("tokens/s")
    expect(text).not_to_be_editable()
    notebook.locator("#notebook-stop").click()
    expect(notebook.locator("#notebook-note")).to_contain_text("stopped")
    expect(notebook.locator("#notebook-write")).to_be_visible()
    expect(text).to_be_editable()
    assert text.input_value().startswith("The cat")
    assert len(text.input_value()) > len("The cat")
    visitor.choose_tab("Parameters")
    notebook.locator("#params-reset").click()
    expect(notebook.locator("#params-summary")).to_contain_text("as the server has them")
    notebook.locator("#param-max_tokens input").fill("0")
    notebook.locator("#param-max_tokens input").press("Tab")
    expect(notebook.locator("#param-max_tokens")).not_to_have_class(re.compile("is-changed"))


def test_stop_reaches_what_an_extension_writes(notebook: Page) -> None:
    text = notebook.locator("#notebook-text textarea")
    text.fill("Count slowly: ")
    notebook.locator("#notebook-write").click()
    expect(text).to_have_value(re.compile("word2"))
    notebook.locator("#notebook-stop").click()
    expect(notebook.locator("#notebook-note")).to_contain_text("stopped")
    expect(notebook.locator("#notebook-write")).to_be_visible()
    expect(text).to_be_editable()
    assert text.input_value().startswith("Count slowly: word0 word1 word2")


def test_what_cannot_be_is_said_in_words_of_the_page(
    notebook: Page, ui: Server, visitor: Visitor
) -> None:
    notebook.locator("#notebook-text textarea").fill("slowly")
    notebook.locator("#notebook-write").click()
    expect(notebook.locator("#notebook-stop")).to_be_visible()
    notebook.locator("#notebook-undo").click()
    told = notebook.locator(".toast-wrap")
    expect(told).to_contain_text("Stop the writing first.")
    notebook.locator("#notebook-stop").click()
    expect(notebook.locator("#notebook-write")).to_be_visible()
    with ui.client() as client:
        client.post("/v1/internal/model/unload").raise_for_status()
        try:
            notebook.locator("#notebook-write").click()
            expect(told).to_contain_text("No model is loaded. Choose one at the top of the page.")
        finally:
            name = {"model_name": MODEL, "args": {"ctx_size": 32768}}
            client.post("/v1/internal/model/load", json=name).raise_for_status()


def test_the_likely_next_tokens(notebook: Page) -> None:
    notebook.locator("#notebook-text textarea").fill("The sky is")
    notebook.get_by_role("button", name="Next token").click()
    notebook.locator("#notebook-look").click()
    rows = notebook.locator("#notebook-table tbody tr")
    expect(rows).to_have_count(20)
    expect(rows.first).to_contain_text("%")
    notebook.locator("#notebook-sampled input").click()
    notebook.locator("#notebook-look").click()
    expect(rows.first).to_contain_text("%")


def test_default_writes_beside_the_input(notebook: Page) -> None:
    notebook.get_by_role("tab", name="Default").click()
    notebook.locator("#default-input textarea").fill("The sky is")
    notebook.locator("#default-write").click()
    expect(notebook.locator("#default-write")).to_be_visible()
    expect(notebook.locator("#default-note")).to_contain_text(ENDED)
    output = notebook.locator("#default-output textarea")
    eventually(
        output.input_value
    )  # it may be spaces, which `to_have_value` does not tell from nothing
    written = output.input_value()
    expect(notebook.locator("#default-input textarea")).to_have_value("The sky is")
    notebook.locator("#default-clear").click()
    eventually(lambda: output.input_value() == "")
    notebook.locator("#default-undo").click()
    eventually(lambda: output.input_value() == written)


def test_texts_are_kept_and_opened(notebook: Page, ui: Server, visitor: Visitor) -> None:
    notebook.locator("#notebook-text textarea").fill("Once upon a time")
    expect(notebook.locator("#notebook-count")).to_contain_text("tokens")
    notebook.get_by_role("button", name="Kept texts").click()
    notebook.locator("#notebook-name input").fill("Story")
    notebook.locator("#notebook-name input").press("Enter")
    notebook.locator("#notebook-save").click()
    path = ui.user_data / "logs" / "notebooks" / "Story.txt"
    expect(notebook.locator(".toast-body")).to_contain_text("Story is saved")
    assert path.read_text() == "Once upon a time"
    visitor.open()
    visitor.choose_tab("Notebook")
    notebook.get_by_role("button", name="Kept texts").click()
    notebook.locator("#notebook-name input").click()
    notebook.get_by_role("option", name="Story").click()
    notebook.locator("#notebook-load").click()
    expect(notebook.locator("#notebook-text textarea")).to_have_value("Once upon a time")
    assert "Once upon" not in ui.logged
