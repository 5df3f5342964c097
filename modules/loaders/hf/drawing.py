# pyright: basic
"""From logits that torch computed to the next token: by llama.cpp's samplers, so that they mean the same with every loader."""

import ctypes
from typing import Any

import llama_cpp.llama_cpp as c
import numpy as np

from modules.loaders.llamacpp import library
from modules.loaders.llamacpp.drawing import Drawer
from modules.loaders.llamacpp.sampling import TOKEN_DATA, SamplerChain


class ArrayDrawer(Drawer):
    """`rows`: float32 arrays [vocabulary], set by the runner after each forward."""

    def __init__(self, tokenizer: Any) -> None:
        super().__init__(None, tokenizer)
        self.rows: list[np.ndarray] = []
        self._data = np.zeros(tokenizer.size, dtype=TOKEN_DATA)
        self._ids = np.arange(tokenizer.size)

    def _logits(self, row: int) -> np.ndarray:
        return self.rows[row]

    def _draw_plain(self, chain: SamplerChain, row: int) -> int:
        logits = self.rows[row]
        if chain.is_greedy:
            return int(logits.argmax())
        data = self._data
        data["id"], data["logit"], data["p"] = self._ids, logits, 0
        array = c.llama_token_data_array(
            data=data.ctypes.data_as(c.llama_token_data_p),
            size=len(data),
            selected=-1,
            sorted=False,
        )
        library.sampler_apply(chain.pointer, ctypes.byref(array))
        token_id = int(data["id"][array.selected])
        library.sampler_accept(chain.pointer, token_id)
        return token_id
