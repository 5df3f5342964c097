"""Special tokens around a text: found, added once, kept when it is cut."""

from array import array

import pytest
from hypothesis import given, strategies as st

from modules.core.errors import RequestError
from modules.core.vectors import EncodedText, Frame, most_characters, refuse_huge

BERT = Frame((2,), (3,))
IDS = st.lists(st.integers(4, 1000), max_size=40)


def test_a_frame_is_found_in_a_text_encoded_both_ways() -> None:
    assert Frame.found_in([2, 7, 8, 3], [7, 8]) == BERT
    assert Frame.found_in([7, 8], [7, 8]) == Frame()
    assert Frame.found_in([7, 8, 1], [7, 8]) == Frame((), (1,))
    assert Frame.found_in([2, 9, 9, 3], [7, 8]) == Frame(), "cannot be told"
    assert Frame.found_in([2, 3], []) == Frame()


@given(IDS)
def test_a_frame_is_put_around_once(ids: list[int]) -> None:
    framed = BERT.put_around(ids)
    assert list(framed) == [2, *ids, 3]
    assert BERT.put_around(framed) == framed


@given(IDS, st.integers(2, 50), st.booleans())
def test_a_cut_text_keeps_its_frame(ids: list[int], limit: int, keeps_end: bool) -> None:
    text = EncodedText(BERT.put_around(ids))
    cut = BERT.cut(text, limit, keeps_end=keeps_end)
    assert cut.size == min(text.size, limit)
    assert (cut.ids[0], cut.ids[-1]) == (2, 3)
    inside = list(cut.ids[1:-1])
    room = len(inside)
    assert inside == (ids[len(ids) - room :] if keeps_end else ids[:room])


def test_a_limit_below_the_frame_leaves_the_frame() -> None:
    text = EncodedText(array("i", [2, 7, 8, 3]))
    assert list(BERT.cut(text, 1, keeps_end=False).ids) == [2, 3]


def test_a_text_of_too_many_characters_is_refused_with_both_numbers() -> None:
    most = most_characters(128)
    refuse_huge("a" * most, 128, "input")
    with pytest.raises(RequestError, match=str(most + 1)) as caught:
        refuse_huge("a" * (most + 1), 128, "input")
    assert caught.value.code == "context_length_exceeded"
    assert "128" in caught.value.message
