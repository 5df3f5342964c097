"""Pictures and speech in the chat tab, with the vision model and the ears that the repository brings along."""

import io
import json
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.talking import Talk
from tests.browser.visits import Visitor
from tests.contract.drawings import draw_shape
from tests.live.images import ONE_THREAD
from tests.live.launch import DEMO, Server, eventually, running_ui
from tests.voices import RATE, Espeak

EYES = "tiny-vision-Q8_0.gguf"
MODELS = {name: DEMO.with_name(name) for name in (DEMO.name, EYES, "tiny-vision-mmproj-F16.gguf")}
LOADS_MS = 180_000
"""To load the ears takes long on a machine that is busy."""


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("chat-media")
    profile = folder / "user_data" / "profiles" / "default.json"
    profile.parent.mkdir(parents=True)
    profile.write_text(json.dumps({"parameters": {"sampling": {"temperature": 0}}}))
    with running_ui(folder, "--model", EYES, models=MODELS, env=ONE_THREAD) as server:
        yield server


@pytest.fixture
def talk(visitor: Visitor) -> Talk:
    return Talk(visitor.page)


@pytest.fixture(scope="module")
def circle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pictures") / "circle.png"
    draw_shape("red", "circle", "white", size=96).save(path)
    return path


def attach(talk: Talk, path: Path) -> None:
    talk.page.set_input_files("#chat-file", path)
    expect(talk.page.locator("#chat-files .file:not(.loading)")).to_contain_text(path.name)


def is_shown(talk: Talk) -> bool:
    image = talk.questions.last.locator(".file-picture img")
    return bool(image.evaluate("e => e.complete && e.naturalWidth > 0"))


def test_a_picture_is_seen(talk: Talk, circle: Path) -> None:
    attach(talk, circle)
    talk.ask("What is in the picture?")
    expect(talk.text).to_contain_text("red")
    eventually(lambda: is_shown(talk))
    talk.page.reload()
    talk.chats.first.click()
    expect(talk.questions).to_have_count(1)
    eventually(lambda: is_shown(talk))


def test_a_picture_of_a_private_chat_is_in_the_page_only(
    talk: Talk, circle: Path, ui: Server
) -> None:
    before = set(ui.user_data.rglob("*"))
    talk.page.locator("#chat-private").click()
    expect(talk.page.locator("#chat-private")).to_have_attribute("aria-checked", "true")
    attach(talk, circle)
    talk.ask("What is in the picture?")
    eventually(lambda: is_shown(talk))
    source = talk.questions.last.locator(".file-picture img").get_attribute("src")
    assert source is not None
    assert source.startswith("data:image/png")
    new = set(ui.user_data.rglob("*")) - before
    assert not [path for path in new if path.suffix == ".png"]


def test_a_picture_can_be_dropped(talk: Talk, circle: Path) -> None:
    data = talk.page.evaluate_handle(
        """bytes => { const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], "dropped.png", {type: "image/png"})); return data; }""",
        list(circle.read_bytes()),
    )
    talk.page.dispatch_event("#chat-main", "drop", {"dataTransfer": data})
    expect(talk.page.locator("#chat-files .file:not(.loading)")).to_contain_text("dropped.png")


def _wav(samples: Any) -> bytes:
    quiet = np.zeros(RATE // 2)
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE)
        sound.writeframes((np.concatenate([quiet, samples, quiet]) * 32767).astype("<i2").tobytes())
    return file.getvalue()


def test_speech_is_written_out(ui: Server, visit: Callable[..., Visitor], tmp_path: Path) -> None:
    talk = Talk(visit(ui).open())
    path = tmp_path / "words.wav"
    path.write_bytes(_wav(Espeak().say("hello world red green blue")))
    attach(talk, path)
    talk.send("What was said?")
    expect(talk.questions).to_have_count(1, timeout=LOADS_MS)
    talk.wait()
    expect(talk.questions.locator(".file")).to_contain_text("words.wav")
    [chat] = [
        each
        for each in (ui.user_data / "logs" / "chats").glob("*.json")
        if "words.wav" in each.read_text(encoding="utf-8")
    ]
    assert "green" in chat.read_text(encoding="utf-8").lower()
