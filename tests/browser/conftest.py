"""Fixtures of the browser tests: a real server with its web UI, a real Chromium, and visitors that notice what goes wrong.

Chromium and the server are a module's own: Playwright keeps an event loop in the thread for as long as it runs, which tests with
loops of their own do not bear beside them.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.chromium import HINT, find_chromium, launch_flags
from tests.browser.visits import PATIENCE_MS, Visitor, visiting
from tests.live.launch import Server, running_ui

FAILED = pytest.StashKey[bool]()
JOURNEYS = frozenset(
    (
        "test_the_page_opens_at_the_chat",
        "test_a_conversation",
        "test_stop_keeps_what_is_there",
        "test_regenerate_and_swipe",
        "test_edit_a_question_and_ask_again",
        "test_a_tool_is_called_when_it_is_allowed",
        "test_a_phone",
        "test_a_picture_is_seen",
        "test_words_become_a_picture_that_is_kept_with_its_settings",
        "test_the_header_shows_what_is_loaded_and_loads_another",
        "test_a_load_that_fails_says_why_and_leaves_what_works",
        "test_a_preset_is_loaded_saved_and_deleted",
        "test_two_people_do_not_see_each_others_chats",
    )
)
"""What runs wherever there is a Chromium. The other browser tests take a quarter of an hour, so they are `slow` too: run them by hand."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    skip = pytest.mark.skip(reason=HINT)
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if getattr(item, "originalname", item.name) not in JOURNEYS:
                item.add_marker(pytest.mark.slow)
            if find_chromium() is None:
                item.add_marker(skip)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[Any]:
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=launch_flags(), timeout=PATIENCE_MS
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def ui_flags() -> tuple[str, ...]:
    """Flags of the module's server; a module that needs others overrides this."""
    return ()


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory, ui_flags: tuple[str, ...]) -> Iterator[Server]:
    """A server with the web UI, the API, the demo model and user data of its own."""
    with running_ui(tmp_path_factory.mktemp("ui"), *ui_flags) as server:
        yield server


@pytest.fixture
def visit(
    browser: Browser, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Callable[..., Visitor]]:
    """`visit(server)` or `visit(url)`: a new person in a browser profile of its own, not yet at the page. Keyword arguments are
    Playwright's for a context: `viewport=PHONE`, `color_scheme="dark"`, ... At the end the test fails for errors on a page and for
    foreign requests, unless `visitor.faults.allow(...)` named them. Pictures of pages of failed tests are in the test's tmp_path.
    """
    visitors: list[Visitor] = []
    with ExitStack() as stack:

        def enter(server: Server | str, **options: Any) -> Visitor:
            url = server if isinstance(server, str) else server.ui_url
            failed = lambda: request.node.stash.get(FAILED, False)  # noqa: E731
            visitor = stack.enter_context(
                visiting(browser, url, tmp_path / "pictures", failed, **options)
            )
            visitors.append(visitor)
            return visitor

        yield enter
    for visitor in visitors:
        visitor.faults.check()


@pytest.fixture
def visitor(ui: Server, visit: Callable[..., Visitor]) -> Visitor:
    """A person at a desktop, whose page is open and ready."""
    entered = visit(ui)
    entered.open()
    return entered


@pytest.fixture
def page(visitor: Visitor) -> Page:
    return visitor.page
