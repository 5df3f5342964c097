"""Pictures inside the request: data: URLs (RFC 2397), and base64 alone, as some clients send it."""

import base64
import binascii
import re
from urllib.parse import unquote_to_bytes

from modules.pictures.errors import invalid_image

BASE64_STARTS = ("iVBORw0KGgo", "/9j/", "R0lGOD", "UklGR")
"""PNG, JPEG, GIF and WebP in base64."""
MAX_HEAD_CHARS = 1024
"""Media type and parameters of a data: URL."""

_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_WHITESPACE = b" \t\r\n\f"
_BASE64_FLAG = re.compile(r";\s*base64\s*$", re.IGNORECASE)


def is_inline(text: str) -> bool:
    return text[:5].lower() == "data:" or text.startswith(BASE64_STARTS)


def read_inline(text: str) -> bytes:
    """The file. What the media type says is not looked at: the file says it better. Blocking."""
    if text[:5].lower() != "data:":
        return _from_base64(text)
    comma = text.find(",", 0, MAX_HEAD_CHARS)
    if comma < 0:
        raise invalid_image("its data: URL has no comma before the data")
    if _BASE64_FLAG.search(text, 0, comma):
        return _from_base64(text[comma + 1 :])
    return unquote_to_bytes(text[comma + 1 :])


def _from_base64(text: str) -> bytes:
    """Both alphabets, with or without padding, whitespace and percent signs."""
    try:
        raw = unquote_to_bytes(text) if "%" in text else text.encode("ascii")
        raw = raw.translate(_URL_SAFE, _WHITESPACE).rstrip(b"=")
        return base64.b64decode(raw + b"=" * (-len(raw) % 4), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise invalid_image("its base64 is malformed") from None
