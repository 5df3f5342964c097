"""Pictures that are edited: sizes, and what a mask keeps."""

from modules.core.images import Mask
from modules.core.messages import Image
from modules.pictures.originals import Original
from modules.pictures.sizes import Size


def plain(width: int, height: int, *colour: int) -> Image:
    return Image(width, height, bytes(colour) * (width * height))


def noise(width: int, height: int) -> Image:
    return Image(width, height, bytes(i * 7919 % 251 for i in range(width * height * 3)))


def test_what_the_mask_keeps_comes_back_exactly() -> None:
    image = noise(64, 48)
    levels = bytes(255 if x < 32 else 0 for _ in range(48) for x in range(64))
    done = Original(image, Mask(64, 48, levels)).completed(plain(32, 24, 1, 2, 3))
    for y in range(48):
        row = slice(y * 64 * 3, (y + 1) * 64 * 3)
        assert done.rgb[row][32 * 3 :] == image.rgb[row][32 * 3 :]
        assert done.rgb[row][: 32 * 3] == bytes((1, 2, 3)) * 32


def test_without_a_mask_the_drawing_is_scaled_to_the_size() -> None:
    done = Original(noise(64, 48)).completed(plain(32, 24, 9, 9, 9))
    assert done == plain(64, 48, 9, 9, 9)


def test_a_picture_of_the_right_size_is_left_as_it_is() -> None:
    original = Original(noise(64, 48))
    assert original.fitted(Size(64, 48)) is original


def test_another_shape_is_cut_in_the_middle_and_not_distorted() -> None:
    left, right = bytes((255, 0, 0)), bytes((0, 0, 255))
    row = left * 25 + bytes((0, 255, 0)) * 50 + right * 25
    fitted = Original(Image(100, 50, row * 50)).fitted(Size(50, 50)).image
    assert fitted.rgb[3 * 25 : 3 * 26] == bytes((0, 255, 0))
    assert fitted.rgb[: 3 * 20] == bytes((0, 255, 0)) * 20
