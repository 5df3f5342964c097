"""Pictures of characters: from an upload to the file beside the character, and to what a page shows."""

import base64
import io

from modules.core.errors import RequestError
from modules.pictures.decoding import Decoder

MAX_BYTES = 50 * 2**20
MAX_PIXELS = 50_000_000
SIDE_PX = 768
"""The longer side of a picture that is kept."""


def to_portrait(data: bytes) -> bytes:
    """A PNG, upright and not larger than needed. RequestError says what is wrong with the file. Blocking."""
    from PIL import Image

    if len(data) > MAX_BYTES:
        raise RequestError(f"A picture may have {MAX_BYTES // 2**20} MiB.", param="picture")
    decoded = Decoder(MAX_PIXELS).decode(data)
    picture = Image.frombytes("RGB", (decoded.width, decoded.height), decoded.rgb)
    picture.thumbnail((SIDE_PX, SIDE_PX))
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()


def to_data_url(data: bytes, _name: str) -> str:
    """For small pictures: they travel with the page, and need no address of their own."""
    return f"data:image/webp;base64,{base64.b64encode(data).decode('ascii')}"
