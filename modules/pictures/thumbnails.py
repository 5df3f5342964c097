"""Pictures of characters made small: for a list of them, and for the file that is kept. Imported late: it needs Pillow."""

import base64
from io import BytesIO

from PIL import Image as Pillow, ImageOps

from modules.core.errors import RequestError
from modules.pictures.decoding import Decoder
from modules.pictures.sizes import Size

MAX_BYTES = 50 * 2**20
MAX_PIXELS = 50_000_000
UPPER_MIDDLE = (0.5, 0.2)
"""What stays in sight of a picture of another shape: faces are there."""


def to_thumbnail(data: bytes, size: Size) -> bytes:
    """A WebP of exactly this size, filled by the upper middle of the picture. RequestError for what is no picture. Blocking."""
    picture = ImageOps.fit(read_picture(data), (size.width, size.height), centering=UPPER_MIDDLE)
    out = BytesIO()
    picture.save(out, "WEBP", quality=85)
    return out.getvalue()


def to_portrait(data: bytes, longer_side: int) -> bytes:
    """The whole picture as an upright PNG, not larger than this. RequestError for what is no picture. Blocking."""
    picture = read_picture(data)
    picture.thumbnail((longer_side, longer_side))
    out = BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()


def to_data_url(thumbnail: bytes) -> str:
    """It travels with the page, and needs no address of its own."""
    return f"data:image/webp;base64,{base64.b64encode(thumbnail).decode('ascii')}"


def read_picture(data: bytes) -> Pillow.Image:
    """Upright, in full size. RequestError for what is no picture. Blocking."""
    if len(data) > MAX_BYTES:
        raise RequestError(f"A picture may have {MAX_BYTES // 2**20} MiB.", param="picture")
    decoded = Decoder(MAX_PIXELS).decode(data)
    return Pillow.frombytes("RGB", (decoded.width, decoded.height), decoded.rgb)
