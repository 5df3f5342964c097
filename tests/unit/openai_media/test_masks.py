"""Masks: what is transparent, or white where nothing is."""

import io

import pytest
from PIL import Image as Pillow

from modules.core.errors import RequestError
from modules.pictures.decoding import Decoder


def decoded(picture: Pillow.Image, kind: str = "PNG") -> list[int]:
    file = io.BytesIO()
    picture.save(file, kind)
    mask = Decoder(10_000).decode_mask(file.getvalue())
    assert len(mask.levels) == mask.width * mask.height
    return list(mask.levels)


def test_what_is_transparent_is_marked() -> None:
    picture = Pillow.new("RGBA", (2, 2), (255, 255, 255, 255))
    picture.putpixel((1, 0), (255, 255, 255, 0))
    picture.putpixel((0, 1), (0, 0, 0, 128))
    assert decoded(picture) == [0, 255, 127, 0]


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "1", "P"])
def test_without_transparency_white_is_marked(mode: str) -> None:
    picture = Pillow.new("L", (2, 1), 0)
    picture.putpixel((1, 0), 255)
    assert decoded(picture.convert(mode)) == [0, 255]


def test_grey_of_sixteen_bits_is_read() -> None:
    assert decoded(Pillow.new("I;16", (1, 1), 0x8000)) == [128]


def test_a_mask_counts_like_a_picture() -> None:
    file = io.BytesIO()
    Pillow.new("L", (200, 100)).save(file, "PNG")
    with pytest.raises(RequestError) as caught:
        Decoder(10_000).decode_mask(file.getvalue())
    assert caught.value.code == "image_too_large"
