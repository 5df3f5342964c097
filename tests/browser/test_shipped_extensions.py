"""The extensions that ship, as a person sees them."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.talking import Talk
from tests.browser.visits import Visitor
from tests.live.launch import Server


@pytest.fixture(scope="module")
def ui_flags() -> tuple[str, ...]:
    return ("--extensions", "tts")


@pytest.fixture
def talk(visitor: Visitor) -> Talk:
    return Talk(visitor.page)


def open_extensions(talk: Talk) -> None:
    talk.page.get_by_role("button", name="Extensions", exact=True).click()


def test_places_of_extensions_open_and_close(talk: Talk) -> None:
    place = talk.page.locator("#extension-tts")
    expect(place).to_be_hidden()
    open_extensions(talk)
    expect(place).to_be_visible()
    open_extensions(talk)
    expect(place).to_be_hidden()


def test_a_reply_speaks_when_it_is_asked_to(talk: Talk) -> None:
    talk.ask("What color is the sky?")
    player = talk.last.locator("audio.tts-player")
    expect(player).to_have_count(0)
    talk.last.hover()
    talk.last.get_by_role("button", name="Speak").click()
    expect(player).to_be_visible()
    talk.page.wait_for_function("document.querySelector('.tts-player').duration > 0.3")
    talk.do(talk.last, "Regenerate")
    talk.wait()
    expect(player).to_have_count(0)


def test_replies_speak_by_themselves_where_that_is_wanted(talk: Talk) -> None:
    open_extensions(talk)
    talk.page.locator("#tts-autoplay input").check()
    talk.ask("What color is the sky?")
    expect(talk.last.locator("audio.tts-player")).to_be_visible()
    talk.ask("Tell me a joke")
    expect(talk.replies).to_have_count(2)
    expect(talk.last.locator("audio.tts-player")).to_be_visible()


def test_a_voice_that_does_not_exist_is_told_below_the_reply(
    ui: Server, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(ui)
    talk = Talk(visitor.open())
    open_extensions(talk)
    voice = talk.page.locator("#extension-tts").get_by_role("combobox", name="Voice")
    voice.fill("nobody")
    voice.press("Enter")
    talk.ask("What color is the sky?")
    talk.last.get_by_role("button", name="Speak").click()
    expect(talk.last.locator(".tts-problem")).to_contain_text("nobody")
