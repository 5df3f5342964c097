"""A text in passages that are short enough to be found and quoted by themselves."""

import re
from collections.abc import Iterator

_PARAGRAPH = re.compile(r"\n\s*\n")
LEAST = 20
_BLANK = "\n\n"
_SENTENCE = re.compile(r"(?<=[.!?…])\s+|\n")


def split_passages(text: str, size: int, overlap: int) -> list[str]:
    """At most `size` characters each, cut between paragraphs where that is possible, else between sentences or words.

    A passage begins with the last whole sentences of the one before, up to `overlap` characters, so that what belongs together is
    found together. At least `LEAST` characters, and half of them at most are an overlap.
    """
    size = max(size, LEAST)
    overlap = max(0, min(overlap, size // 2))
    passages: list[str] = []
    current = ""
    for before, piece in _pieces(text, size - overlap - len(_BLANK)):
        if current and len(current) + len(before) + len(piece) > size:
            passages.append(current)
            current = _tail(current, overlap)
        current = f"{current}{before}{piece}" if current else piece
    return [*passages, current] if current else passages


def _pieces(text: str, longest: int) -> Iterator[tuple[str, str]]:
    """What stands before it, and a paragraph; of longer ones the sentences, of longer ones the words, of longer ones parts."""
    for paragraph in _PARAGRAPH.split(text):
        before = _BLANK
        if len(paragraph.strip()) <= longest:
            if paragraph.strip():
                yield before, paragraph.strip()
            continue
        for sentence in _SENTENCE.split(paragraph):
            for part in _cut(sentence.strip(), longest):
                yield before, part
                before = " "


def _cut(sentence: str, longest: int) -> Iterator[str]:
    while len(sentence) > longest:
        end = sentence.rfind(" ", 1, longest + 1)
        end = end if end > 0 else longest
        yield sentence[:end].strip()
        sentence = sentence[end:].strip()
    if sentence:
        yield sentence


def _tail(passage: str, longest: int) -> str:
    tail = ""
    for sentence in reversed(_SENTENCE.split(passage)):
        longer = f"{sentence} {tail}".strip()
        if len(longer) > longest:
            break
        tail = longer
    return tail
