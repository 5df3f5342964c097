"""The tab Audio: a spoken file and the microphone become text, text becomes sound. The ears and voices are the real ones."""

import io
import re
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from start import find_chromium
from tests.browser.chromium import launch_flags
from tests.browser.visits import PATIENCE_MS, PHONE, Visitor, overflow_px
from tests.live.images import ONE_THREAD
from tests.live.launch import Server, running_ui
from tests.live.sound import Listener, decoded
from tests.voices import RATE, Espeak

LOADS_MS = 180_000
"""To load the libraries takes long on a machine that is busy."""
WORDS = "hello world red green blue"


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_ui(tmp_path_factory.mktemp("audio"), env=ONE_THREAD) as server:
        yield server


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("spoken") / "words.wav"
    path.write_bytes(_wav(Espeak().say(WORDS)))
    return path


def _wav(samples: Any) -> bytes:
    quiet = np.zeros(RATE // 2)
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE)
        whole = np.concatenate([quiet, samples, quiet]) * 32767
        sound.writeframes(whole.astype("<i2").tobytes())
    return file.getvalue()


@pytest.fixture(scope="module")
def browser(spoken: Path) -> Iterator[Browser]:
    """Its microphone hears the spoken words again and again."""
    flags = [
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={spoken}",
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=[*launch_flags(), *flags], timeout=PATIENCE_MS
        )
        yield browser
        browser.close()


@pytest.fixture
def tab(visitor: Visitor) -> Page:
    visitor.choose_tab("Audio")
    return visitor.page


def choose_file(page: Page, path: Path) -> None:
    page.locator("#audio-recording input[type=file]").set_input_files(path)
    expect(
        page.locator("#audio-recording").get_by_role("button", name="Play", exact=True)
    ).to_be_visible(timeout=PATIENCE_MS)


def saved(page: Page, selector: str) -> bytes:
    with page.expect_download() as download:
        page.locator(selector).click()
    return Path(download.value.path()).read_bytes()


def test_a_spoken_file_is_written_down_and_can_be_saved(tab: Page, spoken: Path) -> None:
    choose_file(tab, spoken)
    tab.locator("#audio-transcribe").click()
    text = tab.locator("#audio-transcript textarea")
    expect(text).to_have_value(re.compile("hello world"), timeout=LOADS_MS)
    expect(tab.locator("#audio-hear-facts")).to_contain_text("English", timeout=LOADS_MS)
    expect(tab.locator("#audio-segments tbody tr").first).to_contain_text("hello world")
    assert b"hello world" in saved(tab, "#audio-save-txt")
    srt, vtt = saved(tab, "#audio-save-srt"), saved(tab, "#audio-save-vtt")
    assert srt.startswith(b"1\n00:00:")
    assert vtt.startswith(b"WEBVTT")
    assert b"hello world" in srt
    expect(tab.locator("#audio-transcribe")).to_be_visible()


def test_the_microphone_is_heard(ui: Server, visit: Callable[..., Visitor]) -> None:
    visitor = visit(ui, permissions=["microphone"])
    page = visitor.open()
    visitor.choose_tab("Audio")
    recording = page.locator("#audio-recording")
    recording.get_by_label("Record audio").click()
    recording.get_by_role("button", name="Record", exact=True).click()
    page.wait_for_timeout(5_000)
    recording.get_by_role("button", name="Stop", exact=True).click()
    expect(recording.get_by_role("button", name="Play", exact=True)).to_be_visible(
        timeout=PATIENCE_MS
    )
    page.locator("#audio-transcribe").click()
    known = re.compile(r"hello|world|red|green|blue")
    expect(page.locator("#audio-transcript textarea")).to_have_value(known, timeout=LOADS_MS)


def test_a_file_that_is_no_sound_is_said(tab: Page, tmp_path: Path, visitor: Visitor) -> None:
    visitor.faults.allow(
        "Waveform load error|decode|EncodingError"
    )  # the player of the page says so too
    path = tmp_path / "broken.wav"
    path.write_bytes(b"RIFF" + b"\0" * 400)
    tab.locator("#audio-recording input[type=file]").set_input_files(path)
    tab.wait_for_timeout(1_500)
    tab.locator("#audio-transcribe").click()
    expect(tab.locator(".toast-wrap")).to_contain_text(
        "cannot be read as a recording", timeout=LOADS_MS
    )
    expect(tab.locator("#audio-transcribe")).to_be_visible()


def test_without_a_recording_one_is_asked_for(tab: Page) -> None:
    tab.locator("#audio-transcribe").click()
    expect(tab.get_by_text("Record something or choose a file first.")).to_be_visible()


def test_a_language_that_the_model_does_not_know_is_said(tab: Page, spoken: Path) -> None:
    choose_file(tab, spoken)
    language = tab.locator("#audio-language input")
    language.fill("Klingon")
    language.press("Enter")
    tab.locator("#audio-transcribe").click()
    expect(tab.locator(".toast-wrap")).to_contain_text("Klingon", timeout=LOADS_MS)


@pytest.mark.parametrize("kind", ["mp3", "wav"])
def test_a_text_is_spoken_so_that_it_can_be_understood(tab: Page, kind: str) -> None:
    expect(tab.locator("#audio-voice input")).not_to_have_value("", timeout=LOADS_MS)
    tab.locator("#audio-text textarea").fill("hello world")
    if kind != "mp3":
        tab.locator("#audio-format input").click()
        tab.get_by_role("option", name=kind).click()
    tab.locator("#audio-speak").click()
    expect(tab.locator("#audio-speak-facts")).to_contain_text("KiB", timeout=LOADS_MS)
    data = saved(tab, "#audio-sound [aria-label='Download']")
    sound = decoded(data)
    assert not sound.is_silent
    assert "hello" in Listener().hear(sound)


def test_without_text_nothing_is_spoken(tab: Page) -> None:
    tab.locator("#audio-speak").click()
    expect(tab.get_by_text("Write something to speak first.")).to_be_visible()


def test_it_fits_on_a_phone(ui: Server, visit: Callable[..., Visitor]) -> None:
    visitor = visit(ui, viewport=PHONE)
    page = visitor.open()
    visitor.choose_tab("Audio")
    expect(page.locator("#audio-speak")).to_be_attached()
    assert overflow_px(page) <= 0
