"""What runners over a memory of slots have in common: who gets a slot, what of another's KV memory it starts from, who computes what in a step.

A slot has the KV memory of one sequence. Everything here but `prepare` and `place_image` runs on the engine's one thread, and knows no library.
"""

import logging
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from modules.core.errors import AppError, ModelError, Unsupported
from modules.core.messages import Image
from modules.core.requests import Adapters, GenerationRequest
from modules.loaders.base import ModelInfo, PlacedImage, Sampled, Sequence, Step
from modules.loaders.eyes import Vision
from modules.loaders.prefixes import SlotView, best_source, plan_slot
from modules.loaders.slots import DrySource, Slot, State

log = logging.getLogger("hearth.engine")

ROOM_TO_GROW = 64
"""Tokens of a shared KV memory that are left for each running reply before another request is let in."""
SCORED_TOKENS_PER_STEP = 256
"""Of all requests together: every scored prompt token keeps a row of logits as wide as the vocabulary."""


class SlotMemory(Protocol):
    """The KV memory of all slots: what of it can be kept, copied and cut."""

    min_copied: int
    """A shorter common beginning is not copied between slots."""
    is_unified: bool
    """Whether the slots share one memory of `context_length` tokens."""

    def can_keep(self, slot: int, computed: int, keep: int, position: int) -> bool:
        """Whether the first `keep` of the `computed` tokens in a slot's memory can be gone on from, at `position`."""
        ...

    def copy(self, source: int, target: int) -> None:
        """Everything of one slot into another, whose own memory is gone."""
        ...

    def cut(self, slot: int, keep: int, computed: int, position: int) -> bool:
        """Remove everything after the first `keep` tokens; False when what is left could not be gone on from."""
        ...

    def forget(self, slot: int) -> None: ...


class Drawer(Protocol):
    """Reads the rows of logits of the step that was computed last."""

    def draw(self, sequence: Sequence, chain: Any, row: int) -> tuple[int, Any]: ...

    def score(self, sequence: Sequence, first: int, count: int) -> None: ...


def adapters_of(sequence: Sequence) -> Adapters:
    return sequence.request.adapters or ()


def _uses(adapters: Adapters, name: str) -> bool:
    return any(adapter.name == name for adapter in adapters)


class SlotRunner:
    """`capacity`: most tokens of one step; `prompt_budget`: most of them that are prompts, beside running replies."""

    def __init__(
        self,
        info: ModelInfo,
        kv: SlotMemory,
        drawer: Drawer,
        capacity: int,
        *,
        dry: DrySource,
        vision: Vision | None = None,
    ) -> None:
        self.info = info
        self._dry = dry
        self._vision = vision
        self._kv = kv
        self._drawer = drawer
        self._capacity = capacity
        self._prompt_budget = min(info.options["prompt_budget"], capacity)
        self._slots = [Slot(index) for index in range(info.slots)]
        self._ticks = 0
        self._adapters: dict[str, Any] = {}

    def prepare(self, request: GenerationRequest) -> None:
        self._dry.prepare(request.sampling, self.info.context_length)
        if request.media:
            self._eyes.prepare(request)

    def place_image(self, image: Image) -> PlacedImage:
        return self._eyes.place(image)

    @property
    def _eyes(self) -> Vision:
        if self._vision is None:
            raise Unsupported(f"{self.info.name} takes text only.", param="messages")
        return self._vision

    # -- admission ---------------------------------------------------------------------------

    def admit(self, sequence: Sequence) -> bool:
        self._check_adapters(sequence)
        if sequence.state is None:
            sequence.state = self._build_state(sequence.request)
        views = [self._view(slot) for slot in self._slots]
        # A prompt that is to be scored needs the logits of all its tokens, so it reuses nothing.
        wants_scores = sequence.request.prompt_logprobs is not None
        plan = plan_slot(
            views,
            [] if wants_scores else sequence.tokens,
            partial(self._can_keep, sequence),
            cut=sequence.state.cut,
            min_copied=self._kv.min_copied,
            wants_neighbours=not self._kv.is_unified,
        )
        if plan is None or not self._has_cells(sequence):
            return False
        slot = self._slots[plan.slot]
        if plan.moves_to is not None:
            self._move_cache(slot, self._slots[plan.moves_to])
        self._seat(sequence, slot)
        state: State = sequence.state
        if plan.source is not None and views[plan.source].computed < plan.keep:
            state.leader, state.keep = self._slots[plan.source].sequence, plan.keep
            self._forget(slot)
        else:
            self._take_prefix(sequence, plan.source, plan.keep)
        slot.sequence = sequence
        return True

    def _build_state(self, request: GenerationRequest) -> State:
        """What this library needs for a request: its sampler chain, the places of its pictures."""
        raise NotImplementedError

    def _seat(self, sequence: Sequence, slot: Slot) -> None:
        self._ticks += 1
        sequence.state.admitted = self._ticks
        slot.last_used, sequence.slot = self._ticks, slot.index

    def _has_cells(self, sequence: Sequence) -> bool:
        """Whether the shared KV memory has room; with one for each slot the free slot is the answer."""
        running = self._running()
        if not self._kv.is_unified or not running:
            return True
        used = sum(len(other.tokens) + ROOM_TO_GROW for other in running)
        return used + len(sequence.tokens) + ROOM_TO_GROW <= self.info.context_length

    def _view(self, slot: Slot) -> SlotView:
        sequence = slot.sequence
        if sequence is None:
            cached = slot.cached
            return SlotView(slot.index, cached, len(cached), False, slot.last_used, slot.adapters)
        # One that waits itself has nothing to give: without this two could wait for each other.
        tokens = sequence.tokens if sequence.state.leader is None else []
        adapters = adapters_of(sequence)
        return SlotView(slot.index, tokens, sequence.computed, True, slot.last_used, adapters)

    def _can_keep(self, sequence: Sequence, view: SlotView, keep: int) -> bool:
        """A busy slot stops at the right place for those who wait, so what is not computed yet can be kept."""
        if view.adapters != adapters_of(sequence):
            return False
        if view.is_busy and view.computed < keep:
            return True
        position = sequence.state.position(keep)
        return self._kv.can_keep(view.index, view.computed, keep, position)

    def _take_prefix(self, sequence: Sequence, source: int | None, keep: int) -> None:
        """Make the slot's KV memory hold the first `keep` tokens of the source, or nothing."""
        slot = self._slots[sequence.slot]
        if source is None:
            keep = 0
        else:
            computed = self._view(self._slots[source]).computed
            position = sequence.state.position(keep)
            can_keep = self._kv.can_keep(source, computed, keep, position)
            if can_keep and source != slot.index:
                self._kv.copy(source, slot.index)
            if not can_keep or not self._kv.cut(slot.index, keep, computed, position):
                keep = 0
        if keep == 0:
            self._forget(slot)
        slot.cached = []
        sequence.computed = keep
        if not sequence.state.is_counted:  # after a preemption it would be the request's own work
            sequence.state.is_counted = True
            sequence.cached_tokens = min(keep, sequence.prompt_length)

    def _move_cache(self, slot: Slot, target: Slot) -> None:
        self._kv.copy(slot.index, target.index)
        target.cached, target.last_used = list(slot.cached), slot.last_used
        target.adapters = slot.adapters

    def _forget(self, slot: Slot) -> None:
        self._kv.forget(slot.index)
        slot.cached = []

    def release(self, sequence: Sequence) -> None:
        slot = self._leave(sequence)
        if slot is not None:
            slot.cached = sequence.tokens[: sequence.computed]
            slot.adapters = adapters_of(sequence)
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

    # -- adapters ----------------------------------------------------------------------------

    @property
    def adapters(self) -> tuple[str, ...]:
        return tuple(self._adapters)

    def read_adapter(self, path: Path) -> Any:
        raise NotImplementedError

    def add_adapter(self, name: str, read: Any) -> None:
        if name in self._adapters:
            raise ModelError(f"There is an adapter {name} already.")
        self._adapters[name] = self._attach(read)

    def drop_adapter(self, name: str) -> None:
        if any(_uses(adapters_of(sequence), name) for sequence in self._running()):
            raise ModelError(f"The adapter {name} is in use.")
        for slot in self._slots:
            if _uses(slot.adapters, name) and slot.sequence is None:
                self._forget(slot)
        self._detach(self._adapters.pop(name))

    def _check_adapters(self, sequence: Sequence) -> None:
        """One that is not there would fail the step of all others too."""
        for adapter in adapters_of(sequence):
            if adapter.name not in self._adapters:
                raise ModelError(f"There is no adapter {adapter.name}.")

    def _attach(self, read: Any) -> Any:
        """The library's adapter from what was read."""
        raise NotImplementedError

    def _detach(self, adapter: Any) -> None:
        raise NotImplementedError

    # -- one step ----------------------------------------------------------------------------

    def _follow_leaders(self) -> None:
        """Requests that wait for another's prefix copy it as soon as it is there, or look again."""
        for sequence in self._running():
            state: State = sequence.state
            if state.leader is None:
                continue
            views = [self._view(slot) for slot in self._slots if slot.index != sequence.slot]
            source, keep = best_source(
                views, sequence.tokens, partial(self._can_keep, sequence), state.cut
            )
            if source is not None and source.computed < keep:
                state.leader, state.keep = self._slots[source.index].sequence, keep
                continue
            state.leader = None
            self._take_prefix(sequence, None if source is None else source.index, keep)

    def _working(self) -> list[Sequence]:
        """All that wait for nobody, in ascending order of slots."""
        return [sequence for sequence in self._running() if sequence.state.leader is None]

    def _active(self) -> list[Sequence]:
        """Those whose next token is text, in ascending order of slots."""
        return [s for s in self._working() if not s.state.is_picture(s.computed)]

    def _share_budget(self, active: list[Sequence]) -> dict[int, int]:
        """How many prompt tokens each may bring, those who came first first."""
        reading = [s for s in active if self._is_reading(s)]
        if not reading:
            return {}
        budget = self._capacity - (len(active) - len(reading))
        if not all(self._is_reading(s) for s in self._running()):
            budget = min(budget, self._prompt_budget)
        scored = SCORED_TOKENS_PER_STEP
        chunks: dict[int, int] = {}
        for sequence in sorted(reading, key=lambda s: s.state.admitted):
            count = min(self._until_awaited(sequence), budget)
            if self._scores_prompt(sequence):
                count = min(count, scored)
                scored -= count
            chunks[id(sequence)] = count
            budget -= count
        return chunks

    def _until_awaited(self, sequence: Sequence) -> int:
        """Tokens up to the end of the prompt, or a picture, or where another waits to copy: some memories cannot be cut later."""
        awaited = [
            other.state.keep
            for other in self._running()
            if other.state.leader is sequence and other.state.keep > sequence.computed
        ]
        end = min([*awaited, len(sequence.tokens)])
        return sequence.state.until_other(sequence.computed, end) - sequence.computed

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

    def _fail(self, sequences: list[Sequence], error: AppError, step: Step) -> None:
        for sequence in sequences:
            self._spoil(sequence)
            step.failed.append((sequence, error))

    def _spoil(self, sequence: Sequence) -> None:
        """Nobody may go on from what this sequence has in its KV memory."""
        sequence.computed = 0
        self._forget(self._slots[sequence.slot])

    def _collect(self, sequence: Sequence, first: int, count: int, step: Step) -> None:
        """What the rows of one sequence brought; its failure is its own."""
        try:
            self._take_rows(sequence, first, count, step)
        except AppError as error:
            self._spoil(sequence)
            step.failed.append((sequence, error))
        except Exception:
            log.exception("A token could not be drawn")
            self._spoil(sequence)
            step.failed.append((sequence, ModelError("The model failed while generating.")))

    def _take_rows(self, sequence: Sequence, first: int, count: int, step: Step) -> None:
        if self._scores_prompt(sequence):
            self._drawer.score(sequence, first, count)
        sequence.computed += count
        if sequence.computed < len(sequence.tokens):
            return
        if sequence.request.max_tokens == 0:
            step.scored.append(sequence)
            return
        token_id, logprob = self._drawer.draw(sequence, sequence.state.chain, first + count - 1)
        if sequence.constraint is not None:
            sequence.constraint.accept(token_id)
        sequence.tokens.append(token_id)
        step.sampled.append(Sampled(sequence, token_id, logprob))
