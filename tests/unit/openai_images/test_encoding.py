"""Files of pictures, and the settings inside them."""

import io
import json

import pytest
from PIL import Image as Pillow

from modules.core.messages import Image
from modules.pictures.encoding import FileShape, encode, parameters_text

PICTURE = Image(2, 1, bytes((255, 0, 0, 0, 0, 255)))
SETTINGS = {
    "prompt": "ein rotes Häuschen 画 🎨",
    "negative_prompt": "blue",
    "width": 2,
    "height": 1,
    "steps": 9,
    "cfg_scale": 3.0,
    "seed": 7,
    "model": "m",
}


def opened(data: bytes) -> Pillow.Image:
    return Pillow.open(io.BytesIO(data))


def comment_of(picture: Pillow.Image) -> bytes | None:
    return picture.getexif().get_ifd(0x8769).get(0x9286)


def test_a_png_has_exactly_the_pixels_and_the_settings_as_texts() -> None:
    picture = opened(encode(PICTURE, FileShape("png"), SETTINGS))
    assert picture.format == "PNG"
    assert picture.convert("RGB").tobytes() == PICTURE.rgb
    assert json.loads(picture.info["image_gen_settings"]) == SETTINGS
    assert picture.info["parameters"] == (
        "ein rotes Häuschen 画 🎨\nNegative prompt: blue\n"
        "Steps: 9, CFG scale: 3.0, Seed: 7, Size: 2x1, Model: m"
    )


@pytest.mark.parametrize("kind", ["jpeg", "webp"])
def test_other_formats_have_the_settings_in_a_comment(kind: str) -> None:
    picture = opened(encode(PICTURE, FileShape(kind), SETTINGS))
    assert picture.format == kind.upper()
    comment = comment_of(picture)
    assert comment is not None
    assert comment.startswith(b"ASCII\0\0\0")
    assert json.loads(comment[8:]) == SETTINGS


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_settings_can_be_left_out(kind: str) -> None:
    picture = opened(encode(PICTURE, FileShape(kind), None))
    assert not {"image_gen_settings", "parameters"} & picture.info.keys()
    assert comment_of(picture) is None


def test_settings_that_no_jpeg_can_hold_are_left_out() -> None:
    settings = SETTINGS | {"prompt": "x" * 32_000, "negative_prompt": "y" * 32_000}
    assert comment_of(opened(encode(PICTURE, FileShape("jpeg"), settings))) is None
    png = opened(encode(PICTURE, FileShape("png"), settings))
    assert json.loads(png.info["image_gen_settings"]) == settings


def test_less_quality_takes_fewer_bytes() -> None:
    noise = Image(64, 64, bytes(i * 7919 % 251 for i in range(64 * 64 * 3)))
    for kind in ("jpeg", "webp"):
        low, high = (len(encode(noise, FileShape(kind, q), None)) for q in (10, 100))
        assert low < high / 2


def test_parameters_name_only_what_there_is() -> None:
    assert "Negative" not in parameters_text(SETTINGS | {"negative_prompt": ""})
    assert "Denoising strength: 0.5" in parameters_text(SETTINGS | {"strength": 0.5})
