"""Bytes to text: no half characters, nothing lost."""

import itertools

import pytest
from hypothesis import given, strategies as st

from modules.text.detokenize import Detokenizer


def run(pieces: list[bytes]) -> str:
    detokenizer = Detokenizer()
    return "".join(map(detokenizer.feed, pieces)) + detokenizer.finish()


def splits(data: bytes) -> list[list[bytes]]:
    places = range(1, len(data))
    cuts = [c for size in range(len(data)) for c in itertools.combinations(places, size)]
    return [
        [data[start:end] for start, end in itertools.pairwise([0, *cut, len(data)])] for cut in cuts
    ]


@pytest.mark.parametrize("text", ["é", "a€b", "👍🏽", "日本"])
def test_every_split_of_a_text_gives_that_text(text: str) -> None:
    for pieces in splits(text.encode()):
        detokenizer = Detokenizer()
        shown = [detokenizer.feed(piece) for piece in pieces]
        assert "�" not in "".join(shown)
        assert "".join(shown) + detokenizer.finish() == text


@given(st.lists(st.binary(max_size=4), max_size=8))
def test_any_bytes_become_the_text_that_python_reads_in_them(pieces: list[bytes]) -> None:
    assert run(pieces) == b"".join(pieces).decode(errors="replace")


def test_a_character_that_never_ends_becomes_a_replacement_mark_at_the_end() -> None:
    detokenizer = Detokenizer()
    assert detokenizer.feed(b"ok\xf0\x9f") == "ok"
    assert detokenizer.finish() == "�"


def test_invalid_bytes_do_not_swallow_what_follows() -> None:
    assert run([b"\xff", b"a\xc3", b"(b"]) == "�a�(b"
