# pyright: basic, reportArgumentType=false, reportReturnType=false, reportOperatorIssue=false
"""`TextRunner` over one llama.cpp context. Everything here runs on the engine's one thread."""

import logging
from dataclasses import dataclass, field
from typing import Any

import llama_cpp.llama_cpp as c
import numpy as np

from modules.core.errors import AppError, ModelError
from modules.core.events import TokenChoice, TokenLogprob
from modules.loaders.base import ModelInfo, Sampled, Sequence, Step
from modules.loaders.llamacpp import library
from modules.loaders.llamacpp.batch import Batch
from modules.loaders.llamacpp.sampling import (
    SamplerChain,
    certainty,
    draw_with_probabilities,
    forbid,
    log_softmax,
    logits_view,
    token_logprob,
)
from modules.loaders.llamacpp.tokenizer import LlamaTokenizer
from modules.loaders.prefixes import SlotView, best_source, plan_slot

log = logging.getLogger("hearth.llamacpp")

NO_KV_MEMORY = 1
ROOM_TO_GROW = 64
"""Tokens of a shared KV memory that are left for each running reply before another request is let in."""
SCORED_TOKENS_PER_STEP = 256
"""Every scored prompt token keeps a row of logits as wide as the vocabulary."""


@dataclass(slots=True)
class Slot:
    """One sequence id of llama.cpp. `cached`: tokens in its KV memory while nobody uses it."""

    index: int
    cached: list[int] = field(default_factory=list)
    sequence: Sequence | None = None
    last_used: int = 0


@dataclass(slots=True)
class State:
    """What the runner keeps for a sequence: its sampler chain, and whose prefix it waits for."""

    chain: SamplerChain
    leader: Sequence | None = None
    admitted: int = 0


class LlamaRunner:
    def __init__(
        self, model: Any, context: Any, tokenizer: LlamaTokenizer, info: ModelInfo
    ) -> None:
        self.info = info
        self.tokenizer = tokenizer
        self._model = model
        self._context = context
        self._memory = c.llama_get_memory(context)
        self._batch = Batch(c.llama_n_batch(context))
        self._slots = [Slot(index) for index in range(info.slots)]
        self._prompt_budget = min(info.options["prompt_budget"], self._batch.capacity)
        self._is_unified = bool(info.options["kv_unified"])
        self._can_trim = not (c.llama_model_is_recurrent(model) or c.llama_model_is_hybrid(model))
        self._window = c.llama_model_n_swa(model) if not info.options["swa_full"] else 0
        self._ticks = 0

    # -- admission ---------------------------------------------------------------------------

    def admit(self, sequence: Sequence) -> bool:
        wants_scores = sequence.request.prompt_logprobs is not None
        tokens = sequence.tokens
        views = [self._view(slot) for slot in self._slots]
        plan = plan_slot(views, [] if wants_scores else tokens)
        if plan is None or not self._has_cells(sequence):
            return False
        slot = self._slots[plan.slot]
        if sequence.state is None:
            sequence.state = State(self._build_chain(sequence))
        self._ticks += 1
        sequence.state.admitted = self._ticks
        slot.last_used, sequence.slot = self._ticks, slot.index
        if plan.source is not None and views[plan.source].computed < plan.keep:
            sequence.state.leader = self._slots[plan.source].sequence
            self._forget(slot)
        else:
            self._take_prefix(sequence, plan.source, plan.keep)
        slot.sequence = sequence
        return True

    def _has_cells(self, sequence: Sequence) -> bool:
        """Whether the shared KV memory has room; with one for each slot the free slot is the answer."""
        running = self._running()
        if not self._is_unified or not running:
            return True
        used = sum(len(other.tokens) + ROOM_TO_GROW for other in running)
        return used + len(sequence.tokens) + ROOM_TO_GROW <= self.info.context_length

    def _view(self, slot: Slot) -> SlotView:
        if slot.sequence is None:
            return SlotView(slot.index, slot.cached, len(slot.cached), False, slot.last_used)
        sequence = slot.sequence
        # One that waits itself has nothing to give: without this two could wait for each other.
        tokens = sequence.tokens if sequence.state.leader is None else []
        return SlotView(slot.index, tokens, sequence.computed, True, slot.last_used)

    def _build_chain(self, sequence: Sequence) -> SamplerChain:
        request = sequence.request
        return SamplerChain(
            request.sampling, self.tokenizer, request.prompt_ids, self.info.context_length
        )

    def _take_prefix(self, sequence: Sequence, source: int | None, keep: int) -> None:
        """Make the slot's KV memory hold the first `keep` tokens, or nothing."""
        slot = self._slots[sequence.slot]
        if source is None or not self._may_keep(source, keep):
            self._forget(slot)
            keep = 0
        elif source != slot.index:
            self._forget(slot)
            # Across KV streams only whole copies exist; the tail goes right after.
            library.memory_seq_cp(self._memory, source, slot.index, -1, -1)
        if keep and not self._trim(slot.index, keep):
            self._forget(slot)
            keep = 0
        slot.cached = []
        sequence.computed = keep
        sequence.cached_tokens = max(sequence.cached_tokens, min(keep, sequence.prompt_length))

    def _may_keep(self, source: int, keep: int) -> bool:
        """Recurrent memories cannot be cut back: only a whole one can be gone on from."""
        if self._can_trim:
            return keep > 0
        slot = self._slots[source]
        there = len(slot.cached) if slot.sequence is None else slot.sequence.computed
        return 0 < keep == there

    def _trim(self, index: int, keep: int) -> bool:
        if not library.memory_seq_rm(self._memory, index, keep, -1):
            return False
        # A sliding window may have dropped tokens that the next one still looks at.
        oldest = c.llama_memory_seq_pos_min(self._memory, index)
        return not (self._window and oldest > max(0, keep - self._window))

    def _forget(self, slot: Slot) -> None:
        library.memory_seq_rm(self._memory, slot.index, -1, -1)
        slot.cached = []

    def release(self, sequence: Sequence) -> None:
        slot = self._leave(sequence)
        if slot is not None:
            slot.cached = sequence.tokens[: sequence.computed]
        if sequence.state is not None:
            sequence.state.chain.free()
            sequence.state = None

    def _leave(self, sequence: Sequence) -> Slot | None:
        slot = self._slots[sequence.slot] if sequence.slot >= 0 else None
        if slot is not None:
            slot.sequence = None
            slot.last_used = self._ticks
            sequence.slot = -1
        return slot

    def _running(self) -> list[Sequence]:
        return [slot.sequence for slot in self._slots if slot.sequence is not None]

    # -- one step ----------------------------------------------------------------------------

    def step(self) -> Step:
        step = Step()
        self._follow_leaders()
        while True:
            rows = self._fill()
            if not rows:
                return step
            answer = self._batch.decode(self._context)
            if answer == 0:
                break
            if answer == NO_KV_MEMORY and self._make_room(step):
                continue
            self._fail(rows, answer, step)
            return step
        for sequence, first, count in rows:
            self._collect(sequence, first, count, step)
        return step

    def _follow_leaders(self) -> None:
        """Requests that wait for another's prefix copy it as soon as it is there, or look again."""
        for sequence in self._running():
            if sequence.state.leader is None:
                continue
            views = [self._view(slot) for slot in self._slots if slot.index != sequence.slot]
            source, keep = best_source(views, sequence.tokens)
            if source is not None and source.computed < keep:
                sequence.state.leader = self._slots[source.index].sequence
                continue
            sequence.state.leader = None
            self._take_prefix(sequence, None if source is None else source.index, keep)

    def _fill(self) -> list[tuple[Sequence, int, int]]:
        """Put the next tokens of everyone into the batch: (sequence, first row, rows), ascending slots."""
        self._batch.clear()
        active = [s for s in self._running() if s.state.leader is None]
        chunks = self._share_budget(active)
        rows: list[tuple[Sequence, int, int]] = []
        for sequence in active:
            left = len(sequence.tokens) - sequence.computed
            if left == 1 and not self._scores_prompt(sequence):
                row = self._batch.add_token(
                    sequence.slot, sequence.computed, sequence.tokens[sequence.computed]
                )
                rows.append((sequence, row, 1))
            elif count := chunks.get(id(sequence), 0):
                end = sequence.computed + count
                row = self._batch.add_chunk(
                    sequence.slot,
                    sequence.computed,
                    sequence.tokens[sequence.computed : end],
                    all_logits=self._scores_prompt(sequence),
                    last_logits=end == len(sequence.tokens),
                )
                rows.append((sequence, row, count))
        return rows

    def _share_budget(self, active: list[Sequence]) -> dict[int, int]:
        """How many prompt tokens each may bring, those who came first first."""
        reading = [s for s in active if self._is_reading(s)]
        if not reading:
            return {}
        replying = len(active) - len(reading)
        budget = self._batch.capacity - replying
        if replying:
            budget = min(budget, self._prompt_budget)
        chunks: dict[int, int] = {}
        for sequence in sorted(reading, key=lambda s: s.state.admitted):
            most = SCORED_TOKENS_PER_STEP if self._scores_prompt(sequence) else budget
            count = min(len(sequence.tokens) - sequence.computed, budget, most)
            if count > 0:
                chunks[id(sequence)] = count
                budget -= count
        return chunks

    def _is_reading(self, sequence: Sequence) -> bool:
        left = len(sequence.tokens) - sequence.computed
        return left > 1 or self._scores_prompt(sequence)

    def _scores_prompt(self, sequence: Sequence) -> bool:
        wants = sequence.request.prompt_logprobs is not None
        return wants and sequence.computed < sequence.prompt_length

    def _make_room(self, step: Step) -> bool:
        """Out of KV memory: drop the oldest idle cache, else put the youngest request back into the queue."""
        idle = [slot for slot in self._slots if slot.sequence is None and slot.cached]
        if idle:
            self._forget(min(idle, key=lambda slot: slot.last_used))
            return True
        running = sorted(self._running(), key=lambda s: s.state.admitted)
        if len(running) < 2:
            return False
        youngest = running[-1]
        slot = self._leave(youngest)
        if slot is not None:
            self._forget(slot)
        youngest.computed = 0
        youngest.prompt_logprobs.clear()
        youngest.state.leader = None
        step.preempted.append(youngest)
        return True

    def _fail(self, rows: list[tuple[Sequence, int, int]], answer: int, step: Step) -> None:
        log.error("llama_decode returned %d: %s", answer, library.COMPLAINTS.take())
        error = ModelError(f"The model failed to compute this request (llama_decode: {answer}).")
        for sequence, _, _ in rows:
            sequence.computed = 0
            self._forget(self._slots[sequence.slot])
            step.failed.append((sequence, error))

    def _collect(self, sequence: Sequence, first: int, count: int, step: Step) -> None:
        if self._scores_prompt(sequence):
            self._score_prompt(sequence, first, count)
        sequence.computed += count
        if sequence.computed < len(sequence.tokens):
            return
        if sequence.request.max_tokens == 0:
            step.scored.append(sequence)
            return
        try:
            token_id, logprob = self._sample(sequence, first + count - 1)
            if sequence.constraint is not None:
                sequence.constraint.accept(token_id)
        except AppError as error:
            step.failed.append((sequence, error))
            return
        sequence.tokens.append(token_id)
        step.sampled.append(Sampled(sequence, token_id, logprob))

    # -- sampling ----------------------------------------------------------------------------

    def _sample(self, sequence: Sequence, row: int) -> tuple[int, TokenLogprob | None]:
        chain: SamplerChain = sequence.state.chain
        request = sequence.request
        constraint = sequence.constraint
        if request.logprobs is None and constraint is None:
            if chain.is_greedy:
                return int(logits_view(self._context, row, self.tokenizer.size).argmax()), None
            return library.sampler_sample(chain.pointer, self._context, row), None
        logits = logits_view(self._context, row, self.tokenizer.size)
        logprobs = None if request.logprobs is None else log_softmax(logits)
        if constraint is not None:
            forbid(logits, constraint.bitmask())
        if request.sampled_logprobs and not chain.is_greedy:
            token_id, logprobs = draw_with_probabilities(chain, logits)
        elif chain.is_greedy:
            token_id = int(logits.argmax())
            if request.sampled_logprobs:
                logprobs = certainty(token_id, len(logits))
        else:
            token_id = library.sampler_sample(chain.pointer, self._context, row)
        if logprobs is None or request.logprobs is None:
            return token_id, None
        return token_id, token_logprob(logprobs, token_id, request.logprobs, self.tokenizer)

    def _score_prompt(self, sequence: Sequence, first: int, count: int) -> None:
        """Row i has the probabilities of the token after it."""
        start = sequence.computed
        wanted = sequence.request.prompt_logprobs or 0
        if start == 0:
            first_id = sequence.tokens[0]
            piece = self.tokenizer.piece(first_id, special=True)
            sequence.prompt_logprobs.append(
                TokenLogprob(TokenChoice(first_id, piece, float(np.nan)))
            )
        for offset in range(count):
            position = start + offset + 1
            if position >= sequence.prompt_length:
                break
            logprobs = log_softmax(logits_view(self._context, first + offset, self.tokenizer.size))
            sequence.prompt_logprobs.append(
                token_logprob(logprobs, sequence.tokens[position], wanted, self.tokenizer)
            )

    # -- the rest ----------------------------------------------------------------------------

    def build_grammar_tokenizer(self) -> Any:
        from llguidance.llamacpp import lltokenizer_from_vocab

        end_ids = sorted(self.tokenizer.end_ids)
        return lltokenizer_from_vocab(self.tokenizer.vocab, eos_token=end_ids or None)

    def close(self) -> None:
        for sequence in self._running():
            self.release(sequence)
        c.llama_free(self._context)
        c.llama_model_free(self._model)
