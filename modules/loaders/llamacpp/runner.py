# pyright: basic, reportArgumentType=false, reportReturnType=false, reportOperatorIssue=false
"""`TextRunner` over one llama.cpp context. Everything here but `prepare` and `place_image` runs on the engine's one thread."""

import logging
from pathlib import Path
from typing import Any

import llama_cpp.llama_cpp as c

from modules.core.errors import ModelError
from modules.core.requests import Adapters, GenerationRequest
from modules.loaders.base import ModelInfo, Sequence, Step
from modules.loaders.eyes import Vision
from modules.loaders.llamacpp import library
from modules.loaders.llamacpp.batch import Batch
from modules.loaders.llamacpp.drawing import Drawer
from modules.loaders.llamacpp.embedding_batch import decode_rows
from modules.loaders.llamacpp.kv_memory import KvMemory
from modules.loaders.llamacpp.loras import Loras, read_adapter
from modules.loaders.llamacpp.sampling import DryPrototypes, SamplerChain
from modules.loaders.llamacpp.tokenizer import LlamaTokenizer
from modules.loaders.slot_runner import SlotRunner, adapters_of
from modules.loaders.slots import State
from modules.loaders.turns import Turns

log = logging.getLogger("hearth.llamacpp")

NO_KV_MEMORY = 1
STEPS_PER_TURN = 4
"""Of requests with the same adapters, while others wait: a change takes llama.cpp about as long as a step of a small model."""


class LlamaRunner(SlotRunner):
    def __init__(
        self,
        model: Any,
        context: Any,
        tokenizer: LlamaTokenizer,
        info: ModelInfo,
        vision: Vision | None = None,
    ) -> None:
        kv = KvMemory(
            model,
            context,
            is_unified=bool(info.options["kv_unified"]),
            is_swa_full=bool(info.options["swa_full"]),
        )
        self._batch = Batch(c.llama_n_batch(context))
        super().__init__(
            info,
            kv,
            Drawer(context, tokenizer),
            self._batch.capacity,
            dry=DryPrototypes(tokenizer),
            vision=vision,
        )
        self.tokenizer = tokenizer
        self._model = model
        self._context = context
        self._loras = Loras(model, context)
        self._turns = Turns(STEPS_PER_TURN)
        self._is_short = True
        self._turn: Adapters = ()

    def _build_state(self, request: GenerationRequest) -> State:
        past = request.prompt_ids
        if request.media:  # samplers know real tokens only
            past = [token_id for token_id in past if token_id >= 0]
        places = self._eyes.places(request) if request.media else None
        context_length = self.info.context_length
        chain = SamplerChain(request.sampling, self.tokenizer, past, context_length, self._dry)
        return State(chain, places)

    def read_adapter(self, path: Path) -> Path:
        return read_adapter(path)

    def _attach(self, read: Path) -> Any:
        return self._loras.attach(read)

    def _detach(self, adapter: Any) -> None:
        self._loras.detach(adapter)

    def step(self) -> Step:
        """For those with the adapters whose turn it is: a context applies the same to all that it computes."""
        step = Step()
        self._follow_leaders()
        wanted = [adapters_of(sequence) for sequence in super()._working()]
        self._turn = self._turns.next(wanted, can_stay=self._is_short)
        self._loras.apply(self._turn, self._adapters)
        if self._read_picture(step):
            return step
        while True:
            rows = self._fill()
            if not rows:
                return step
            self._is_short = all(count == 1 for _, _, count in rows)
            answer = self._batch.decode(self._context)
            if answer == 0:
                break
            if answer == NO_KV_MEMORY and self._make_room(step):
                continue
            self._fail_rows(rows, answer, step)
            return step
        for sequence, first, count in rows:
            self._collect(sequence, first, count, step)
        return step

    def _working(self) -> list[Sequence]:
        """Only those whose turn it is."""
        return [s for s in super()._working() if adapters_of(s) == self._turn]

    def _fill(self) -> list[tuple[Sequence, int, int]]:
        """Put the next tokens of everyone into the batch: (sequence, first row, rows), ascending slots."""
        self._batch.clear()
        active = self._active()
        chunks = self._share_budget(active)
        rows: list[tuple[Sequence, int, int]] = []
        for sequence in active:
            if not self._is_reading(sequence):
                row = self._batch.add_token(
                    sequence.slot,
                    sequence.state.position(sequence.computed),
                    sequence.tokens[sequence.computed],
                )
                rows.append((sequence, row, 1))
            elif count := chunks.get(id(sequence), 0):
                end = sequence.computed + count
                row = self._batch.add_chunk(
                    sequence.slot,
                    sequence.state.position(sequence.computed),
                    sequence.state.token_ids(sequence.tokens, sequence.computed, end),
                    all_logits=self._scores_prompt(sequence),
                    last_logits=end == len(sequence.tokens),
                )
                rows.append((sequence, row, count))
        return rows

    def _read_picture(self, step: Step) -> bool:
        """Compute rows of one picture, for the request that came first; True when this ended the step."""
        while (sequence := self._first_at_picture()) is not None:
            placed = sequence.state.places.at(sequence.computed)
            first = sequence.computed - placed.start
            count = placed.rows_from(first, self._prompt_budget)
            is_last = sequence.computed + count == len(sequence.tokens)
            answer = decode_rows(
                self._context, placed, sequence.slot, first, count, last_logits=is_last
            )
            if answer == 0:
                self._collect(sequence, 0, count, step)
                break
            if answer != NO_KV_MEMORY or not self._make_room(step):
                self._fail_rows([(sequence, 0, count)], answer, step)
                break
        return bool(step.sampled or step.failed)

    def _first_at_picture(self) -> Sequence | None:
        waiting = [s for s in self._working() if s.state.is_picture(s.computed)]
        return min(waiting, key=lambda s: s.state.admitted, default=None)

    def _fail_rows(self, rows: list[tuple[Sequence, int, int]], answer: int, step: Step) -> None:
        log.error("llama_decode returned %d: %s", answer, library.COMPLAINTS.take())
        error = ModelError(f"The model failed to compute this request (llama_decode: {answer}).")
        self._fail([sequence for sequence, _, _ in rows], error, step)

    def build_grammar_tokenizer(self) -> Any:
        from llguidance.llamacpp import lltokenizer_from_vocab

        end_ids = sorted(self.tokenizer.end_ids)
        return lltokenizer_from_vocab(self.tokenizer.vocab, eos_token=end_ids or None)

    def close(self) -> None:
        for sequence in self._running():
            self.release(sequence)
        self._dry.free()
        if self._vision is not None:
            self._vision.close()
        c.llama_free(self._context)
        c.llama_model_free(self._model)
