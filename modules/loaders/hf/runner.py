# pyright: basic
"""`TextRunner` over a transformers model. Everything here but `prepare` and `place_image` runs on the engine's one thread."""

import gc
import inspect
import logging
from collections import deque
from pathlib import Path
from typing import Any

import torch

from modules.core.errors import ModelError
from modules.core.requests import GenerationRequest
from modules.loaders.base import ModelInfo, Sequence, Step
from modules.loaders.eyes import Vision
from modules.loaders.hf.drawing import ArrayDrawer
from modules.loaders.hf.dry import DryStages
from modules.loaders.hf.loras import Loras, ReadLora
from modules.loaders.hf.masks import Masks, moved
from modules.loaders.hf.tokenizer import HfTokenizer
from modules.loaders.llamacpp.sampling import SamplerChain
from modules.loaders.slot_runner import SlotRunner, adapters_of
from modules.loaders.slots import State

log = logging.getLogger("hearth.transformers")

Work = tuple[Sequence, int]
"""A sequence and how many tokens of it are computed now."""


class HfRunner(SlotRunner):
    """Next tokens of all rows in one forward, chunks of prompts in one forward each."""

    def __init__(
        self,
        model: Any,
        tokenizer: HfTokenizer,
        info: ModelInfo,
        memory: Any,
        masks: Masks,
        vision: Vision | None = None,
    ) -> None:
        self._array_drawer = ArrayDrawer(tokenizer)
        # What cannot go on from a state in chunks reads its prompts whole.
        capacity = info.options["batch_size"] if memory.can_continue else info.context_length
        super().__init__(
            info,
            memory,
            self._array_drawer,
            capacity,
            dry=DryStages(tokenizer),
            vision=vision,
        )
        self.tokenizer = tokenizer
        self._model = model
        self._memory = memory
        self._masks = masks
        self._loras = Loras(model)
        self._device = model.device
        # Purely recurrent models have another name for it, and ignore what they do not know.
        known = inspect.signature(model.forward).parameters
        self._cache_name = "cache_params" if "cache_params" in known else "past_key_values"

    def _build_state(self, request: GenerationRequest) -> State:
        past = [token_id for token_id in request.prompt_ids if token_id >= 0]
        places = self._eyes.places(request) if request.media else None
        chain = SamplerChain(
            request.sampling,
            self.tokenizer,
            past,
            self.info.context_length,
            self._dry,
        )
        return State(chain, places)

    def read_adapter(self, path: Path) -> ReadLora:
        return self._loras.read(path)

    def _attach(self, read: ReadLora) -> Any:
        return self._loras.attach(read)

    def _detach(self, adapter: Any) -> None:
        self._loras.detach(adapter)

    def step(self) -> Step:
        step = Step()
        self._follow_leaders()
        plan = deque(self._plan())
        while plan:
            works = plan.popleft()
            self._array_drawer.rows.clear()
            try:
                firsts = self._compute(works)
            except Exception as error:
                if self._loras.give_up_mixing():
                    plan.extendleft(self._groups(works))
                    continue
                log.exception("A step failed")
                told = ModelError(f"The model failed to compute this request ({_reason(error)}).")
                self._fail([sequence for sequence, _ in works], told, step)
                continue
            for (sequence, count), first in zip(works, firsts, strict=True):
                self._collect(sequence, first, count, step)
        return step

    def _plan(self) -> list[list[Work]]:
        """What is computed together: next tokens, as far as adapters allow it, then prompts one by one."""
        active = self._active()
        chunks = self._share_budget(active)
        reading = [(s, chunks[id(s)]) for s in active if chunks.get(id(s), 0) > 0]
        replying = [(s, 1) for s in active if not self._is_reading(s)]
        reading += self._at_pictures()
        if not self._memory.batches_rows:
            return [[work] for work in [*replying, *reading]]
        return [*self._groups(replying), *([work] for work in reading)]

    def _groups(self, works: list[Work]) -> list[list[Work]]:
        rows = [adapters_of(sequence) for sequence, _ in works]
        groups = self._loras.groups(rows)
        return [[works[number] for number in group] for group in groups]

    def _at_pictures(self) -> list[Work]:
        """Rows of a picture, for each whose next token is one."""
        works: list[Work] = []
        for sequence in self._running():
            state: State = sequence.state
            if state.leader is None and state.places and state.is_picture(sequence.computed):
                placed = state.places.at(sequence.computed)
                first = sequence.computed - placed.start
                works.append((sequence, placed.rows_from(first, self._prompt_budget)))
        return works

    def _compute(self, works: list[Work]) -> list[int]:
        """The first row of logits of each. A chunk has one row, of its last token, unless all are scored; `_take_rows` counts from its first."""
        count = works[0][1]
        starts = [sequence.computed for sequence, _ in works]
        scores = self._scores_prompt(works[0][0]) and len(works) == 1
        if count > 1 and starts[0] > 0 and not self._memory.can_continue:
            rows = [
                self._forward(works, [starts[0] + i], 1, all_rows=True)[0] for i in range(count)
            ]
            rows = torch.cat(rows)[None]
        else:
            rows = self._forward(works, starts, count, all_rows=scores)
        if scores:
            self._array_drawer.rows.extend(rows[0].numpy())
            return [0]
        self._array_drawer.rows.extend(rows[:, -1].numpy())
        return [index - (count - 1) for index in range(len(works))]

    @torch.inference_mode()
    def _forward(
        self, works: list[Work], starts: list[int], count: int, *, all_rows: bool
    ) -> torch.Tensor:
        """`count` tokens of each from its start on; float32 logits [rows, tokens or 1, vocabulary] in main memory."""
        cache, positions = self._memory.prepare([s.slot for s, _ in works], starts, count)
        options: dict[str, Any] = {self._cache_name: cache}
        if self._memory.batches_rows:
            mask = self._masks.build(positions, max(starts) + count)
            options["attention_mask"] = moved(mask, self._device)
        self._loras.apply([adapters_of(sequence) for sequence, _ in works], self._adapters)
        output = self._model(
            **self._inputs(works, starts, count),
            position_ids=positions.to(self._device),
            use_cache=True,
            logits_to_keep=0 if all_rows else 1,
            **options,
        )
        logits = output.logits.float().cpu()
        logits[
            ..., self.tokenizer.known :
        ] = -torch.inf  # rows of padding, which stand for no token
        return logits

    def _inputs(self, works: list[Work], starts: list[int], count: int) -> dict[str, torch.Tensor]:
        """Token ids, or the embeddings of a picture, which is computed by itself."""
        first, start = works[0][0], starts[0]
        if first.state.is_picture(start):
            placed = first.state.places.at(start)
            offset = start - placed.start
            rows = torch.from_numpy(placed.piece.rows[offset : offset + count])
            return {"inputs_embeds": rows[None].to(self._device, self._model.dtype)}
        ids = [
            sequence.state.token_ids(sequence.tokens, start, start + count)
            for (sequence, _), start in zip(works, starts, strict=True)
        ]
        return {"input_ids": torch.tensor(ids, device=self._device)}

    def build_grammar_tokenizer(self) -> Any:
        from llguidance.hf import from_tokenizer

        end_ids = sorted(self.tokenizer.end_ids)
        return from_tokenizer(
            self.tokenizer.fast, n_vocab=self.tokenizer.size, eos_token=end_ids or None
        )

    def close(self) -> None:
        for sequence in self._running():
            self.release(sequence)
        self._dry.free()
        self._loras.close()
        del self._model, self._memory, self._kv, self._loras
        gc.collect()  # models hold themselves in circles (hooks of several devices, of peft)
        if self._device.type == "cuda":
            torch.cuda.empty_cache()


def _reason(error: Exception) -> str:
    """Short, without values: the log has the rest."""
    if isinstance(error, torch.OutOfMemoryError):
        return "out of memory"
    return type(error).__name__
