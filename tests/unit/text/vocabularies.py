"""Vocabularies for grammars, and random replies that a grammar allows, for tests."""

import random
from collections.abc import Sequence

import numpy as np
from llguidance import LLTokenizer, TokenizerWrapper

from modules.core.requests import Grammar
from modules.engine.constraints import GrammarCompiler, GrammarMatcher

END = 256
LONGEST = 3000


class ByteVocabulary:
    """A token for each byte, one that ends the reply, and a control token for each mark."""

    eos_token_id = END
    bos_token_id = None

    def __init__(self, marks: Sequence[str]) -> None:
        singles = [bytes([value]) for value in range(256)]
        self.tokens = [*singles, b"<end>", *(mark.encode() for mark in marks)]
        self.special_token_ids = list(range(END, len(self.tokens)))
        self.reads_marks = True

    def __call__(self, data: bytes) -> list[int]:
        """A mark is a token where it stands alone, and only while the grammar is compiled, as real tokenizers do it."""
        if self.reads_marks and data in self.tokens[END + 1 :]:
            return [self.tokens.index(data)]
        return list(data)


class RandomWriter:
    """Writes replies at random, as a grammar allows; `texts` are tried more often than chance would."""

    def __init__(self, grammar: Grammar, *, has_control_tokens: bool, texts: Sequence[str]) -> None:
        self._vocabulary = ByteVocabulary(grammar.marks if has_control_tokens else ())
        self._grammar = grammar
        self._compiler = GrammarCompiler(self._build_tokenizer)
        self._compiler.compile(grammar)
        self._vocabulary.reads_marks = False
        self._texts = texts

    def _build_tokenizer(self) -> LLTokenizer:
        size = len(self._vocabulary.tokens)
        wrapper = TokenizerWrapper(self._vocabulary)
        return LLTokenizer(wrapper, n_vocab=size, eos_token=END, slices=[])

    def write(self, seed: int) -> str | None:
        """None when it has not come to an end in `LONGEST` tokens."""
        chance = random.Random(seed)
        matcher = self._compiler.compile(self._grammar)
        written, planned = bytearray(), b""
        for step in range(LONGEST):
            allowed = [] if matcher.is_finished else self._allowed(matcher)
            if not allowed or (END in allowed and (chance.random() < 0.3 or step > LONGEST // 2)):
                return written.decode()
            if not planned and chance.random() < 0.15:
                planned = chance.choice(self._texts).encode()
            token = planned[0] if planned and planned[0] in allowed else None
            planned = planned[1:] if token is not None else b""
            if token is None:
                token = _choose(allowed, chance)
            matcher.accept(token)
            written += self._vocabulary.tokens[token]
        return None

    def _allowed(self, matcher: GrammarMatcher) -> list[int]:
        size = len(self._vocabulary.tokens)
        bits = np.unpackbits(matcher.bitmask().view(np.uint8), bitorder="little", count=size)
        return np.flatnonzero(bits).tolist()


def _choose(allowed: Sequence[int], chance: random.Random) -> int:
    """Marks and what closes something more often than letters, so that replies end; no half characters."""
    marks = [token for token in allowed if token > END]
    closing = [token for token in allowed if token < END and token in b'"}]>)</\n, ']
    letters = [token for token in allowed if 32 <= token < 127]
    if marks and chance.random() < 0.3:
        return chance.choice(marks)
    if closing and chance.random() < 0.4:
        return chance.choice(closing)
    return chance.choice(letters or marks or [token for token in allowed if token != END] or [END])
