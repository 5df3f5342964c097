"""llama.cpp's own way through a prompt with pictures: its helper decodes everything, for one sequence alone."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import llama_cpp.llama_cpp as c
import llama_cpp.mtmd_cpp as mtmd

from modules.core.messages import Image

CONTEXT, BATCH = 2048, 512


class Oracle:
    """Greedy replies of a model and its projector."""

    def __init__(self, model: Path, projector: Path) -> None:
        self._model = c.llama_model_load_from_file(
            os.fsencode(model), c.llama_model_default_params()
        )
        self._vocab = c.llama_model_get_vocab(self._model)
        self._eyes = mtmd.mtmd_init_from_file(
            os.fsencode(projector), self._model, mtmd.mtmd_context_params_default()
        )
        assert self._eyes

    def close(self) -> None:
        mtmd.mtmd_free(self._eyes)
        c.llama_model_free(self._model)

    def reply(self, *parts: str | Image, count: int) -> list[int]:
        """Ids of the next `count` tokens."""
        params = c.llama_context_default_params()
        params.n_ctx, params.n_batch, params.n_ubatch = CONTEXT, BATCH, BATCH
        context = c.llama_init_from_model(self._model, params)
        try:
            with self._chunks(*parts) as chunks:
                past = c.llama_pos(0)
                answer = mtmd.mtmd_helper_eval_chunks(
                    self._eyes, context, chunks, 0, 0, BATCH, True, ctypes.byref(past)
                )
            assert answer == 0
            return self._go_on(context, past.value, count)
        finally:
            c.llama_free(context)

    @contextmanager
    def _chunks(self, *parts: str | Image) -> Iterator[int]:
        marker = mtmd.mtmd_get_marker(self._eyes) or b""
        data = b"".join(part.encode() if isinstance(part, str) else marker for part in parts)
        text = mtmd.mtmd_input_text(
            text=data, text_len=len(data), add_special=False, parse_special=True
        )
        images = [part for part in parts if isinstance(part, Image)]
        pixels = [(ctypes.c_uint8 * len(each.rgb)).from_buffer_copy(each.rgb) for each in images]
        bitmaps = (ctypes.c_void_p * len(images))(
            *(
                mtmd.mtmd_bitmap_init(each.width, each.height, pixel)
                for each, pixel in zip(images, pixels, strict=True)
            )
        )
        chunks = mtmd.mtmd_input_chunks_init()
        assert chunks is not None
        try:
            answer = mtmd.mtmd_tokenize(
                self._eyes, chunks, ctypes.byref(text), bitmaps, len(images)
            )
            assert answer == 0
            yield chunks
        finally:
            mtmd.mtmd_input_chunks_free(chunks)
            for bitmap in bitmaps:
                mtmd.mtmd_bitmap_free(bitmap)

    def _go_on(self, context: int, past: int, count: int) -> list[int]:
        size = c.llama_vocab_n_tokens(self._vocab)
        ids: list[int] = []
        while True:
            logits = c.llama_get_logits_ith(context, -1)[:size]
            ids.append(max(range(size), key=logits.__getitem__))
            if len(ids) == count:
                return ids
            array = (c.llama_token * 1)(ids[-1])
            batch = c.llama_batch_get_one(array, 1)
            position = (c.llama_pos * 1)(past + len(ids) - 1)
            batch.pos = position
            assert c.llama_decode(context, batch) == 0
