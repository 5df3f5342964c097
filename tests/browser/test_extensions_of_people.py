"""Extensions that ship, where several people use the program: each has their own switches and documents."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.test_access import enter_as
from tests.browser.visits import Visitor
from tests.live.launch import Server, running_ui

FLAGS = ("--gradio-auth", "ada:pw1,bob:pw2", "--multi-user")
SETTINGS = """
temperature: 0
perplexity_colors-sure: 1.1
perplexity_colors-is_active: false
rag-least: -1.0
"""
LOADS_MS = 240_000
SKY = "What color is the sky?"


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("ui")
    names = ("--extensions", "rag", "perplexity_colors")
    with running_ui(folder, *FLAGS, *names, settings=SETTINGS) as server:
        yield server


def colours(visitor: Visitor) -> Locator:
    visitor.page.get_by_role("button", name="Extensions", exact=True).click()
    return visitor.page.get_by_label("Colour words by how likely they were")


def test_a_switch_is_each_persons_own(ui: Server, visit: Callable[..., Visitor]) -> None:
    first, second = visit(ui), visit(ui)
    ada, bob = enter_as(first, "ada", "pw1"), enter_as(second, "bob", "pw2")
    colours(first).check()
    first.wait_until_ready()
    ada.ask(SKY)
    expect(ada.text.locator("span[title]").first).to_be_visible()
    bob.ask(SKY)
    expect(bob.text.locator("span[title]")).to_have_count(0)
    for visitor in (first, second):
        visitor.page.reload()
        visitor.wait_until_ready()
    expect(colours(first)).to_be_checked()
    expect(colours(second)).not_to_be_checked()


def test_documents_are_for_who_added_them(
    ui: Server, visit: Callable[..., Visitor], tmp_path: Path
) -> None:
    first, second = visit(ui), visit(ui)
    ada, bob = enter_as(first, "ada", "pw1"), enter_as(second, "bob", "pw2")
    file = tmp_path / "diary.txt"
    file.write_text("The sky was blue, and nobody shall know.")
    first.choose_tab("Documents")
    first.page.locator("#rag-add input[type=file]").set_input_files(file)
    expect(first.page.locator("#rag-documents")).to_contain_text("diary.txt", timeout=LOADS_MS)
    second.page.reload()
    second.wait_until_ready()
    second.choose_tab("Documents")
    expect(second.page.locator("#rag-documents")).to_contain_text("There are no documents yet")
    for visitor in (first, second):
        visitor.choose_tab("Chat")
    ada.ask(SKY)
    expect(ada.text).to_contain_text("Sources: [1] diary.txt")
    bob.ask(SKY)
    expect(bob.text).to_contain_text("sky")
    expect(bob.text).not_to_contain_text("diary.txt")
