"""Keys of JSON read while it comes in: whatever `json.loads` finds there is found, however it is cut, and however it is written."""

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from modules.ui.access.json_keys import MAX_STEPS, MAX_TEXT_BYTES, TopLevelStrings, UnclearBody

KEY = "session_hash"
texts = st.sampled_from(
    ["", "a", KEY, '"', "\\", '\\"', '\\\\"', "é", "\u2028", "😀", "{", "],", "\n"]
)
values = st.recursive(
    st.one_of(texts, st.none(), st.booleans(), st.integers(-9, 9)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.just(KEY), texts), inner, max_size=3),
    ),
    max_leaves=8,
)
pairs = st.lists(st.tuples(st.one_of(st.just(KEY), texts), values), max_size=5)


def found(body: bytes, size: int | None = None) -> list[tuple[str, str]]:
    reader = TopLevelStrings([KEY])
    step = size or max(len(body), 1)
    for start in range(0, len(body), step):
        reader.feed(body[start : start + step])
    return reader.found


def write(pairs: list[tuple[str, Any]], *, ascii_only: bool) -> bytes:
    """An object with these pairs in their order, also where a key comes twice."""
    parts = [f"{dump(key, ascii_only)} : {dump(value, ascii_only)}" for key, value in pairs]
    return ("{" + " , ".join(parts) + "}").encode()


def dump(value: Any, ascii_only: bool) -> str:
    return json.dumps(value, ensure_ascii=ascii_only)


@given(pairs, st.booleans(), st.integers(1, 9))
def test_all_that_is_there_is_found(
    pairs: list[tuple[str, Any]], ascii_only: bool, size: int
) -> None:
    wanted = [(key, value) for key, value in pairs if key == KEY and isinstance(value, str)]
    body = write(pairs, ascii_only=ascii_only)
    assert found(body, size) == wanted
    read = json.loads(body).get(KEY)
    assert not isinstance(read, str) or read in [value for _, value in found(body)]


@given(values, st.integers(1, 9))
def test_only_the_outermost_object_counts(value: Any, size: int) -> None:
    body = json.dumps([{KEY: "inner"}, value]).encode()
    assert found(body, size) == []
    assert found(json.dumps({"data": [{KEY: "inner"}, value]}).encode(), size) == []


def test_escapes_hide_no_key() -> None:
    body = rb'{"session\u005fhash": "\u0061da", "data": ["session_hash"]}'
    for size in range(1, len(body) + 1):
        assert found(body, size) == [(KEY, "ada")]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
@pytest.mark.parametrize("size", [1, 3, 100])
def test_other_encodings_are_refused(encoding: str, size: int) -> None:
    """`json.loads` reads them, and so would Gradio."""
    body = json.dumps({KEY: "ada"}).encode(encoding)
    assert json.loads(body) == {KEY: "ada"}
    with pytest.raises(UnclearBody):
        found(body, size)


def test_a_mark_of_utf_8_is_passed_over() -> None:
    assert found(json.dumps({KEY: "ada"}).encode("utf-8-sig")) == [(KEY, "ada")]


def test_nothing_long_is_kept() -> None:
    reader = TopLevelStrings([KEY])
    for part in (
        b'{"data": ["',
        *[b"x" * 65536] * 100,
        b'"], "',
        b"k" * 99999,
        b'": 1, "session_hash": "a"}',
    ):
        reader.feed(part)
        held = sum(len(value) for value in vars(reader).values() if isinstance(value, bytearray))
        assert held <= MAX_TEXT_BYTES + len(part)
    assert reader.found == [(KEY, "a")]


def test_what_is_no_json_is_refused_where_it_matters() -> None:
    for body in (b'{"session_hash": "\xff"}', b'{"session_hash": "\\x"}'):
        with pytest.raises(UnclearBody):
            found(body)


def test_a_body_of_nothing_but_parts_is_refused() -> None:
    with pytest.raises(UnclearBody):
        found(b'{"data": [' + b"[" * (MAX_STEPS + 1))
