"""Sizes as they are asked for, and at which the model draws."""

import pytest

from modules.core.errors import RequestError
from modules.core.images import ImageTraits
from modules.pictures.sizes import (
    Size,
    drawn_size,
    drawn_size_of_picture,
    image_tokens,
    parse_size,
    size_of_picture,
)

MEGA = 2**20
PLAIN = ImageTraits(512, 512, multiple=8)
SMALL = ImageTraits(64, 64, multiple=8, max_side=64)


@pytest.mark.parametrize("text", [None, "auto", "AUTO"])
def test_what_is_not_said_is_automatic(text: str | None) -> None:
    assert parse_size(text, MEGA) is None


@pytest.mark.parametrize("text", ["640x480", " 640 x 480 ", "640X480", "640×480"])
def test_a_size_is_width_and_height(text: str) -> None:
    assert parse_size(text, MEGA) == Size(640, 480)


@pytest.mark.parametrize(
    "text",
    [
        *("", "big", "640", "640x", "x480", "-1x64", "64x-1", "0x0", "8x64", "1e3x64", "64.0x64"),
        *("1025x1024", "9999999x16", "999999x999999", "٦٤x٦٤", "64x64x64", "nanxnan"),
    ],
)
def test_what_is_no_size_or_too_large_is_refused(text: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_size(text, MEGA)
    assert caught.value.param == "size"


def test_sides_are_multiples_of_what_the_model_can() -> None:
    assert drawn_size(Size(512, 264), PLAIN) == Size(512, 264)
    with pytest.raises(RequestError, match="multiples of 8"):
        drawn_size(Size(512, 260), PLAIN)


def test_a_model_that_knows_small_pictures_draws_small_ones() -> None:
    assert drawn_size(Size(1024, 1024), SMALL) == Size(64, 64)
    assert drawn_size(Size(1792, 1024), SMALL) == Size(64, 40)
    assert drawn_size(Size(1000, 16), SMALL) == Size(64, 8)
    assert drawn_size(Size(48, 64), SMALL) == Size(48, 64)


def test_a_picture_keeps_its_size_unless_it_is_too_large() -> None:
    assert size_of_picture(Size(333, 77), MEGA) == Size(333, 77)
    shrunk = size_of_picture(Size(4000, 3000), MEGA)
    assert shrunk.pixels <= MEGA
    assert shrunk.width / shrunk.height == pytest.approx(4 / 3, rel=0.01)


def test_a_picture_is_drawn_at_about_the_pixels_that_the_model_knows_best() -> None:
    drawn = drawn_size_of_picture(Size(4000, 3000), PLAIN)
    assert drawn == Size(592, 440)
    assert drawn_size_of_picture(Size(100, 100), PLAIN) == Size(512, 512)
    assert drawn_size_of_picture(Size(200, 100), SMALL) == Size(64, 32)
    assert drawn_size_of_picture(Size(2000, 10), PLAIN).height == 40


def test_a_token_is_a_square_of_sixteen_pixels() -> None:
    assert image_tokens(Size(64, 64)) == 16
    assert image_tokens(Size(17, 16)) == 2
