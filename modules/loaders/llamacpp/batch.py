# pyright: basic, reportArgumentType=false, reportReturnType=false, reportOperatorIssue=false
"""One `llama_batch` whose arrays are numpy's, allocated once and filled by slices."""

import ctypes

import llama_cpp.llama_cpp as c
import numpy as np


class Batch:
    """Rows must come in ascending slot order: llama.cpp then computes all sequences together (split KV memory)."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.size = 0
        self._tokens = np.zeros(capacity, dtype=np.int32)
        self._positions = np.zeros(capacity, dtype=np.int32)
        self._slots = np.zeros(capacity, dtype=np.int32)
        self._slot_counts = np.ones(capacity, dtype=np.int32)
        self._wants_logits = np.zeros(capacity, dtype=np.int8)
        first = self._slots.ctypes.data
        step = self._slots.itemsize
        self._slot_pointers = (ctypes.POINTER(c.llama_seq_id) * capacity)(
            *(
                ctypes.cast(first + step * row, ctypes.POINTER(c.llama_seq_id))
                for row in range(capacity)
            )
        )
        self.struct = c.llama_batch(
            n_tokens=0,
            token=self._tokens.ctypes.data_as(ctypes.POINTER(c.llama_token)),
            embd=None,
            pos=self._positions.ctypes.data_as(ctypes.POINTER(c.llama_pos)),
            n_seq_id=self._slot_counts.ctypes.data_as(ctypes.POINTER(ctypes.c_int32)),
            seq_id=ctypes.cast(self._slot_pointers, ctypes.POINTER(ctypes.POINTER(c.llama_seq_id))),
            logits=self._wants_logits.ctypes.data_as(ctypes.POINTER(ctypes.c_int8)),
        )

    def clear(self) -> None:
        self.size = 0

    def add_token(self, slot: int, position: int, token_id: int) -> int:
        """One token that wants its logits; returns its row."""
        row = self.size
        self._tokens[row] = token_id
        self._positions[row] = position
        self._slots[row] = slot
        self._wants_logits[row] = 1
        self.size = row + 1
        return row

    def add_chunk(
        self, slot: int, position: int, token_ids: list[int], *, all_logits: bool, last_logits: bool
    ) -> int:
        """A piece of a prompt; returns the row of its first token."""
        first, end = self.size, self.size + len(token_ids)
        self._tokens[first:end] = token_ids
        self._positions[first:end] = np.arange(position, position + len(token_ids))
        self._slots[first:end] = slot
        self._wants_logits[first:end] = all_logits
        self._wants_logits[end - 1] = all_logits or last_logits
        self.size = end
        return first

    def decode(self, context: c.llama_context_p) -> int:
        """llama.cpp's answer: 0 done, 1 no KV memory (state as before), less than 0 or 2 failed."""
        self.struct.n_tokens = self.size
        return c.llama_decode(context, self.struct)
