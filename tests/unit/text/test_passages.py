"""Long texts in pieces: nothing is lost, nothing is too long, cuts are where a reader would pause."""

from hypothesis import given, strategies as st

from modules.text.passages import passages


@given(st.text(alphabet="ab .,;\n！。é", max_size=400), st.integers(2, 60))
def test_the_pieces_are_the_text_and_none_is_too_long(text: str, longest: int) -> None:
    found = list(passages(text, longest))
    assert "".join(found) == text
    assert all(0 < len(piece) <= longest for piece in found)


def test_a_short_text_is_one_piece() -> None:
    assert list(passages("One. Two.", 20)) == ["One. Two."]
    assert list(passages("", 20)) == []


def test_it_is_cut_after_sentences_before_clauses_before_words() -> None:
    assert list(passages("One two three. Four five, six", 20)) == [
        "One two three. ",
        "Four five, six",
    ]
    assert list(passages("One two three, four five six", 20)) == [
        "One two three, ",
        "four five six",
    ]
    assert list(passages("One two three four five six", 20)) == ["One two three four ", "five six"]
    assert list(passages("x" * 45, 20)) == ["x" * 20, "x" * 20, "x" * 5]


def test_no_piece_but_the_last_is_tiny() -> None:
    text = "A. " + "b" * 60
    assert len(next(passages(text, 20))) == 20
