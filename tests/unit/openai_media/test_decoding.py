"""Files to pixels, whatever the files are."""

import random
import struct
import zlib
from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given, strategies as st
from PIL import Image as Pillow, ImageCms, PngImagePlugin

from modules.core.errors import RequestError
from modules.core.messages import Image
from modules.pictures.decoding import MAX_SCANS, Decoder
from tests.unit.openai_media.pictures import (
    BLUE,
    FORMATS,
    LOSSLESS,
    RED,
    encode,
    is_near,
    pixel,
    png_chunk,
    png_that_claims,
    square,
)

LIMIT = 1_000_000


def decode(data: bytes, max_pixels: int = LIMIT) -> Image:
    return Decoder(max_pixels).decode(data)


def refusal(data: bytes, max_pixels: int = LIMIT) -> RequestError:
    with pytest.raises(RequestError) as caught:
        decode(data, max_pixels)
    return caught.value


def corners(image: Image) -> list[tuple[int, ...]]:
    """Upper left, upper right, lower left, lower right."""
    ends = [(x, y) for y in (0, image.height - 1) for x in (0, image.width - 1)]
    return [pixel(image.rgb, image.width, x, y) for x, y in ends]


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format(kind: str) -> None:
    image = decode(square(kind, RED, (16, 8)))
    assert (image.width, image.height, len(image.rgb)) == (16, 8, 16 * 8 * 3)
    assert all(is_near(corner, RED) for corner in corners(image))


@pytest.mark.parametrize("kind", LOSSLESS)
def test_rows_run_from_left_to_right_and_from_the_top(kind: str) -> None:
    picture = Pillow.new("RGB", (2, 2), "white")
    picture.putpixel((1, 0), RED)
    picture.putpixel((0, 1), BLUE)
    assert corners(decode(encode(picture, kind))) == [(255,) * 3, RED, BLUE, (255,) * 3]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_png(mode: str) -> None:
    white = 65535 if mode == "I;16" else "white"
    picture = Pillow.new(mode, (3, 2), white if mode != "LA" else (255, 255))
    if mode == "P":
        picture = Pillow.new("RGB", (3, 2), "white").quantize(2)
    assert decode(encode(picture)).rgb == b"\xff" * 18


def test_grey_of_16_bits_keeps_its_upper_8() -> None:
    picture = Pillow.new("I;16", (1, 1), 0x80FF)
    assert decode(encode(picture)).rgb == b"\x80" * 3


@pytest.mark.parametrize(
    ("depth", "kind", "sample", "transparent", "rgb"),
    [
        (
            16,
            0,
            b"\x80\xff",
            b"\x80\xff",
            b"\x80\x80\x80",
        ),  # grey: kept, though said to be transparent
        (16, 2, b"\x80\xff" * 3, None, b"\x80\x80\x80"),
        (16, 4, b"\x80\xff\x00\x00", None, b"\xff\xff\xff"),
        (16, 6, b"\x80\xff" * 3 + b"\x00\x00", None, b"\xff\xff\xff"),
        (8, 0, b"\x80", b"\x00\x80", b"\xff\xff\xff"),
        (8, 2, b"\x80" * 3, b"\x00\x80" * 3, b"\xff\xff\xff"),
        (8, 2, b"\x80" * 3, b"\x00\x81" * 3, b"\x80\x80\x80"),
    ],
)
def test_pngs_that_pillow_does_not_write(
    depth: int, kind: int, sample: bytes, transparent: bytes | None, rgb: bytes
) -> None:
    header = struct.pack(">IIBBBBB", 1, 1, depth, kind, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" + sample)), (b"IEND", b"")]
    if transparent is not None:
        chunks.insert(1, (b"tRNS", transparent))
    data = b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)
    assert decode(data).rgb == rgb


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_kinds_of_jpeg(mode: str) -> None:
    color = (0, 255, 255, 0) if mode == "CMYK" else 76
    image = decode(encode(Pillow.new(mode, (8, 8), color), "JPEG"))
    assert is_near(corners(image)[0], RED if mode == "CMYK" else (76,) * 3)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_what_is_transparent_is_white(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    assert decode(square(kind, (0, 0, 0, 0), (1, 1), **options)).rgb == b"\xff\xff\xff"
    half = decode(square(kind, (255, 0, 0, 128), (1, 1), **options)).rgb
    assert is_near(half, (255, 127, 127), 2)


def test_a_transparent_colour_of_a_palette_is_white() -> None:
    picture = Pillow.new("P", (1, 1), 1)
    picture.putpalette([0, 0, 0, 255, 0, 0])
    for kind in ("PNG", "GIF"):
        assert decode(encode(picture, kind, transparency=1)).rgb == b"\xff\xff\xff"


# Where EXIF says that the first row and column lie; the picture is stored so that its red corner is there.
@pytest.mark.parametrize(
    ("orientation", "stored"),
    [(1, 0), (2, 1), (3, 3), (4, 2), (5, 0), (6, 2), (7, 3), (8, 1)],
)
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG"])
def test_pictures_are_turned_upright(kind: str, orientation: int, stored: int) -> None:
    picture = Pillow.new("RGB", (64, 32), "white")
    left, top = (stored % 2) * 48, (stored // 2) * 16
    picture.paste(RED, (left, top, left + 16, top + 16))
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    options = {"quality": 95} if kind == "JPEG" else {}
    image = decode(encode(picture, kind, exif=exif.tobytes(), **options))
    assert (image.width > image.height) == (orientation < 5)
    reds = [is_near(corner, RED, 40) for corner in corners(image)]
    assert reds == [True, False, False, False]


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("exif", [b"Exif\0\0nonsense", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"])  # fmt: skip
def test_damaged_exif_data_does_not_cost_the_picture(exif: bytes) -> None:
    picture = Pillow.new("RGB", (16, 8), RED)
    assert is_near(corners(decode(encode(picture, "JPEG", exif=exif)))[0], RED)


def test_a_colour_profile_does_no_harm() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert decode(square(icc_profile=profile)).rgb == bytes(RED) * 12


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_the_first_frame_of_an_animation(kind: str) -> None:
    frames = [Pillow.new("RGB", (8, 8), color) for color in (RED, BLUE, RED)]
    data = encode(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)
    assert is_near(corners(decode(data))[0], RED)


def test_the_number_of_frames_costs_nothing() -> None:
    one = square("GIF", RED, (1, 1))
    start = one.index(b"\x2c")  # the frame, up to the end mark of the file
    assert decode(one[:-1] + one[start:-1] * 100_000 + b";").rgb == bytes(RED)


def test_pixels_are_counted_before_anything_is_decoded() -> None:
    refused = refusal(png_that_claims(60_000, 60_000))
    assert refused.code == "image_too_large"
    assert "60000 x 60000" in refused.message


@pytest.mark.parametrize("kind", FORMATS)
def test_one_pixel_too_many(kind: str) -> None:
    data = square(kind, RED, (10, 10))
    assert decode(data, 100)
    assert refusal(data, 99).code == "image_too_large"


def test_the_limit_is_for_all_pictures_together() -> None:
    decoder = Decoder(150)
    decoder.decode(square(size=(10, 10)))
    with pytest.raises(RequestError):
        decoder.decode(square(size=(10, 10)))


def gif_with_a_frame_larger_than_itself() -> bytes:
    data = bytearray(square("GIF", RED, (4, 4)))
    start = data.index(b"\x2c")
    data[start + 5 : start + 9] = struct.pack("<HH", 60_000, 60_000)
    return bytes(data)


def test_a_frame_larger_than_its_picture() -> None:
    assert refusal(gif_with_a_frame_larger_than_itself()).code in ("image_too_large", "invalid_image")  # fmt: skip


def test_a_jpeg_of_very_many_scans() -> None:
    """A scan of no more than a hundred bytes makes the decoder go over all pixels again."""
    plain = square("JPEG", RED, (64, 64), progressive=True)
    last = plain[plain.rindex(b"\xff\xda") : -2]
    assert "scans" in refusal(plain[:-2] + last * MAX_SCANS + plain[-2:]).message
    assert decode(plain)


def test_a_png_whose_text_grows() -> None:
    bomb = zlib.compress(bytes(10_000_000), 9)
    plain = square()
    chunk = png_chunk(b"zTXt", b"key\0\0" + bomb)
    data = plain[:33] + chunk * 20 + plain[33:]  # after the header
    assert refusal(data).code == "invalid_image"
    assert len(data) < PngImagePlugin.MAX_TEXT_MEMORY


@pytest.mark.parametrize("size", [(0, 0), (0, 5), (5, 0), (1000, 1), (1, 1000), (2**31 - 1, 1)])
def test_pictures_without_a_shape(size: tuple[int, int]) -> None:
    assert refusal(png_that_claims(*size)).code == "invalid_image"


@pytest.mark.parametrize("size", [(1, 1), (200, 1), (1, 200)])
def test_small_and_long_pictures(size: tuple[int, int]) -> None:
    assert decode(square(size=size)).rgb == bytes(RED) * (size[0] * size[1])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x89PNG\r\n\x1a\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'><rect width='9' height='9'/></svg>",
        b"<!doctype html><html><body>Sign in</body></html>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        b"%PDF-1.7\n",
        b"II*\0\x08\0\0\0",
        b"P6 1 1 255 abc",
        b"BM",
        b"GIF89a",
        b"RIFF\0\0\0\0WEBP",
        b"\xff\xd8\xff",
    ],
    ids=lambda data: repr(data[:8]),
)
def test_what_is_no_picture(data: bytes) -> None:
    refused = refusal(data)
    assert refused.code == "invalid_image"
    assert "Sign in" not in refused.message


@pytest.mark.parametrize("kind", FORMATS)
def test_files_that_are_cut_off(kind: str) -> None:
    noise = Pillow.frombytes("RGB", (64, 64), random.Random(1).randbytes(64 * 64 * 3))
    data = encode(noise, kind)
    for kept in (len(data) // 10, len(data) // 2, len(data) * 9 // 10):
        assert refusal(data[:kept]).code == "invalid_image"


SAMPLES = [
    *(square(kind, RED, (20, 20)) for kind in FORMATS),
    square("JPEG", RED, (20, 20), progressive=True),
    encode(Pillow.new("RGB", (20, 20), RED).quantize(4)),
    encode(Pillow.new("RGB", (9, 9)), "GIF", save_all=True, append_images=[Pillow.new("RGB", (9, 9), RED)]),
    encode(Pillow.new("RGBA", (9, 9)), "WEBP", save_all=True, append_images=[Pillow.new("RGBA", (9, 9), RED)]),
]  # fmt: skip


@given(st.sampled_from(SAMPLES), st.data())
def test_a_damaged_file_is_a_picture_or_refused(sample: bytes, draw: st.DataObject) -> None:
    places = st.integers(0, len(sample) - 1)
    damaged = bytearray(sample)
    for place, value in draw.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=8)):
        damaged[place] = value
    cut = draw.draw(places)
    with suppress(RequestError):
        image = decode(bytes(damaged[:cut] if draw.draw(st.booleans()) else damaged))
        assert len(image.rgb) == image.width * image.height * 3


def test_the_file_is_left_as_it_is() -> None:
    data = square()
    before = BytesIO(data).getvalue()
    decode(data)
    assert data == before
