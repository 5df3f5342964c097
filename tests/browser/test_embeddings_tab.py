"""The tab Embeddings: lines are compared by the real models, and shown as pictures."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.visits import PHONE, Visitor, overflow_px
from tests.live.launch import Server

LOADS_MS = 180_000
"""To load the libraries takes long on a machine that is busy."""
HOSTILE = "{{value}} ${1+1} `a` <b id='evil'>bold</b>"


@pytest.fixture
def tab(visitor: Visitor) -> Page:
    visitor.choose_tab("Embeddings")
    return visitor.page


def write(page: Page, *lines: str) -> None:
    page.locator("#embeddings-lines textarea").fill("\n".join(lines))


def compare(page: Page) -> None:
    page.locator("#embeddings-compare").click()


def similarity(page: Page, first: str, second: str) -> float:
    """What the cell of two lines tells when one points at it."""
    title = page.locator(".matrix g title").filter(has_text=first).filter(has_text=second)
    return float((title.first.text_content() or "").splitlines()[-1])


def test_lines_that_mean_the_same_are_alike(tab: Page) -> None:
    sky, colour, dog = "What color is the sky?", "Which color has the sky?", "The dog sleeps."
    write(tab, sky, colour, dog)
    compare(tab)
    expect(tab.locator(".matrix")).to_be_visible(timeout=LOADS_MS)
    assert similarity(tab, sky, colour) > similarity(tab, sky, dog) + 0.2
    expect(tab.locator(".map circle")).to_have_count(3)
    expect(tab.locator("#embeddings-result .facts")).to_contain_text("96 dimensions")
    expect(tab.locator("#embeddings-result .facts")).to_contain_text(re.compile(r"\d+ tokens"))


def test_an_example_with_a_query_and_a_reranker_puts_the_answer_first(tab: Page) -> None:
    tab.get_by_role("button", name="Who does what where").click()
    expect(tab.locator("#embeddings-query textarea")).to_have_value("Where does the pilot swim?")
    tab.locator("#embeddings-reranker input").click()
    tab.get_by_role("option", name="tiny-rerank").click()
    compare(tab)
    rows = tab.locator(".nearest tbody tr")
    expect(rows).to_have_count(6, timeout=LOADS_MS)
    expect(rows.first).to_contain_text("The pilot swims at the market.")
    expect(tab.locator(".nearest thead")).to_contain_text("Relevance")


def test_text_is_never_markup(tab: Page) -> None:
    write(tab, HOSTILE, "The dog sleeps.")
    compare(tab)
    expect(tab.locator(".matrix .label").first).to_contain_text(
        "{{value}} ${1+1} `a`", timeout=LOADS_MS
    )
    expect(tab.locator("#evil")).to_have_count(0)


def test_one_line_is_not_enough(tab: Page) -> None:
    write(tab, "alone")
    compare(tab)
    expect(tab.get_by_text("Write at least two lines")).to_be_visible()


def test_the_line_that_is_too_long_is_named(tab: Page) -> None:
    write(tab, "short", "sky " * 300)
    compare(tab)
    expect(tab.get_by_text("Line 2 is too long")).to_be_visible(timeout=LOADS_MS)


def test_it_fits_on_a_phone(ui: Server, visit) -> None:
    visitor = visit(ui, viewport=PHONE)
    page = visitor.open()
    visitor.choose_tab("Embeddings")
    page.get_by_role("button", name="Questions to a shop").click()
    expect(page.locator("#embeddings-lines textarea")).not_to_have_value("")
    compare(page)
    expect(page.locator(".map")).to_be_visible(timeout=LOADS_MS)
    assert overflow_px(page) <= 0
