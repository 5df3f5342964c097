"""Pictures made small: which part of them stays, and in which form."""

from io import BytesIO

import pytest
from PIL import Image

from modules.core.errors import RequestError
from modules.pictures.sizes import Size
from modules.pictures.thumbnails import to_portrait, to_thumbnail
from tests.unit.chats.makers import png


def as_png(picture: Image.Image) -> bytes:
    file = BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def test_a_thumbnail_is_filled_by_the_upper_middle() -> None:
    tall = Image.new("RGB", (100, 400), "blue")
    tall.paste((255, 0, 0), (0, 50, 100, 170))  # where a face would be
    small = Image.open(BytesIO(to_thumbnail(as_png(tall), Size(40, 40))))
    assert (small.format, small.size) == ("WEBP", (40, 40))
    corners = [small.convert("RGB").getpixel(at) for at in ((1, 1), (38, 1), (1, 38), (38, 38))]
    assert all(red > 200 and blue < 60 for red, _, blue in corners)  # type: ignore[misc]


def test_a_small_picture_fills_its_thumbnail_too() -> None:
    small = Image.open(BytesIO(to_thumbnail(png("red", (3, 5)), Size(24, 32))))
    assert small.size == (24, 32)


def test_portraits_are_whole_and_small_pngs() -> None:
    portrait = Image.open(BytesIO(to_portrait(png("blue", (3000, 1500)), 768)))
    assert (portrait.format, portrait.size) == ("PNG", (768, 384))
    assert Image.open(BytesIO(to_portrait(png("blue", (30, 15)), 768))).size == (30, 15)


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(RequestError, match="cannot be read"):
        to_portrait(b"no picture", 768)
    with pytest.raises(RequestError, match="cannot be read"):
        to_thumbnail(b"no picture", Size(8, 8))
