"""Files of pictures to pixels, by Pillow. What a file costs is known from its header, before it is decoded."""

import struct
from collections.abc import Callable, Mapping
from dataclasses import replace
from io import BytesIO
from typing import TypeVar

from PIL import (
    BmpImagePlugin,
    ExifTags,
    GifImagePlugin,
    Image as Pillow,
    ImageChops,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    WebPImagePlugin,
)

from modules.core.errors import RequestError
from modules.core.images import Mask
from modules.core.messages import Image
from modules.pictures.errors import invalid_image

T = TypeVar("T")

MAX_SCANS = 100
"""Of a JPEG. Encoders write about ten; each of them costs a pass over the whole picture, and few bytes."""
MAX_RATIO = 200
"""Of the longer side to the shorter. Vision models resize; a line would become a picture without height."""

_START_OF_SCAN = b"\xff\xda"
_FORMATS = "PNG, JPEG, WebP, GIF and BMP"
# Called directly: Image.open would try dozens of formats, and its limit of pixels is one for the whole process.
_OPENERS: tuple[tuple[bytes, int, Callable[[BytesIO], ImageFile.ImageFile]], ...] = (
    (b"\x89PNG\r\n\x1a\n", 0, PngImagePlugin.PngImageFile),
    (b"\xff\xd8\xff", 0, JpegImagePlugin.JpegImageFile),
    (b"GIF8", 0, GifImagePlugin.GifImageFile),
    (b"WEBP", 8, WebPImagePlugin.WebPImageFile),
    (b"BM", 0, BmpImagePlugin.BmpImageFile),
)
_TURNS = {
    2: Pillow.Transpose.FLIP_LEFT_RIGHT,
    3: Pillow.Transpose.ROTATE_180,
    4: Pillow.Transpose.FLIP_TOP_BOTTOM,
    5: Pillow.Transpose.TRANSPOSE,
    6: Pillow.Transpose.ROTATE_270,
    7: Pillow.Transpose.TRANSVERSE,
    8: Pillow.Transpose.ROTATE_90,
}
"""EXIF's orientations; 1 is upright."""


MEDIA_TYPES: Mapping[bytes, str] = {
    b"\x89PNG": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"RIFF": "image/webp",
    b"BM": "image/bmp",
}
"""By how files begin."""


def media_type_of(data: bytes) -> str | None:
    """Of a picture that can be read here, by how it begins; None for anything else: texts may begin with BM, and RIFF files may be sound."""
    kind = next((kind for mark, kind in MEDIA_TYPES.items() if data.startswith(mark)), None)
    if kind == "image/webp" and data[8:12] != b"WEBP":
        return None
    if kind == "image/bmp" and b"\0" not in data[:64]:
        return None
    return kind


class Decoder:
    """The pictures of one request, one after the other; together they have at most `max_pixels`."""

    def __init__(self, max_pixels: int) -> None:
        self._max_pixels = max_pixels
        self._left = max_pixels

    def decode(self, data: bytes) -> Image:
        """Its first frame, upright, on white where it is transparent. RequestError says what is wrong. Blocking."""
        return self._read(data, _to_image)

    def decode_mask(self, data: bytes) -> Mask:
        """What is transparent is marked; where nothing is, what is white. RequestError says what is wrong. Blocking."""
        return self._read(data, _to_mask)

    def _read(self, data: bytes, convert: Callable[[Pillow.Image], T]) -> T:
        try:
            picture = _open(data)
            self._take(picture)
            picture.load()
            return convert(_upright(picture))
        except RequestError:
            raise
        except Exception as error:  # Pillow's readers raise whatever a broken file makes happen
            raise invalid_image("it is damaged or cut off") from error

    def check(self, data: bytes) -> Image:
        """The same, with the file instead of its pixels: it is decoded only to see that it can be. Blocking."""
        image = self.decode(data)
        kind = next(kind for mark, kind in MEDIA_TYPES.items() if data.startswith(mark))
        return replace(image, rgb=b"", file=data, media_type=kind)

    def _take(self, picture: Pillow.Image) -> None:
        pixels = picture.width * picture.height
        if pixels < 1 or max(picture.size) > MAX_RATIO * min(picture.size):
            raise invalid_image(
                f"it is {picture.width} x {picture.height} pixels, and may be {MAX_RATIO} times as long as wide"
            )
        if pixels > self._left:
            raise RequestError(
                f"The pictures of a request may have {self._max_pixels / 1e6:g} million pixels together; "
                f"this one is {picture.width} x {picture.height}.",
                code="image_too_large",
            )
        self._left -= pixels


def _open(data: bytes) -> ImageFile.ImageFile:
    """Reads the header only. The name of a file and what a server says of it count for nothing."""
    matching = (opener for mark, offset, opener in _OPENERS if data.startswith(mark, offset))
    opener = next(matching, None)
    if opener is None:
        raise invalid_image(f"it is none of {_FORMATS}")
    if opener is JpegImagePlugin.JpegImageFile and data.count(_START_OF_SCAN) > MAX_SCANS:
        raise invalid_image(f"it is a JPEG of more than {MAX_SCANS} scans")
    return opener(BytesIO(data))


def _upright(picture: Pillow.Image) -> Pillow.Image:
    turn = _TURNS.get(_orientation(picture))
    return picture if turn is None else picture.transpose(turn)


def _orientation(picture: Pillow.Image) -> int:
    """Upright where the EXIF data is damaged: the picture itself can still be shown."""
    try:
        value = picture.getexif().get(ExifTags.Base.Orientation)
    except (OSError, ValueError, SyntaxError, struct.error, LookupError, TypeError, Warning):
        return 1
    return value if isinstance(value, int) else 1


def _to_image(picture: Pillow.Image) -> Image:
    if picture.mode == "I;16":
        rgb = _upper_bits(picture).convert("RGB")
    elif picture.has_transparency_data:
        rgb = _on_white(picture)
    else:
        rgb = picture.convert("RGB")
    return Image(rgb.width, rgb.height, rgb.tobytes())


def _to_mask(picture: Pillow.Image) -> Mask:
    alpha = picture.convert("RGBA").getchannel("A") if picture.has_transparency_data else None
    if alpha is not None and alpha.getextrema() != (255, 255):
        levels = ImageChops.invert(alpha)
    else:
        levels = (_upper_bits(picture) if picture.mode == "I;16" else picture).convert("L")
    return Mask(levels.width, levels.height, levels.tobytes())


def _upper_bits(picture: Pillow.Image) -> Pillow.Image:
    """Of PNG's grey of 16 bits: 8."""
    return picture.convert("I").point(lambda grey: grey * (1 / 256)).convert("L")


def _on_white(picture: Pillow.Image) -> Pillow.Image:
    rgba = picture.convert("RGBA")
    paper = Pillow.new("RGB", rgba.size, "white")
    paper.paste(rgba, mask=rgba.getchannel("A"))
    return paper
