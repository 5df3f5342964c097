# pyright: basic, reportArgumentType=false, reportReturnType=false, reportOperatorIssue=false
"""A sampler chain of llama.cpp for one request, and the probabilities that are reported beside it.

The order is `sampler_priority`; logit biases come first and the draw last (mirostat and adaptive-p draw by
themselves). A sampler whose values are neutral is left out, which is what makes the plain case fast.
"""

import ctypes
import random
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence as Tokens
from typing import Any, Protocol

import llama_cpp.llama_cpp as c
import numpy as np

from modules.core.events import TokenChoice
from modules.core.sampling import MAX_LOGIT_BIAS, MIN_TEMPERATURE, SAMPLERS, SamplingParams
from modules.loaders.llamacpp import library
from modules.loaders.llamacpp.tokenizer import LlamaTokenizer
from modules.loaders.slots import DrySource

HONOURED = frozenset(sampler.name for sampler in SAMPLERS)
"""llama.cpp has every sampler of the table."""

KEPT_PROTOTYPES = 16
SPARSE_SHARE = 64
"""Below this part of all words of a mask it is quicker to look at them one by one."""
TOKEN_DATA = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])


class Vocabulary(Protocol):
    size: int
    end_ids: frozenset[int]


class SamplerChain:
    """Owns C memory: `free` it. `is_greedy` chains have no C part; the largest logit is taken."""

    def __init__(
        self,
        params: SamplingParams,
        tokenizer: Vocabulary,
        past: Tokens[int],
        context_length: int,
        dry: DrySource,
    ) -> None:
        self.params = params
        self._tokenizer = tokenizer
        self._dry_prototypes = dry
        self._past = past
        self._context_length = context_length
        # 2**32 - 1 is llama.cpp's own word for "random".
        seed = params.seed if params.seed >= 0 else random.getrandbits(64)
        self.seed = seed % (2**32 - 1)
        stages = self._stages()
        self.is_greedy = params.is_greedy and not stages
        self.pointer: Any = None
        if not self.is_greedy:
            self.pointer = c.llama_sampler_chain_init(c.llama_sampler_chain_default_params())
            for stage in (*stages, *self._final_stages()):
                c.llama_sampler_chain_add(self.pointer, stage)

    def free(self) -> None:
        if self.pointer is not None:
            c.llama_sampler_free(self.pointer)
            self.pointer = None

    def accept(self, token_id: int) -> None:
        """Take note of a token that was not drawn by this chain."""
        if self.pointer is not None:
            library.sampler_accept(self.pointer, token_id)

    def _stages(self) -> list[Any]:
        """Everything before the cuts and the draw that a greedy choice needs too: biases and penalties."""
        stages = [self._biases()]
        priority = list(self.params.sampler_priority)
        if self.params.temperature_last and "temperature" in priority:
            priority.remove("temperature")
            priority.append("temperature")
        builders: dict[str, Callable[[], Any]] = {"penalties": self._penalties, "dry": self._dry}
        if not self.params.is_greedy and not self.params.mirostat_mode:
            builders |= self._cuts()
        elif not self.params.is_greedy:
            builders["temperature"] = self._temperature
        stages += [builders[name]() for name in priority if name in builders]
        return [stage for stage in stages if stage is not None]

    def _final_stages(self) -> list[Any]:
        p = self.params
        if p.is_greedy:
            return [c.llama_sampler_init_greedy()]
        if p.mirostat_mode == 1:
            size = self._tokenizer.size
            return [
                c.llama_sampler_init_mirostat(size, self.seed, p.mirostat_tau, p.mirostat_eta, 100)
            ]
        if p.mirostat_mode == 2:
            return [c.llama_sampler_init_mirostat_v2(self.seed, p.mirostat_tau, p.mirostat_eta)]
        if p.adaptive_target > 0:
            return [c.llama_sampler_init_adaptive_p(p.adaptive_target, p.adaptive_decay, self.seed)]
        return [c.llama_sampler_init_dist(self.seed)]

    def _cuts(self) -> dict[str, Callable[[], Any]]:
        p = self.params
        return {
            "top_n_sigma": lambda: (
                c.llama_sampler_init_top_n_sigma(p.top_n_sigma) if p.top_n_sigma > 0 else None
            ),
            "top_k": lambda: c.llama_sampler_init_top_k(p.top_k) if p.top_k > 0 else None,
            "typical_p": lambda: (
                c.llama_sampler_init_typical(p.typical_p, 1) if p.typical_p < 1 else None
            ),
            "top_p": lambda: c.llama_sampler_init_top_p(p.top_p, 1) if p.top_p < 1 else None,
            "min_p": lambda: c.llama_sampler_init_min_p(p.min_p, 1) if p.min_p > 0 else None,
            "xtc": lambda: (
                c.llama_sampler_init_xtc(p.xtc_probability, p.xtc_threshold, 1, self.seed)
                if p.xtc_probability > 0
                else None
            ),
            "temperature": self._temperature,
        }

    def _temperature(self) -> Any:
        p = self.params
        if p.dynamic_temperature:
            middle = (p.dynatemp_low + p.dynatemp_high) / 2
            spread = abs(p.dynatemp_high - p.dynatemp_low) / 2
            return c.llama_sampler_init_temp_ext(middle, spread, p.dynatemp_exponent)
        if p.temperature == 1:
            return None
        return c.llama_sampler_init_temp(max(p.temperature, MIN_TEMPERATURE))

    def _biases(self) -> Any:
        biases = {
            token_id: bias if bias > -MAX_LOGIT_BIAS else -np.inf
            for token_id, bias in self.params.logit_bias
        }
        banned = [*self.params.custom_token_bans]
        if self.params.ban_eos_token:
            banned += self._tokenizer.end_ids
        biases |= dict.fromkeys(banned, -np.inf)
        if not biases:
            return None
        array = (c.llama_logit_bias * len(biases))(*biases.items())
        return c.llama_sampler_init_logit_bias(self._tokenizer.size, len(biases), array)

    def _penalties(self) -> Any:
        p = self.params
        if p.repetition_penalty == 1 and p.frequency_penalty == 0 and p.presence_penalty == 0:
            return None
        last = penalty_range(p, self._context_length)
        stage = c.llama_sampler_init_penalties(
            self._tokenizer.size,
            last,
            p.repetition_penalty,
            p.frequency_penalty,
            p.presence_penalty,
        )
        return self._with_past(stage, last)

    def _dry(self) -> Any:
        if self.params.dry_multiplier == 0:
            return None
        stage = self._dry_prototypes.clone(self.params, self._context_length)
        return self._with_past(stage, penalty_range(self.params, self._context_length))

    def _with_past(self, stage: Any, last: int) -> Any:
        for token_id in self._past[-last:]:
            library.sampler_accept(stage, token_id)
        return stage


def penalty_range(params: SamplingParams, context_length: int) -> int:
    """How many last tokens the penalties look at."""
    return min(params.repetition_penalty_range or context_length, context_length)


class DryPrototypes:
    """DRY samplers, one for each set of values, cloned for each request.

    To make one, llama.cpp looks for every breaker in the whole vocabulary: 26 ms for 150,000 tokens and the default breakers. So
    `prepare` does that in the thread of the one who asks, and the engine's thread only clones. Threads may share this.
    """

    def __init__(self, tokenizer: LlamaTokenizer) -> None:
        self._tokenizer = tokenizer
        self._lock = threading.Lock()
        self._made: OrderedDict[tuple[Any, ...], Any] = OrderedDict()

    def prepare(self, params: SamplingParams, context_length: int) -> None:
        if params.dry_multiplier > 0:
            with self._lock:
                self._find(params, context_length)

    def clone(self, params: SamplingParams, context_length: int) -> Any:
        with self._lock:
            return c.llama_sampler_clone(self._find(params, context_length))

    def free(self) -> None:
        with self._lock:
            while self._made:
                c.llama_sampler_free(self._made.popitem()[1])

    def _find(self, params: SamplingParams, context_length: int) -> Any:
        key = (
            params.dry_multiplier,
            params.dry_base,
            params.dry_allowed_length,
            penalty_range(params, context_length),
            params.dry_sequence_breakers,
        )
        if key in self._made:
            self._made.move_to_end(key)
            return self._made[key]
        self._made[key] = self._make(*key)
        if len(self._made) > KEPT_PROTOTYPES:
            c.llama_sampler_free(self._made.popitem(last=False)[1])
        return self._made[key]

    def _make(
        self, multiplier: float, base: float, allowed: int, last: int, breakers: tuple[str, ...]
    ) -> Any:
        texts = [breaker.encode() for breaker in breakers]
        array = (ctypes.c_char_p * len(texts))(*texts)
        return c.llama_sampler_init_dry(
            self._tokenizer.vocab, multiplier, base, allowed, last, array, len(texts)
        )


def logits_view(context: Any, row: int, size: int) -> np.ndarray:
    """float32 [size], the logits of a row of the last batch; writable, valid until the next decode."""
    address = library.get_logits_ith(context, row)
    return np.ctypeslib.as_array((ctypes.c_float * size).from_address(address))


def forbid(logits: np.ndarray, bitmask: np.ndarray) -> bool:
    """Set the logits of all tokens that the mask does not allow to minus infinity, in place; False when it surely allows all.

    `bitmask`: int32 words. Free text allows nearly everything and strict JSON nearly nothing: there only the odd words are opened.
    """
    few = len(bitmask) // SPARSE_SHARE
    holes = np.flatnonzero(bitmask != -1)
    if not len(holes):
        return False
    if len(holes) <= few:
        forbidden = _token_ids(bitmask, holes, 0, len(logits))
        logits[forbidden] = -np.inf
        return len(forbidden) > 0
    some = np.flatnonzero(bitmask)
    if len(some) <= few:
        allowed = _token_ids(bitmask, some, 1, len(logits))
        kept = logits[allowed]
        logits.fill(-np.inf)
        logits[allowed] = kept
        return True
    bits = np.unpackbits(bitmask.view(np.uint8), bitorder="little", count=len(logits))
    logits[bits == 0] = -np.inf
    return True


def _token_ids(bitmask: np.ndarray, words: np.ndarray, bit: int, size: int) -> np.ndarray:
    """Ids below `size` whose bit has this value, in the words with these indices; ascending."""
    bits = np.unpackbits(bitmask[words].view(np.uint8), bitorder="little").reshape(-1, 32)
    rows, columns = np.nonzero(bits == bit)
    ids = words[rows] * 32 + columns
    return ids[: np.searchsorted(ids, size)]


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """float64 [size], natural logarithms."""
    shifted = logits.astype(np.float64) - logits.max()
    return shifted - np.log(np.exp(shifted).sum())


def token_logprob(
    logprobs: np.ndarray, chosen: int, alternatives: int, tokenizer: LlamaTokenizer
) -> tuple[TokenChoice, tuple[TokenChoice, ...]]:
    """The chosen token and the most likely ones, best first; tokens that cannot come are left out."""
    count = min(alternatives, len(logprobs))
    best: list[int] = []
    if count:
        found = np.argpartition(-logprobs, count - 1)[:count]
        best = found[np.argsort(-logprobs[found], kind="stable")].tolist()
    choices = [
        TokenChoice(i, tokenizer.piece(i, special=True), float(logprobs[i]))
        for i in (chosen, *best)
        if i == chosen or np.isfinite(logprobs[i])
    ]
    return choices[0], tuple(choices[1:])


def certainty(token_id: int, size: int) -> np.ndarray:
    """Log-probabilities where only one token can come."""
    logprobs = np.full(size, -np.inf)
    logprobs[token_id] = 0.0
    return logprobs


def draw_with_probabilities(chain: SamplerChain, logits: np.ndarray) -> tuple[int, np.ndarray]:
    """The drawn token, and the logarithms of the probabilities that the chain left (-inf: cut off)."""
    data = np.zeros(len(logits), dtype=TOKEN_DATA)
    data["id"] = np.arange(len(logits))
    data["logit"] = logits
    array = c.llama_token_data_array(
        data=data.ctypes.data_as(c.llama_token_data_p), size=len(data), selected=-1, sorted=False
    )
    library.sampler_apply(chain.pointer, ctypes.byref(array))
    token_id = int(data["id"][array.selected])
    library.sampler_accept(chain.pointer, token_id)
    left = data[: array.size]
    logprobs = np.full(len(logits), -np.inf)
    logprobs[left["id"]] = log_softmax(left["logit"])
    return token_id, logprobs
