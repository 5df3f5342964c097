"""Whose each open page is.

A page of Gradio has a name that it has drawn itself (`session_hash`), and whoever says that name gets what is kept of the page: its chat, its
events. So a page belongs to the login that was the first to say its name.
"""

import re
from typing import Protocol

from starlette.exceptions import HTTPException

MAX_PAGES = 100
"""Of one login: more than anybody has open. Beyond that the one that was not used for longest ends."""
PAGE_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")


class ForeignPage(HTTPException):
    def __init__(self) -> None:
        super().__init__(403, "This page belongs to another login. Reload it to go on.")


class UnclearPage(HTTPException):
    def __init__(self) -> None:
        super().__init__(400, "It is not clear which page this comes from. Reload it to go on.")


class TooManyPages(HTTPException):
    def __init__(self) -> None:
        super().__init__(429, "Too many pages are open with this login: close some.")


class Kept(Protocol):
    """What is kept of pages."""

    def page_of(self, event_id: str) -> str | None:
        """The page whose event this is; None for one that is not waiting or running."""
        ...

    def end(self, page: str) -> bool:
        """Forgets all of the page. False, and nothing is done, while one of its events is waiting or running."""
        ...


class Pages:
    """Pages by login, bounded for each. A page is only forgotten together with what is kept of it: nobody gets it by waiting."""

    def __init__(self, kept: Kept) -> None:
        self.kept = kept
        self._owners: dict[str, str] = {}
        self._visits: dict[str, dict[str, int]] = {}
        """How many requests of each page are under way, by login; the page that was used last is the last."""

    def enter(self, page: str, login: str) -> None:
        """A request begins; `leave` follows. ForeignPage, UnclearPage for what can be no name, TooManyPages."""
        if not PAGE_NAME.fullmatch(page):
            raise UnclearPage
        owner = self._owners.get(page)
        if owner not in (None, login):
            raise ForeignPage
        own = self._visits.setdefault(login, {})
        if owner is None:
            self._make_room(own)
            self._owners[page] = login
        own[page] = own.pop(page, 0) + 1

    def leave(self, page: str) -> None:
        self._visits[self._owners[page]][page] -= 1

    def is_in_use(self, page: str) -> bool:
        """Whether a request of it is under way."""
        owner = self._owners.get(page)
        return owner is not None and self._visits[owner][page] > 0

    def _make_room(self, own: dict[str, int]) -> None:
        if len(own) < MAX_PAGES:
            return
        for page, visits in own.items():
            if not visits and self.kept.end(page):
                del own[page], self._owners[page]
                return
        raise TooManyPages
