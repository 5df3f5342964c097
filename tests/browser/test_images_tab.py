"""The tab Images: the bundled model draws and edits, what it drew is looked at, and kept with its settings."""

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.visits import PHONE, Visitor, overflow_px
from tests.live.images import ONE_THREAD, opened, settings_in
from tests.live.launch import Server, running_ui
from tests.shapes import draw, see

LOADS_MS = 240_000
"""To load the libraries and to draw takes long on a machine that is busy."""


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_ui(tmp_path_factory.mktemp("images"), env=ONE_THREAD) as server:
        yield server


@pytest.fixture
def tab(visitor: Visitor) -> Page:
    visitor.choose_tab("Images")
    return visitor.page


def kept(server: Server) -> list[Path]:
    """Oldest first."""
    return sorted(
        (server.user_data / "image_outputs").glob("*.png"), key=lambda p: p.stat().st_mtime_ns
    )


def fill(page: Page, prompt: str, **fields: Any) -> None:
    page.locator("#images-prompt textarea").fill(prompt)
    for name, value in fields.items():
        page.locator(f"#images-{name} input, #images-{name} textarea").first.fill(str(value))


def draw_it(page: Page) -> None:
    page.locator("#images-draw").click()
    expect(page.locator("#images-facts")).to_contain_text("drawn", timeout=LOADS_MS)
    expect(page.locator("#images-draw")).to_be_visible()


def open_gallery(page: Page) -> None:
    page.locator("#images-tabs").get_by_role("tab", name="Gallery").click()


def test_words_become_a_picture_that_is_kept_with_its_settings(tab: Page, ui: Server) -> None:
    before = len(kept(ui))
    fill(tab, "a red circle on a white background", seed=5)
    draw_it(tab)
    expect(tab.locator("#images-facts")).to_contain_text("seed 5")
    expect(tab.locator("#images-result img")).to_have_count(1)
    files = kept(ui)
    assert len(files) == before + 1
    picture = opened(files[-1].read_bytes())
    assert see(picture)[:2] == ("red", "circle")
    settings = settings_in(picture)
    assert (settings["prompt"], settings["seed"], settings["steps"]) == (
        "a red circle on a white background", 5, 12,
    )  # fmt: skip


def test_pictures_in_the_making_are_seen_and_stop_ends_them(tab: Page, ui: Server) -> None:
    before = len(kept(ui))
    fill(tab, "a blue square on a black background", steps=150)
    tab.locator("#images-draw").click()
    expect(tab.locator("#images-progress")).to_contain_text(
        re.compile(r"step \d+ of 150"), timeout=LOADS_MS
    )
    expect(tab.locator("#images-result")).to_contain_text("in the making", timeout=LOADS_MS)
    tab.locator("#images-stop").click()
    expect(tab.locator("#images-facts")).to_contain_text("Stopped", timeout=LOADS_MS)
    expect(tab.locator("#images-draw")).to_be_visible()
    assert len(kept(ui)) == before


def test_a_part_that_is_painted_over_is_drawn_anew(tab: Page, ui: Server, tmp_path: Path) -> None:
    original = draw("red", "circle")
    path = tmp_path / "circle.png"
    original.save(path)
    tab.locator("#images-source").get_by_text("From a picture").click()
    canvas = tab.locator("#images-editor canvas").first
    expect(canvas).to_be_visible()
    tab.locator("#images-editor input[type=file]").first.set_input_files(path)
    expect(tab.locator("#images-editor")).to_contain_text("%")
    tab.wait_for_timeout(1_500)  # the editor fits the picture into its place
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    tab.mouse.move(*middle)
    tab.mouse.down()
    tab.mouse.move(middle[0] + 4, middle[1] + 4, steps=3)
    tab.mouse.up()
    tab.wait_for_timeout(1_000)  # the paint is sent
    fill(tab, "a blue circle on a white background", seed=3)
    draw_it(tab)
    expect(tab.locator("#images-facts")).to_contain_text("the painted part")
    drawn = np.asarray(opened(kept(ui)[-1].read_bytes()).convert("RGB")).astype(int)
    change = np.abs(drawn - np.asarray(original.convert("RGB"))).sum(axis=2)
    assert change[:4, :4].max() == 0, "what was not painted stays, pixel by pixel"
    assert change[28:36, 28:36].mean() > 20, "what was painted is another"


@pytest.mark.parametrize("name", ["photo.png", "photo.jpg"])
def test_a_large_photo_is_made_smaller_before_the_editor_has_it(
    tab: Page, tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    Image.new("RGB", (4096, 2048), "blue").save(path)
    tab.evaluate("""() => { window.given = []; document.addEventListener('change', async ({ target }) => {
      if (target.type !== 'file') return;
      const { width, height } = await createImageBitmap(target.files[0]);
      window.given.push([width, height, target.files[0].name]);
    }); }""")
    tab.locator("#images-source").get_by_text("From a picture").click()
    tab.locator("#images-editor input[type=file]").first.set_input_files(path)
    tab.wait_for_function("window.given.length > 0")
    assert tab.evaluate("window.given") == [[2896, 1448, name]]
    expect(tab.locator("#images-editor")).to_contain_text("%")


def test_a_file_that_is_no_picture_is_refused_in_words(tab: Page, tmp_path: Path) -> None:
    broken, whole = tmp_path / "<b>broken.png", tmp_path / "circle.png"
    broken.write_bytes(b"no picture")
    draw("red", "circle").save(whole)
    tab.locator("#images-source").get_by_text("From a picture").click()
    field = tab.locator("#images-editor input[type=file]").first
    field.set_input_files(broken)
    told = tab.locator(".toast-wrap")
    expect(told).to_contain_text("<b>broken.png cannot be read as a picture")
    expect(tab.locator("#images-editor")).to_contain_text("Upload or paste a picture")
    field.set_input_files(whole)
    expect(tab.locator("#images-editor")).not_to_contain_text("Upload or paste a picture")


def test_what_was_drawn_can_be_drawn_again_edited_and_deleted(tab: Page, ui: Server) -> None:
    fill(tab, "a green triangle on a white background", seed=77, steps=3, guidance=2)
    draw_it(tab)
    count = len(kept(ui))
    fill(tab, "something else", seed="", steps="")
    open_gallery(tab)
    expect(tab.locator("#gallery-note")).to_contain_text(f"{count} picture")
    tab.locator("#gallery-grid button:has(img)").first.click()
    about = tab.locator("#gallery-settings")
    expect(about).to_contain_text("a green triangle on a white background")
    expect(about).to_contain_text("77")
    expect(tab.locator("#gallery-large img")).to_be_visible()
    tab.locator("#gallery-use").click()
    expect(tab.locator("#images-prompt textarea")).to_have_value(
        "a green triangle on a white background"
    )
    expect(tab.locator("#images-seed input, #images-seed textarea").first).to_have_value("77")
    first = kept(ui)[-1].read_bytes()
    draw_it(tab)
    again = kept(ui)[-1].read_bytes()
    assert opened(first).tobytes() == opened(again).tobytes()
    open_gallery(tab)
    expect(tab.locator("#gallery-note")).to_contain_text(f"{count + 1} pictures")
    tab.locator("#gallery-grid button:has(img)").first.click()
    expect(about).to_be_visible()
    tab.locator("#gallery-delete").click()
    expect(tab.locator("#gallery-delete-sure")).to_be_visible()
    tab.locator("#gallery-grid button:has(img)").nth(1).click()
    expect(tab.locator("#gallery-delete-sure")).to_be_hidden()  # it was asked about the other one
    tab.locator("#gallery-grid button:has(img)").first.click()
    tab.locator("#gallery-delete").click()
    tab.locator("#gallery-delete-sure").click()
    expect(tab.locator("#gallery-note")).to_contain_text(f"{count} picture")
    assert len(kept(ui)) == count


def test_a_picture_that_was_deleted_elsewhere_is_told(tab: Page, ui: Server) -> None:
    path = ui.user_data / "image_outputs" / "elsewhere.png"
    path.parent.mkdir(exist_ok=True)
    draw("red", "circle").save(path)
    damaged = path.with_name("damaged.png")
    damaged.write_bytes(b"no picture")
    open_gallery(tab)
    expect(tab.locator("#gallery-note")).to_contain_text("1 here cannot be read")
    damaged.unlink()
    expect(tab.locator("#gallery-grid img").first).to_be_visible()
    path.unlink()
    tab.locator("#gallery-grid button:has(img)").first.click()
    expect(tab.locator(".toast-wrap")).to_contain_text("not there any more")


def test_pictures_are_not_kept_when_the_switch_is_off(tab: Page, ui: Server) -> None:
    before = len(kept(ui))
    open_gallery(tab)
    switch = tab.locator("#gallery-keeps input")
    switch.uncheck()
    expect(tab.get_by_text("New pictures are not kept.")).to_be_visible()
    tab.locator("#images-tabs").get_by_role("tab", name="Draw").click()
    fill(tab, "a red circle on a white background", steps=1)
    draw_it(tab)
    expect(tab.locator("#images-facts")).not_to_contain_text("kept")
    assert len(kept(ui)) == before
    open_gallery(tab)
    switch.check()
    expect(tab.get_by_text("New pictures are not kept.")).to_be_hidden()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "Say in the prompt what to draw."),
        ({"steps": "many"}, "Steps must be a number"),
        ({"seed": "1.5"}, "whole number"),
    ],
)
def test_what_cannot_be_drawn_is_said(tab: Page, fields: dict[str, str], said: str) -> None:
    fill(tab, "a cat" if fields else "", **fields)
    tab.locator("#images-draw").click()
    expect(tab.locator(".toast-wrap")).to_contain_text(said, timeout=LOADS_MS)
    expect(tab.locator("#images-draw")).to_be_visible()


def test_a_picture_can_be_downloaded_as_it_is(tab: Page, ui: Server) -> None:
    fill(tab, "a red circle on a white background", steps=1, seed=9)
    draw_it(tab)
    with tab.expect_download() as download:
        tab.locator("#images-result img").first.click()
        tab.locator("#images-result").get_by_label("Download").first.click()
    data = Path(download.value.path()).read_bytes()
    assert settings_in(Image.open(io.BytesIO(data)))["seed"] == 9


def test_it_fits_on_a_phone(ui: Server, visit: Callable[..., Visitor]) -> None:
    visitor = visit(ui, viewport=PHONE)
    page = visitor.open()
    visitor.choose_tab("Images")
    page.locator("#images-source").get_by_text("From a picture").click()
    expect(page.locator("#images-editor canvas").first).to_be_visible()
    assert overflow_px(page) <= 0
    open_gallery(page)
    expect(page.locator("#gallery-note")).to_be_visible()
    assert overflow_px(page) <= 0
