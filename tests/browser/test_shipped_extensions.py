"""The extensions that ship, as a person sees them."""

import re
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.talking import Talk
from tests.browser.visits import PHONE, Visitor, overflow_px
from tests.live.launch import Server, running_ui
from tests.voices import RATE, Espeak

NAMES = (
    "tts",
    "whisper_stt",
    "gallery",
    "rag",
    "perplexity_colors",
    "character_bias",
    "long_replies",
)
SETTINGS = """
temperature: 0
perplexity_colors-sure: 1.1
perplexity_colors-is_active: false
character_bias-is_active: false
long_replies-min_tokens: 0
rag-least: -1.0
"""
LOADS_MS = 240_000
WORDS = "hello world red green blue"
NOTES = "The lighthouse keeper was called Ambrose Tindall, and he kept bees."


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("ui")
    with running_ui(folder, "--extensions", *NAMES, settings=SETTINGS) as server:
        yield server


@pytest.fixture
def talk(visitor: Visitor) -> Talk:
    return Talk(visitor.page)


def open_extensions(talk: Talk) -> None:
    talk.page.get_by_role("button", name="Extensions", exact=True).click()


def height_px(part: Locator) -> float:
    return part.evaluate("e => e.getBoundingClientRect().height")


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


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("spoken") / "words.wav"
    quiet = np.zeros(RATE // 2)
    samples = np.concatenate([quiet, Espeak().say(WORDS), quiet]) * 32767
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE)
        sound.writeframes(samples.astype("<i2").tobytes())
    return path


def give(page: Page, spoken: Path) -> None:
    page.locator("#whisper-sound").get_by_role("button", name="Upload file").click()
    page.locator("#whisper-sound input[type=file]").set_input_files(spoken)


def test_a_recording_becomes_text_in_the_field(talk: Talk, spoken: Path) -> None:
    open_extensions(talk)
    talk.field.fill("He said:")
    give(talk.page, spoken)
    expect(talk.field).not_to_have_value("He said:", timeout=LOADS_MS)
    heard = talk.field.input_value()
    assert heard.startswith("He said: ")
    assert "red" in heard.lower()


def test_a_language_that_is_not_known_is_told(visitor: Visitor, spoken: Path) -> None:
    talk = Talk(visitor.page)
    open_extensions(talk)
    visitor.page.get_by_label("Language", exact=True).fill("klingon")
    give(visitor.page, spoken)
    expect(visitor.page.get_by_text("does not know the language")).to_be_visible(timeout=LOADS_MS)
    expect(talk.field).to_have_value("")


def test_documents_are_added_asked_and_removed(visitor: Visitor, tmp_path: Path) -> None:
    visitor.choose_tab("Documents")
    page = visitor.page
    file = tmp_path / "notes.txt"
    file.write_text(NOTES)
    expect(page.locator("#rag-documents")).to_contain_text("There are no documents yet")
    page.locator("#rag-add input[type=file]").set_input_files(file)
    expect(page.locator("#rag-documents")).to_contain_text("notes.txt", timeout=LOADS_MS)
    question = page.get_by_label("What a question finds")
    question.fill("Who kept bees?")
    question.press("Enter")
    expect(page.locator("#rag-passages")).to_contain_text(NOTES)
    visitor.choose_tab("Chat")
    talk = Talk(page)
    talk.ask("What color is the sky?")
    expect(talk.text).to_contain_text("Sources: [1] notes.txt (passage 1 of 1)")
    visitor.choose_tab("Documents")
    page.locator("#rag-remove").click()
    page.locator("#rag-remove-sure").click()
    expect(page.locator(".toast-wrap")).to_contain_text("Choose a document first")
    chosen = page.locator("#rag-chosen input")
    chosen.click()
    page.get_by_role("option", name="notes.txt").click()
    assert height_px(page.locator("#rag-remove")) == height_px(page.locator("#rag-read"))
    page.locator("#rag-remove").click()
    page.locator("#rag-remove-sure").click()
    expect(page.locator("#rag-documents")).to_contain_text("There are no documents yet")


def test_words_are_coloured_and_the_colours_do_not_grow_into_the_chat(
    visitor: Visitor, talk: Talk
) -> None:
    open_extensions(talk)
    switch = talk.page.get_by_label("Colour words by how likely they were")
    switch.check()
    visitor.wait_until_ready()
    talk.ask("What color is the sky?")
    words = talk.text.locator("span[title]")
    expect(words.first).to_be_visible()
    assert "".join(words.all_inner_texts()).startswith("Thesky")
    expect(words.first).to_have_attribute("style", re.compile("rgba"))
    expect(talk.text).to_have_text("The sky is blue.")
    switch.uncheck()
    visitor.wait_until_ready()
    talk.ask("What color is the sky?")
    expect(talk.text).to_have_text("The sky is blue.")
    expect(talk.text.locator("span[title]")).to_have_count(0)


def test_a_mood_and_a_length_are_set_by_mouse(visitor: Visitor, talk: Talk) -> None:
    open_extensions(talk)
    mood = talk.page.get_by_label("Mood", exact=True)
    mood.fill("The sky is")
    active = talk.page.get_by_label("Replies begin in this mood")
    active.check()
    visitor.wait_until_ready()
    talk.ask("What color is the sky?")
    expect(talk.text).not_to_have_text("The sky is blue.")
    active.uncheck()
    visitor.wait_until_ready()
    talk.ask("What color is the sky?")
    expect(talk.text).to_have_text("The sky is blue.")


def test_a_click_in_the_gallery_begins_a_chat(visitor: Visitor) -> None:
    """After the others: from now on this person's chats are with that character."""
    visitor.choose_tab("Gallery")
    page = visitor.page
    cards = page.locator(".gallery-card")
    expect(cards).to_have_count(2)
    expect(page.locator(".gallery-card[data-value=Example] img")).to_be_visible()
    page.get_by_label("Search characters").fill("exam")
    expect(cards).to_have_count(1)
    cards.first.click()
    expect(page.locator("#tab-chat")).to_be_visible()
    expect(page.locator("#chat-mode")).to_contain_text("Ember")
    expect(Talk(page).replies).to_have_count(1)


def test_all_of_it_fits_on_a_phone(ui: Server, visit: Callable[..., Visitor]) -> None:
    visitor = visit(ui, viewport=PHONE)
    talk = Talk(visitor.open())
    open_extensions(talk)
    assert overflow_px(visitor.page) <= 0
    for title in ("Gallery", "Documents"):
        visitor.choose_tab(title)
        assert overflow_px(visitor.page) <= 0, title
