# pyright: basic, reportArgumentType=false
"""DRY for vocabularies that llama.cpp does not know: the same penalty as its own sampler, as a stage of its chains.

The rule: p-e-w, https://github.com/oobabooga/text-generation-webui/pull/5677. A token that would lengthen a repetition of `n` tokens loses
multiplier * base ** (n - allowed) from its logit; repetitions do not reach across breakers.
"""

import ctypes
import threading
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Any

import llama_cpp.llama_cpp as c

from modules.core.sampling import SamplingParams
from modules.loaders.llamacpp.sampling import TOKEN_DATA, penalty_range

import numpy as np  # isort: skip - after llama_cpp, which must load libgomp first

KEPT_BREAKERS = 16
MAX_TAIL = 20
"""Tokens of a breaker after the one that it begins in; what llama.cpp takes."""
MAX_PENALTY = 1e30

Heads = dict[int, list[tuple[int, ...]]]
"""Token in which a breaker begins -> the tokens that may complete it (none where it has it whole)."""


class DryStages:
    """Takes the place of llama.cpp's `DryPrototypes`. Threads may share this."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._lock = threading.Lock()
        self._heads: OrderedDict[tuple[str, ...], Heads] = OrderedDict()
        self._stages: dict[int, _Stage] = {}

    def prepare(self, params: SamplingParams, context_length: int) -> None:
        """Looks for the breakers in the whole vocabulary, which may take a second; the result is kept."""
        if params.dry_multiplier > 0:
            self._find(params.dry_sequence_breakers)

    def clone(self, params: SamplingParams, context_length: int) -> Any:
        """A stage of llama.cpp's kind, which frees itself with its chain."""
        stage = _Stage(
            params, penalty_range(params, context_length), self._find(params.dry_sequence_breakers)
        )
        pointer = stage.build(self._forget)
        self._stages[ctypes.addressof(pointer.contents)] = stage
        return pointer

    def free(self) -> None:
        self._stages.clear()

    def _forget(self, address: int) -> None:
        self._stages.pop(address, None)

    def _find(self, breakers: tuple[str, ...]) -> Heads:
        with self._lock:
            if breakers in self._heads:
                self._heads.move_to_end(breakers)
                return self._heads[breakers]
            heads = self._heads[breakers] = self._search(breakers)
            if len(self._heads) > KEPT_BREAKERS:
                self._heads.popitem(last=False)
            return heads

    def _search(self, breakers: tuple[str, ...]) -> Heads:
        heads: Heads = {}
        pieces = [self._tokenizer.piece(i, special=True) for i in range(self._tokenizer.known)]
        for breaker in (text.encode() for text in breakers if text):
            for token_id, piece in enumerate(pieces):
                if breaker in piece:
                    heads.setdefault(token_id, []).append(())
                    continue
                for length in range(1, min(len(breaker), len(piece) + 1)):
                    if piece.endswith(breaker[:length]):
                        tail = self._tail(breaker[length:])
                        heads.setdefault(token_id, []).append(tail)
        return heads

    def _tail(self, rest: bytes) -> tuple[int, ...]:
        text = rest.decode(errors="replace")
        ids = self._tokenizer.encode(text, add_special=False, parse_special=False)
        return tuple(ids[:MAX_TAIL])


@dataclass(frozen=True)
class _Callbacks:
    """What C calls; kept alive as long as the stage."""

    name: Any
    accept: Any
    apply: Any
    free: Any


class _Stage:
    """One request's. `last`: how many tokens are looked at."""

    def __init__(self, params: SamplingParams, last: int, heads: Heads) -> None:
        self._multiplier = params.dry_multiplier
        self._base = params.dry_base
        self._allowed = params.dry_allowed_length
        self._heads = heads
        self._past: deque[int] = deque(maxlen=max(1, last))

    def build(self, on_free: Any) -> Any:
        self._callbacks = _Callbacks(
            c.llama_sampler_i_name(lambda _: b"dry"),
            c.llama_sampler_i_accept(lambda _, token_id: self._past.append(token_id)),
            c.llama_sampler_i_apply(lambda _, array: self._apply(array.contents)),
            c.llama_sampler_i_free(lambda own: on_free(ctypes.addressof(own.contents))),
        )
        self._interface = c.llama_sampler_i(
            name=self._callbacks.name,
            accept=self._callbacks.accept,
            apply=self._callbacks.apply,
            free=self._callbacks.free,
        )
        return c.llama_sampler_init(ctypes.byref(self._interface), None)

    def _apply(self, array: Any) -> None:
        penalties = self.penalties()
        if not penalties:
            return
        buffer = (ctypes.c_char * (array.size * TOKEN_DATA.itemsize)).from_address(
            ctypes.addressof(array.data.contents)
        )
        data = np.frombuffer(buffer, dtype=TOKEN_DATA)
        for token_id, penalty in penalties.items():
            data["logit"][data["id"] == token_id] -= penalty
        array.sorted = False

    def penalties(self) -> dict[int, float]:
        """What each token that would lengthen a repetition loses."""
        tokens = list(self._past)
        limit = self._until_breaker(tokens)
        if len(tokens) <= self._allowed or limit < self._allowed:
            return {}
        lengths: dict[int, int] = {}
        for place, length in enumerate(_suffix_matches(tokens)):
            length = min(length, limit)
            if length >= self._allowed:
                following = tokens[place + 1]
                if () in self._heads.get(following, ()):  # a breaker by itself goes unpunished
                    continue
                lengths[following] = max(length, lengths.get(following, 0))
        return {token_id: self._penalty(length) for token_id, length in lengths.items()}

    def _penalty(self, length: int) -> float:
        try:
            return min(MAX_PENALTY, self._multiplier * self._base ** (length - self._allowed))
        except OverflowError:
            return MAX_PENALTY

    def _until_breaker(self, tokens: list[int]) -> int:
        """Tokens at the end that come after the last breaker."""
        for back in range(len(tokens)):
            tails = self._heads.get(tokens[-1 - back])
            if tails is None:
                continue
            after = tokens[len(tokens) - back :]
            fitting = [len(t) for t in tails if len(t) <= back and tuple(after[: len(t)]) == t]
            if fitting:
                return back - max(fitting)
        return len(tokens)


def _suffix_matches(tokens: list[int]) -> list[int]:
    """For each place but the last: how many tokens up to it are the same as those at the end. Linear, by the Z-function of the reverse."""
    reverse = tokens[::-1]
    size = len(reverse)
    z = [0] * size
    left = right = 0
    for index in range(1, size):
        if index < right:
            z[index] = min(right - index, z[index - left])
        while index + z[index] < size and reverse[z[index]] == reverse[index + z[index]]:
            z[index] += 1
        if index + z[index] > right:
            left, right = index, index + z[index]
    return [z[size - 1 - place] for place in range(size - 1)]
