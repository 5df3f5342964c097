"""Makes the pictures of docs/images/ui-*.png: every tab of a real server with the demo models, light, dark and on a phone.

python -m tools.screenshots                    # all of them
python -m tools.screenshots chat model         # only these tabs
python -m tools.screenshots --folder pictures  # to another folder
"""

import argparse
import io
import sys
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from modules.settings import ROOT
from tests.browser.chromium import find_chromium, launch_flags
from tests.browser.talking import Talk
from tests.browser.visits import DESKTOP, PHONE, visiting
from tests.live.launch import Server, running_ui

FOLDER = ROOT / "docs" / "images"
LOOKS: Mapping[str, dict[str, Any]] = {
    "light": {"viewport": DESKTOP, "color_scheme": "light"},
    "dark": {"viewport": DESKTOP, "color_scheme": "dark"},
    "phone": {"viewport": PHONE, "color_scheme": "light", "device_scale_factor": 2},
}
MODELS = {path.name: path for path in (ROOT / "user_data" / "models").glob("tiny-*.gguf")}
WITH_PICTURES = ("images", "character")
COLOURS = 160
"""Of the palette that keeps the files small."""
WORK_MS = 240_000
"""Loading the libraries for pictures and sound takes long on a small machine."""
SETTLE_MS = 700


@dataclass
class Studio:
    """What scenes share: the server that is pictured, where the pictures go, and which scenes have furnished it."""

    server: Server
    folder: Path
    furnished: set[str] = field(default_factory=set)


Scene = Callable[[Page, Studio], None]


OTHER_CHATS = ("Hello!", "Count from 1 to 5.", "What is the weather in Paris?")
QUESTIONS = (
    "What color is the sky?",
    "Return JSON with the keys name and age. Bob is 41 years old.",
    "Name three colors.",
)


def chat(page: Page, studio: Studio) -> None:
    """The list has several; where it has the pictured one already, that is opened."""
    talk = Talk(page)
    own = talk.chats.filter(has_text=QUESTIONS[0])
    if "chat" in studio.furnished and own.first.is_visible():
        own.first.evaluate("chat => chat.click()")  # on a phone the list lies beside the screen
        expect(talk.replies).to_have_count(len(QUESTIONS))
        return
    for question in () if "chat" in studio.furnished else OTHER_CHATS:
        talk.ask(question)
        talk.start_anew()
    studio.furnished.add("chat")
    for question in QUESTIONS:
        talk.ask(question)


def notebook(page: Page, _: Studio) -> None:
    """A text that was written on, and what may come next."""
    text = page.locator("#notebook-text textarea, #notebook textarea").first
    text.fill("<|im_start|>user\nWhat color is the sky?<|im_end|>\n<|im_start|>assistant\n")
    page.locator("#notebook-write").click()
    expect(page.locator("#notebook-stop")).to_be_hidden()
    page.locator("#notebook-tokens > button").click()
    page.locator("#notebook-look").click()
    expect(page.locator("#notebook-table table")).to_be_visible()
    page.add_style_tag(
        content="#notebook-text textarea { height: 120px !important; min-height: 0 !important }"
    )


def parameters(page: Page, _: Studio) -> None:
    expect(page.locator("#params-bar")).to_be_visible()


def model(page: Page, _: Studio) -> None:
    page.locator("#model-list").get_by_text("tiny-chat", exact=False).first.click()
    expect(page.locator("#model-facts")).to_be_visible()


def character(page: Page, _: Studio) -> None:
    page.locator("#character-list").get_by_text("Ember", exact=False).first.click()


def images(page: Page, _: Studio) -> None:
    page.locator("#images-prompt textarea").fill("a red circle on a white background")
    page.locator("#images-draw").click()
    expect(page.locator("#images-facts")).to_contain_text("drawn", timeout=WORK_MS)


def audio(page: Page, _: Studio) -> None:
    page.locator("#audio-text textarea").fill("hello world red green blue")
    page.locator("#audio-speak").click()
    expect(page.locator("#audio-speak-facts")).not_to_be_empty(timeout=WORK_MS)


def embeddings(page: Page, _: Studio) -> None:
    lines = (
        "What color is the sky?",
        "Which color has the sky?",
        "The dog sleeps.",
        "A dog is sleeping.",
        "The pilot swims in the lake.",
    )
    page.locator("#embeddings-lines textarea").fill("\n".join(lines))
    page.locator("#embeddings-compare").click()
    expect(page.locator(".matrix")).to_be_visible(timeout=WORK_MS)


def monitor(page: Page, studio: Studio) -> None:
    """Requests come in while somebody looks."""
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(_call, studio.server, number) for number in range(24)]
        page.wait_for_timeout(6000)
        for call in calls:
            call.result()


def session(page: Page, _: Studio) -> None:
    expect(page.locator("#session-tab")).to_be_visible()


def _call(server: Server, number: int) -> None:
    body = {
        "messages": [{"role": "user", "content": f"Count from 1 to {10 + number}."}],
        "max_tokens": 200,
    }
    with server.client(timeout=WORK_MS / 1000) as client:
        client.post("/v1/chat/completions", json=body).raise_for_status()


SCENES: Mapping[str, tuple[str, Scene]] = {
    "chat": ("Chat", chat),
    "notebook": ("Notebook", notebook),
    "parameters": ("Parameters", parameters),
    "model": ("Model", model),
    "character": ("Character", character),
    "images": ("Images", images),
    "audio": ("Audio", audio),
    "embeddings": ("Embeddings", embeddings),
    "monitor": ("Monitor", monitor),
    "session": ("Session", session),
}


def take(browser: Browser, studio: Studio, name: str, look: str) -> str | None:
    """Writes one picture; what went wrong on the way, if anything did."""
    title, prepare = SCENES[name]
    pictures = studio.folder / "failed"
    with visiting(browser, studio.server.ui_url, pictures, lambda: False, **LOOKS[look]) as visitor:
        page = visitor.open()
        visitor.choose_tab(title)
        trouble = None
        try:
            prepare(page, studio)
        except AssertionError as error:
            trouble = str(error).splitlines()[0]
        page.mouse.move(0, 0)
        page.wait_for_timeout(SETTLE_MS)
        save(
            page.screenshot(animations="disabled"),
            studio.folder / f"ui-{name}-{look}.png",
            has_pictures=name in WITH_PICTURES,
        )
        return trouble or "; ".join(visitor.faults.seen) or None


def save(picture: bytes, path: Path, *, has_pictures: bool) -> None:
    """With a palette where that is enough: screens without pictures have few colours."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    small = image if has_pictures else image.quantize(COLOURS, dither=Image.Dither.NONE)
    small.save(path, optimize=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tabs", nargs="*", metavar="TAB", help=", ".join(SCENES))
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--look", action="append", choices=LOOKS)
    asked = parser.parse_args()
    names = asked.tabs or list(SCENES)
    if unknown := [name for name in names if name not in SCENES]:
        parser.error(f"no tab {unknown[0]}: {', '.join(SCENES)}")
    if find_chromium() is None:
        parser.error("there is no Chromium")
    asked.folder.mkdir(parents=True, exist_ok=True)
    failed = 0
    with (
        tempfile.TemporaryDirectory() as folder,
        running_ui(Path(folder), models=MODELS) as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=launch_flags())
        studio = Studio(server, asked.folder)
        for name in names:
            for look in asked.look or LOOKS:
                trouble = take(browser, studio, name, look)
                failed += trouble is not None
                print(f"ui-{name}-{look}.png" + (f": {trouble}" if trouble else ""), flush=True)
        browser.close()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
