"""A text as moderation looks at it: sentences, and their words."""

import re

_SENTENCE = re.compile(r"[^.!?\n。！？]+[.!?。！？]*")
_WORD = re.compile(r"[^\W_]+")
MAX_WORDS = 40
"""Of one piece: a harmful sentence must not be thinned out by a page of harmless ones."""
MAX_WORD = 40


def pieces_of(text: str) -> list[str]:
    """Its sentences, long ones in parts; the text itself where there is none."""
    found: list[str] = []
    for match in _SENTENCE.finditer(text):
        sentence = match[0].strip()
        if not _WORD.search(sentence):
            continue
        words = sentence.split()
        if len(words) <= MAX_WORDS:
            found.append(sentence)
        else:
            parts = range(0, len(words), MAX_WORDS)
            found += [" ".join(words[start : start + MAX_WORDS]) for start in parts]
    return found or [text]


def words_of(text: str) -> list[str]:
    """Each once, in lower case."""
    words = (match[0].lower()[:MAX_WORD] for match in _WORD.finditer(text))
    return list(dict.fromkeys(words))
