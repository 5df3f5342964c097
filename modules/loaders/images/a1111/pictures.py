"""The pictures in that server's answers: base64, bounded, and of the size that was asked for."""

import base64
import io
import json
from collections.abc import Callable
from typing import Any, cast

from PIL import Image as Pillow, ImageFile, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from modules.core.errors import ModelError
from modules.core.images import MAX_SEED, ImageRequest
from modules.core.messages import Image

# What the web UI's `samples_format` may be, and its previews. Called directly: Image.open has one limit of pixels for the process.
_OPENERS: tuple[tuple[bytes, Callable[[io.BytesIO], ImageFile.ImageFile]], ...] = (
    (b"\x89PNG\r\n\x1a\n", PngImagePlugin.PngImageFile),
    (b"\xff\xd8\xff", JpegImagePlugin.JpegImageFile),
    (b"RIFF", WebPImagePlugin.WebPImageFile),
)
SLACK = 4
"""Times the pixels that were asked for: a server may draw a little larger."""
MIB = 2**20


def max_bytes(request: ImageRequest) -> int:
    """Of an answer: RGBA without any compression, in base64, and the request itself, which comes back with it."""
    pixels = request.width * request.height
    return (
        8 * pixels * (request.count + 1)
        + 8 * len(request.prompt + request.negative_prompt)
        + 4 * MIB
    )


def pictures_of(answer: Any, request: ImageRequest) -> list[Image]:
    """As many as were asked for, in order; ModelError where they are not there."""
    fields = cast("dict[str, Any]", answer) if isinstance(answer, dict) else {}
    sent = fields.get("images")
    images = cast("list[object]", sent) if isinstance(sent, list) else []
    images = images[_first(fields) :]
    if len(images) != request.count:
        raise ModelError(
            f"The image server sent {len(images)} pictures where {request.count} were asked for. "
            "It was interrupted, or its options add grids or masks to what is returned."
        )
    return [decode_picture(each, request) for each in images]


def _first(fields: dict[str, Any]) -> int:
    """Where a grid of all pictures stands before them, `info` says so."""
    place = _info(fields).get("index_of_first_image")
    return place if isinstance(place, int) and 0 <= place <= 1 else 0


def seeds_of(answer: Any, request: ImageRequest) -> tuple[int, ...]:
    """What the server really drew with; what it was told to, where it does not say."""
    fields = cast("dict[str, Any]", answer) if isinstance(answer, dict) else {}
    found = _info(fields).get("all_seeds")
    seeds = cast("list[object]", found) if isinstance(found, list) else []
    known = tuple(seed for seed in seeds if isinstance(seed, int) and 0 <= seed <= MAX_SEED)
    return known if len(known) == request.count else request.seeds


def _info(fields: dict[str, Any]) -> dict[str, Any]:
    """JSON in a text; some servers send something else, and nothing depends on it."""
    text = fields.get("info")
    try:
        info: object = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", info) if isinstance(info, dict) else {}


def decode_picture(text: object, request: ImageRequest) -> Image:
    """A picture in base64 or in a data: URL, scaled to the request's size where the server rounded that."""
    if not isinstance(text, str):
        raise _unreadable()
    try:
        picture = _open(text)
        _check_size(picture, request)
        return _to_image(picture, request)
    except ModelError:
        raise
    except Exception as error:  # Pillow's readers raise whatever a broken file makes happen
        raise _unreadable() from error


def _open(text: str) -> ImageFile.ImageFile:
    """Reads the header only."""
    data = base64.b64decode(text.partition(",")[2] if text.startswith("data:") else text)
    for mark, opener in _OPENERS:
        if data.startswith(mark):
            return opener(io.BytesIO(data))
    raise _unreadable()


def _check_size(picture: Pillow.Image, request: ImageRequest) -> None:
    """Known from the header, before anything is decoded."""
    if picture.width * picture.height > SLACK * request.width * request.height:
        raise ModelError(
            f"The image server sent a picture of {picture.width} x {picture.height} pixels "
            f"where {request.width} x {request.height} were asked for."
        )


def _to_image(picture: Pillow.Image, request: ImageRequest) -> Image:
    rgb = picture.convert("RGB")
    size = (request.width, request.height)
    if rgb.size != size:
        rgb = rgb.resize(size, Pillow.Resampling.LANCZOS)
    return Image(rgb.width, rgb.height, rgb.tobytes())


def _unreadable() -> ModelError:
    return ModelError("The image server sent a picture that cannot be read.")
