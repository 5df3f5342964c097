"""Pictures inside the request."""

import base64
from urllib.parse import quote

import pytest

from extensions.openai.media.inline import is_inline, read_inline
from modules.core.errors import RequestError
from tests.unit.openai_media.pictures import FORMATS, data_url, square

PNG = square()
TEXT = base64.b64encode(PNG).decode()


@pytest.mark.parametrize(
    "url",
    [
        data_url(PNG),
        f"data:image/png;base64,{TEXT}",
        f"DATA:image/png;BASE64,{TEXT}",
        f"data:;base64,{TEXT}",
        f"data:image/png;charset=utf-8;name=a.png;base64,{TEXT}",
        f"data:image/png; base64 ,{TEXT}",
        f"data:image/png;base64, {TEXT}\n",
        f"data:image/png;base64,{TEXT[:10]}\r\n  {TEXT[10:]}",
        f"data:image/png;base64,{TEXT.rstrip('=')}",
        f"data:image/png;base64,{TEXT.replace('+', '-').replace('/', '_')}",
        f"data:image/png;base64,{quote(TEXT)}",
        f"data:image/png;base64,{quote(TEXT, safe='')}",
        f"data:image/png,{quote(PNG)}",
        TEXT,
    ],
)
def test_spellings_of_a_picture(url: str) -> None:
    assert is_inline(url)
    assert read_inline(url) == PNG


@pytest.mark.parametrize("kind", [kind for kind in FORMATS if kind != "BMP"])
def test_base64_alone_is_recognised(kind: str) -> None:
    text = base64.b64encode(square(kind)).decode()
    assert is_inline(text)
    assert read_inline(text) == square(kind)


@pytest.mark.parametrize(
    "url",
    [
        "data:",
        "data:image/png;base64",
        "data:image/png;base64," + TEXT[:-1] + "*",
        "data:image/png;base64,A",
        "data:image/png;base64,ü",
        "data:image/png;base64,AA=A",
        "data:" + "x" * 2000 + "," + TEXT,
    ],
)
def test_data_urls_that_cannot_be_read(url: str) -> None:
    with pytest.raises(RequestError) as caught:
        read_inline(url)
    assert caught.value.code == "invalid_image"
    assert TEXT[:8] not in caught.value.message


@pytest.mark.parametrize(
    "text", ["", "http://example.org/data:", "/tmp/a.png", "Qk", "hello", "<svg/>"]
)
def test_what_is_not_inline(text: str) -> None:
    assert not is_inline(text)
