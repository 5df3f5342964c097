"""The short texts between which the model decides, as token ids of its vocabulary. Pure functions.

The answers themselves are the labels where their first tokens tell them apart; else each gets a letter, or a number when there are
more answers than letters.
"""

import string
from collections.abc import Sequence
from dataclasses import dataclass

from modules.loaders.base import Tokenizer

Path = tuple[int, ...]
MAX_WORD_CHARS = 40


@dataclass(frozen=True, slots=True)
class Labels:
    """One label an answer: how it is shown, and the ways to write it in tokens. `are_words`: they are the answers themselves."""

    shown: tuple[str, ...]
    paths: tuple[tuple[Path, ...], ...]
    are_words: bool = False


def word_labels(words: Sequence[str], tokenizer: Tokenizer) -> Labels | None:
    """Of each word its first token, also capitalized and after a space; None when these do not tell the words apart."""
    if not all(_is_plain(word) for word in words):
        return None
    plain = [_first_tokens([word], tokenizer) for word in words]
    if not _are_apart(plain):
        return None
    varied = [_first_tokens(_variants(word), tokenizer) for word in words]
    chosen = varied if _are_apart(varied) else plain
    return Labels(tuple(words), tuple(tuple((i,) for i in sorted(ids)) for ids in chosen), True)


def letter_labels(count: int, tokenizer: Tokenizer) -> Labels | None:
    """None when there are not enough letters that are one token each."""
    letters = string.ascii_uppercase[:count]
    paths = [_single_tokens((letter, f" {letter}"), tokenizer) for letter in letters]
    if len(letters) < count or not _are_apart(paths):
        return None
    return Labels(tuple(letters), tuple(tuple((i,) for i in sorted(ids)) for ids in paths))


def number_labels(count: int, tokenizer: Tokenizer) -> Labels:
    """0, 1, 2 …, all with as many digits, so that none is the beginning of another."""
    digits = len(str(count - 1))
    shown = tuple(f"{number:0{digits}}" for number in range(count))
    return Labels(shown, tuple(((_encode(text, tokenizer)),) for text in shown))


def choose_labels(words: Sequence[str], tokenizer: Tokenizer) -> Labels:
    return (
        word_labels(words, tokenizer)
        or letter_labels(len(words), tokenizer)
        or number_labels(len(words), tokenizer)
    )


def _is_plain(word: str) -> bool:
    return 0 < len(word) <= MAX_WORD_CHARS and word.isprintable() and not word[0].isspace()


def _variants(word: str) -> tuple[str, ...]:
    capital = word[0].upper() + word[1:]
    return tuple(dict.fromkeys((word, capital, f" {word}", f" {capital}")))


def _first_tokens(texts: Sequence[str], tokenizer: Tokenizer) -> set[int]:
    """Those that say something: a token that is a space alone begins every word."""
    firsts = [_encode(text, tokenizer)[:1] for text in texts]
    return {
        token_id
        for first in firsts
        for token_id in first
        if tokenizer.piece(token_id, special=True).strip()
    }


def _single_tokens(texts: Sequence[str], tokenizer: Tokenizer) -> set[int]:
    encoded = [_encode(text, tokenizer) for text in texts]
    return {ids[0] for ids in encoded if len(ids) == 1}


def _are_apart(groups: Sequence[set[int]]) -> bool:
    return all(groups) and len(set[int]().union(*groups)) == sum(map(len, groups))


def _encode(text: str, tokenizer: Tokenizer) -> Path:
    return tuple(tokenizer.encode(text, add_special=False, parse_special=False))
