"""Pages of the web UI as a visitor sees them, and what went wrong on them."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect

PATIENCE_MS = 30_000
"""Bound of every wait of a browser test: far more than any needs."""
expect.set_options(timeout=PATIENCE_MS)
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
QUIET_MS = 250
ENDLESS = re.compile(r"/gradio_api/(heartbeat/|queue/data)")
"""Streams that last as long as the page, or a reply."""
LEFT = "BodyStreamBuffer was aborted|Connection errored out|AbortError: signal is aborted"
"""What Gradio's scripts tell the console about their own open requests, when a page is left."""
LOCAL_SCHEMES = ("data", "blob", "about")


@dataclass
class Faults:
    """What must not happen on a page: errors of its scripts and its console, and requests to anywhere but its own server."""

    origin: str
    seen: list[str] = field(default_factory=list)
    pending: set[Request] = field(default_factory=set)
    _allowed: list[str] = field(default_factory=list)
    _pages: int = 0

    def allow(self, pattern: str) -> None:
        """The test expects faults that contain this regular expression."""
        self._allowed.append(pattern)

    @property
    def unexpected(self) -> list[str]:
        return [fault for fault in self.seen if not any(re.search(p, fault) for p in self._allowed)]

    def check(self) -> None:
        """AssertionError that names every fault that was not expected."""
        assert not self.unexpected, "on the page: " + "\n".join(self.unexpected)

    def watch(self, page: Page) -> None:
        page.on("console", self._note_message)
        page.on("pageerror", lambda error: self.seen.append(f"script: {error}"))
        page.on("request", self._note_request)
        page.on("requestfinished", lambda request: self.pending.discard(request))
        page.on("requestfailed", lambda request: self.pending.discard(request))

    def _note_message(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.seen.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _note_request(self, request: Request) -> None:
        if request.is_navigation_request():
            self._pages += 1
            if self._pages > 1:  # the one before was left
                self.allow(LEFT)
        parts = urlsplit(request.url)
        own = f"{parts.scheme}://{parts.netloc}" == self.origin
        if not ENDLESS.search(parts.path):
            self.pending.add(request)
        if not own and parts.scheme not in LOCAL_SCHEMES:
            self.seen.append(f"foreign request: {request.url}")


@dataclass
class Visitor:
    """One person's browser profile, with cookies of its own, at the UI of one server. `page` is open and ready after `open`."""

    url: str
    context: BrowserContext
    page: Page
    faults: Faults

    def open(self) -> Page:
        """Load the page and wait until it answers."""
        self.page.goto(self.url)
        self.wait_until_ready()
        return self.page

    def wait_until_ready(self) -> None:
        """Gradio has built the page, and what loads at its opening has run: no request is under way for a moment."""
        expect(self.page.locator("#tabs")).to_be_visible(timeout=PATIENCE_MS)
        ends = time.monotonic() + PATIENCE_MS / 1000
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < QUIET_MS / 1000:
            assert time.monotonic() < ends, f"still loading: {[r.url for r in self.faults.pending]}"
            self.page.wait_for_timeout(QUIET_MS / 5)
            if self.faults.pending:
                quiet_since = time.monotonic()

    def choose_tab(self, title: str) -> None:
        choose_tab(self.page, title)


def choose_tab(page: Page, title: str) -> None:
    """Select a tab of the page by its title, through the menu for those that do not fit."""
    row = page.locator("#tabs > .tab-wrapper")
    tab = row.get_by_role("tab", name=title, exact=True)
    if tab.is_visible():
        tab.click()
    else:
        row.get_by_role("button", name="More tabs").click()
        row.locator(".overflow-dropdown").get_by_role("button", name=title, exact=True).click()


def choose_inner_tab(page: Page, title: str) -> None:
    """One inside of a tab. Gradio gives its fields their first values once more just after it has opened: sooner than people type."""
    page.get_by_role("tab", name=title, exact=True).click()
    page.wait_for_timeout(500)


def overflow_px(page: Page) -> int:
    """How much wider the page is than its window."""
    return page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )


@contextmanager
def visiting(
    browser: Browser, url: str, pictures: Path, has_failed: Callable[[], bool], **options: Any
) -> Iterator[Visitor]:
    """A visitor. `options` are those of a browser context, such as viewport and color_scheme; a picture is kept when the test fails."""
    parts = urlsplit(url)
    context = browser.new_context(**{"viewport": DESKTOP, "ignore_https_errors": True} | options)
    context.set_default_timeout(PATIENCE_MS)
    faults = Faults(f"{parts.scheme}://{parts.netloc}")
    context.on("page", faults.watch)
    page = context.new_page()
    try:
        yield Visitor(url, context, page, faults)
    finally:
        if (has_failed() or faults.unexpected) and not page.is_closed():
            pictures.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=pictures / f"page{len(list(pictures.iterdir()))}.png")
        context.close()
