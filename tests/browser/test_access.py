"""Logins in the browser: their page, several people at once, a reverse proxy in between."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.proxy import proxied
from tests.browser.talking import Talk
from tests.browser.visits import PHONE, Visitor, overflow_px
from tests.live.launch import Server

SUBPATH = "/hearth"
REFUSED = "401"
"""The console tells of the page that asks for a login, which is an answer with this status."""


@pytest.fixture(scope="module")
def ui_flags() -> tuple[str, ...]:
    return ("--gradio-auth", "ada:pw1,bob:pw2", "--multi-user", "--subpath", SUBPATH)


def log_in(page: Page, name: str, password: str) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def enter_as(visitor: Visitor, name: str, password: str) -> Talk:
    visitor.faults.allow(REFUSED)
    visitor.page.goto(visitor.url)
    log_in(visitor.page, name, password)
    visitor.wait_until_ready()
    return Talk(visitor.page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_wrong_password_is_told_and_a_right_one_opens_the_page(
    ui: Server, visit: Callable[..., Visitor], scheme: str
) -> None:
    visitor = visit(ui, viewport=PHONE, color_scheme=scheme)
    visitor.faults.allow(REFUSED)
    page = visitor.page
    page.goto(ui.ui_url)
    assert overflow_px(page) <= 0
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(251, 250, 248)" if scheme == "light" else "rgb(23, 20, 18)")
    log_in(page, "ada", "pw2")
    expect(page.get_by_role("alert")).to_contain_text("do not fit")
    log_in(page, "ada", "pw1")
    visitor.wait_until_ready()
    assert page.evaluate("document.cookie") == ""  # no script can read the login


def test_two_people_do_not_see_each_others_chats(ui: Server, visit: Callable[..., Visitor]) -> None:
    visitors = visit(ui), visit(ui)
    ada, bob = enter_as(visitors[0], "ada", "pw1"), enter_as(visitors[1], "bob", "pw2")
    ada.ask("What color is the sky?")
    bob.ask("Name three colors.")
    for visitor in visitors:
        visitor.page.reload()
        visitor.wait_until_ready()
    for talk, own, foreign in ((ada, "sky", "three"), (bob, "three", "sky")):
        expect(talk.chats.first).to_be_visible()
        expect(talk.page.locator("#chat-list")).not_to_contain_text(foreign)
        expect(talk.page.locator("#chat-list")).to_contain_text(own)
    assert not (ui.user_data / "profiles" / "default.json").exists()


def test_a_logout_ends_the_login(ui: Server, visit: Callable[..., Visitor]) -> None:
    visitor = visit(ui)
    enter_as(visitor, "ada", "pw1")
    visitor.page.get_by_role("link", name="Log out").click()
    expect(visitor.page.get_by_label("Password")).to_be_visible()
    visitor.page.goto(ui.ui_url)
    expect(visitor.page.get_by_label("Password")).to_be_visible()


def test_what_somebody_has_typed_is_not_there_for_the_next_login(
    ui: Server, visit: Callable[..., Visitor]
) -> None:
    """In the same tab of the browser: after a log out, and where the login ended in another tab."""
    visitor = visit(ui)
    visitor.faults.allow("401|AbortError|Connection errored out")
    ada = enter_as(visitor, "ada", "pw1")
    ada.field.fill("half a thought")
    visitor.page.reload()
    visitor.wait_until_ready()
    expect(ada.field).to_have_value("half a thought")
    other = visitor.context.new_page()
    other.goto(f"{ui.ui_url}/logout")
    visitor.page.reload()
    log_in(visitor.page, "bob", "pw2")
    visitor.wait_until_ready()
    expect(ada.page.locator(".start h2")).to_be_visible()
    expect(ada.field).to_have_value("")
    assert "thought" not in visitor.page.evaluate("JSON.stringify(sessionStorage)")
    ada.field.fill("a whole thought")
    visitor.page.get_by_role("link", name="Log out").click()
    expect(visitor.page.get_by_label("Password")).to_be_visible()
    assert "thought" not in visitor.page.evaluate("JSON.stringify(sessionStorage)")


def test_a_proxy_serves_everything_below_its_path(
    ui: Server, visit: Callable[..., Visitor]
) -> None:
    """Paths that are not below it are not found, which the console of the page tells."""
    with proxied(urlsplit(ui.ui_url).port or 0, SUBPATH) as url:
        visitor = visit(f"{url}/")
        visitor.faults.allow(
            "404.*/favicon.ico"
        )  # browsers ask at the root before Gradio has named ours
        talk = enter_as(visitor, "bob", "pw2")
        talk.ask("What color is the sky?")
        expect(talk.text).to_contain_text("blue")
        visitor.page.goto(f"{url}/logout")
        expect(visitor.page.get_by_label("Password")).to_be_visible()


def test_a_page_that_is_left_open_does_nothing_for_the_next_person(
    ui: Server, visit: Callable[..., Visitor], tmp_path: Path
) -> None:
    """Ada leaves a tab open in a browser in which Bob logs in; files and replies go on where the page is one's own."""
    visitor = visit(ui)
    ada = enter_as(visitor, "ada", "pw1")
    ada.ask("What color is the sky?")
    visitor.faults.allow("401|403")
    other = visitor.page.context.new_page()
    other.goto(f"{ui.ui_url}/logout")
    log_in(other, "bob", "pw2")
    expect(other.locator("#tabs")).to_be_visible()
    ada.send("Name three colors.")
    expect(ada.page.locator(".toast-body.error")).to_contain_text("belongs to another login")
    expect(ada.field).to_have_value("Name three colors.")
    expect(ada.page.locator("#chat-send[aria-label=Send]")).to_be_visible()
    note = tmp_path / "note.txt"
    note.write_text("The bird is a wren.")
    bob = Talk(other)
    other.locator("#chat-main input[type=file]").first.set_input_files(note)
    expect(other.locator("#chat-main")).to_contain_text("note.txt")
    expect(other.locator("#chat-main .file.loading")).to_have_count(0)
    bob.ask("What color is the sky?")
    expect(bob.text).not_to_be_empty()  # the demo model may take the note's words
    expect(bob.questions.last).to_contain_text("note.txt")
