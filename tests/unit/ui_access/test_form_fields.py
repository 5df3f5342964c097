"""Fields of forms read while they come in, beside files of any size."""

import httpx
import pytest

from modules.ui.access.form_fields import FormStrings
from modules.ui.access.json_keys import UnclearBody

KEY = "session_hash"


def form(fields: dict[str, str | list[str]], files: dict[str, bytes]) -> tuple[str, bytes]:
    """Content type and body, as a client writes them."""
    sent = {name: ("a.png", data) for name, data in files.items()}
    request = httpx.Request("POST", "http://x/", data=fields, files=sent)
    return request.headers["content-type"], request.read()


def found(kind: str, body: bytes, size: int | None = None) -> list[tuple[str, str]]:
    reader = FormStrings(kind, [KEY])
    step = size or len(body)
    for start in range(0, len(body), step):
        reader.feed(body[start : start + step])
    return reader.found


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, None])
def test_fields_are_found_however_the_form_is_cut(size: int | None) -> None:
    fields: dict[str, str | list[str]] = {"a": KEY, KEY: ["ada", "bob"], "b": "c"}
    kind, body = form(fields, {"file": b"--x\r\nsession_hash"})
    assert found(kind, body, size) == [(KEY, "ada"), (KEY, "bob")]


def test_a_file_of_that_name_counts_too() -> None:
    kind, body = form({}, {KEY: b"ada"})
    assert found(kind, body) == [(KEY, "ada")]


@pytest.mark.parametrize("charset", ["utf-16", "cp500", "nonsense"])
def test_names_in_other_encodings_are_refused(charset: str) -> None:
    kind, _ = form({"a": "b"}, {"file": b""})
    with pytest.raises(UnclearBody):
        FormStrings(f"{kind}; charset={charset}", [KEY])


def test_what_is_no_form_is_refused() -> None:
    with pytest.raises(UnclearBody):
        FormStrings("multipart/form-data", [KEY])
    with pytest.raises(UnclearBody):
        found("multipart/form-data; boundary=x", b'{"session_hash": "ada"}')


def test_a_long_field_is_refused() -> None:
    kind, body = form({KEY: "a" * 5000}, {"file": b""})
    with pytest.raises(UnclearBody):
        found(kind, body)
