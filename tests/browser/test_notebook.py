"""The tab Notebook: a text that the demo model goes on with."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.visits import Visitor
from tests.live.launch import Server, eventually


@pytest.fixture
def notebook(visitor: Visitor) -> Page:
    visitor.choose_tab("Notebook")
    return visitor.page


def set_parameter(visitor: Visitor, name: str) -> None:
    """A switch in the tab of the parameters, and back."""
    visitor.choose_tab("Parameters")
    page = visitor.page
    box = page.locator(f"#param-{name} input")
    if not box.is_visible():
        page.get_by_role("button", name="Single tokens").click()
    box.click()
    expect(page.locator("#params-summary")).to_contain_text(name)
    visitor.choose_tab("Notebook")


def test_a_text_is_written_on_undone_and_redone(notebook: Page) -> None:
    text = notebook.locator("#notebook-text textarea")
    text.fill("The sky is")
    expect(notebook.locator("#notebook-count")).to_have_text(re.compile(r"\d+ of 2,048 tokens"))
    text.press("Control+Enter")
    expect(notebook.locator("#notebook-note")).to_contain_text("the model has ended the text")
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
    set_parameter(visitor, "ban_eos_token")
    text = notebook.locator("#notebook-text textarea")
    text.fill("The cat")
    notebook.locator("#notebook-write").click()
    expect(notebook.locator("#notebook-note")).to_contain_text("tokens/s")
    expect(text).not_to_be_editable()
    notebook.keyboard.press("Escape")
    if notebook.locator("#notebook-stop").is_visible():
        notebook.locator("#notebook-stop").click()
    expect(notebook.locator("#notebook-write")).to_be_visible()
    expect(text).to_be_editable()
    assert text.input_value().startswith("The cat")
    assert len(text.input_value()) > len("The cat")
    visitor.choose_tab("Parameters")
    notebook.locator("#params-reset").click()
    expect(notebook.locator("#params-summary")).to_contain_text("as the server has them")


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
    expect(notebook.locator("#default-note")).to_contain_text("written")
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
    eventually(path.exists)
    assert path.read_text() == "Once upon a time"
    visitor.open()
    visitor.choose_tab("Notebook")
    notebook.get_by_role("button", name="Kept texts").click()
    notebook.locator("#notebook-name input").click()
    notebook.get_by_role("option", name="Story").click()
    notebook.locator("#notebook-load").click()
    expect(notebook.locator("#notebook-text textarea")).to_have_value("Once upon a time")
    assert "Once upon" not in ui.logged
