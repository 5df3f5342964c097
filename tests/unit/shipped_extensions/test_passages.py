"""Texts in passages."""

from itertools import pairwise

from hypothesis import given, strategies

from extensions.rag.passages import split_passages

words = strategies.text(strategies.sampled_from("ab .\n!é"), max_size=400)


@given(words, strategies.integers(20, 120), strategies.integers(0, 10))
def test_nothing_is_lost_and_nothing_is_too_long(text: str, size: int, overlap: int):
    passages = split_passages(text, size, overlap)
    assert all(0 < len(passage) <= size for passage in passages)
    said = "".join("".join(passages).split())
    place = 0
    for character in "".join(text.split()):  # in order, with what is said twice between
        place = said.index(character, place) + 1


def test_paragraphs_stay_whole_where_they_can():
    text = "\n\n".join(f"Paragraph {number}. " + "word " * 12 for number in range(6))
    passages = split_passages(text, 160, 0)
    assert all(passage.startswith("Paragraph") for passage in passages)


def test_a_passage_begins_with_the_end_of_the_one_before():
    text = " ".join(f"This is sentence number {number}." for number in range(30))
    passages = split_passages(text, 200, 60)
    for before, after in pairwise(passages):
        assert before.endswith(after[:20]) or after.split(". ")[0] in before


def test_words_without_an_end_are_cut():
    assert split_passages("x" * 1000, 300, 0)[0] == "x" * 298
    assert split_passages("  \n\n ", 300, 50) == []
