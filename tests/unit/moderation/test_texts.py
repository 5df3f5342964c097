"""Texts taken apart for moderation."""

import pytest
from hypothesis import given, strategies as st

from modules.core.errors import RequestError
from modules.engine.moderation.moderator import MAX_PARTS, Pieces
from modules.engine.moderation.texts import MAX_WORDS, pieces_of, words_of


def test_sentences_are_judged_apart() -> None:
    assert pieces_of("It rains. Is it cold?\nYes! 3.5 degrees") == [
        "It rains.",
        "Is it cold?",
        "Yes!",
        "3.",
        "5 degrees",
    ]


def test_a_long_sentence_comes_in_parts() -> None:
    pieces = pieces_of("word " * (2 * MAX_WORDS + 1))
    assert [len(piece.split()) for piece in pieces] == [MAX_WORDS, MAX_WORDS, 1]


def test_words_come_once_and_in_lower_case() -> None:
    assert words_of("The dog, the DOG's bone_2") == ["the", "dog", "s", "bone", "2"]


@given(st.text(max_size=200))
def test_every_word_of_a_text_is_in_a_piece(text: str) -> None:
    pieces = pieces_of(text)
    assert pieces
    assert {w for piece in pieces for w in words_of(piece)} == set(words_of(text))


def test_pieces_know_their_texts_and_words() -> None:
    pieces = Pieces.of(["A dog. A cat.", "...", "A cat. A cat. A cat."])
    assert pieces.texts == ("A dog.", "A cat.", "...")
    assert pieces.of_texts == ((0, 1), (2,), (1,)), "what is said again is judged once"
    assert pieces.words == ("a", "dog", "cat")
    assert pieces.places == ((0, 1), (0, 2), ())


def test_texts_with_too_many_words_are_refused() -> None:
    with pytest.raises(RequestError, match="32768") as refused:
        Pieces.of([" ".join(map(str, range(MAX_PARTS)))])
    assert refused.value.param == "input"
