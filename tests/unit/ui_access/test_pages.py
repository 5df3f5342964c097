"""Whose page it is, and for how long that is known."""

import pytest

from modules.ui.access.pages import MAX_PAGES, ForeignPage, Pages, TooManyPages, UnclearPage


class KeptPages:
    """What is kept of pages, as names only. `busy`: pages that cannot end yet."""

    def __init__(self) -> None:
        self.busy: set[str] = set()
        self.ended: list[str] = []

    def page_of(self, event_id: str) -> str | None:
        return None

    def end(self, page: str) -> bool:
        if page in self.busy:
            return False
        self.ended.append(page)
        return True


def visit(pages: Pages, page: str, login: str) -> None:
    pages.enter(page, login)
    pages.leave(page)


def test_a_page_belongs_to_the_login_that_named_it_first() -> None:
    pages = Pages(KeptPages())
    visit(pages, "a1", "ada")
    visit(pages, "a2", "ada")
    visit(pages, "b1", "bob")
    for page in ("a1", "a2"):
        with pytest.raises(ForeignPage):
            pages.enter(page, "bob")
        visit(pages, page, "ada")


@pytest.mark.parametrize("name", ["", "a b", "a<gradio-sep>b", "a/b", "x" * 129, "é"])
def test_names_that_no_page_has_are_refused(name: str) -> None:
    with pytest.raises(UnclearPage):
        Pages(KeptPages()).enter(name, "ada")


def test_the_oldest_page_ends_with_what_is_kept_of_it() -> None:
    kept = KeptPages()
    pages = Pages(kept)
    for number in range(MAX_PAGES):
        visit(pages, f"a{number}", "ada")
    visit(pages, "a0", "ada")  # used again, so the next one is the oldest
    visit(pages, "new", "ada")
    assert kept.ended == ["a1"]
    with pytest.raises(ForeignPage):
        pages.enter("a0", "bob")
    visit(pages, "a1", "bob")  # nothing of ada's is behind it any more


def test_no_page_is_forgotten_while_something_is_kept_of_it() -> None:
    kept = KeptPages()
    pages = Pages(kept)
    for number in range(MAX_PAGES):
        visit(pages, f"a{number}", "ada")
    kept.busy = {"a0"}
    pages.enter("a1", "ada")  # and stays: a page that is open
    visit(pages, "new", "ada")
    assert kept.ended == ["a2"]
    for page in ("a0", "a1"):
        with pytest.raises(ForeignPage):
            pages.enter(page, "bob")


def test_more_open_pages_than_the_bound_are_refused_and_take_no_others_place() -> None:
    kept = KeptPages()
    pages = Pages(kept)
    visit(pages, "b", "bob")
    for number in range(MAX_PAGES):
        pages.enter(f"a{number}", "ada")
    with pytest.raises(TooManyPages):
        pages.enter("new", "ada")
    assert kept.ended == []
    pages.leave("a7")
    visit(pages, "new", "ada")
    assert kept.ended == ["a7"]
