# pyright: basic, reportArgumentType=false, reportReturnType=false, reportOperatorIssue=false
"""The KV memory of all slots: what of it can be kept, copied and cut, by the kind of model.

Plain attention can be cut anywhere. A sliding window forgets what lies behind it, so an early cut finds nothing to attend to.
A recurrent state holds its whole past and can only be gone on from where it stands.
"""

from typing import Any

import llama_cpp.llama_cpp as c

from modules.loaders.llamacpp import library

COPY_SHARE = 256
"""Between slots a whole memory is copied: not worth it for less than this part of its size."""
MIN_COPIED = 16


class KvMemory:
    def __init__(self, model: Any, context: Any, *, is_unified: bool, is_swa_full: bool) -> None:
        self._memory = c.llama_get_memory(context)
        self.is_unified = is_unified
        self.can_cut = not (c.llama_model_is_recurrent(model) or c.llama_model_is_hybrid(model))
        self._window = 0 if is_swa_full else c.llama_model_n_swa(model)
        slot_size = c.llama_n_ctx_seq(context)
        self.min_copied = MIN_COPIED if is_unified else max(MIN_COPIED, slot_size // COPY_SHARE)

    def can_keep(self, slot: int, computed: int, keep: int, position: int) -> bool:
        """Whether the first `keep` of the `computed` tokens in a slot's memory can be gone on from, at `position`."""
        if keep <= 0 or keep > computed:
            return False
        if not self.can_cut:
            return keep == computed
        return self._has_window(slot, position)

    def copy(self, source: int, target: int) -> None:
        """Everything of one slot into another, whose own memory is gone. (Copies of parts exist only in one stream.)"""
        self.forget(target)
        library.memory_seq_cp(self._memory, source, target, -1, -1)

    def cut(self, slot: int, keep: int, computed: int, position: int) -> bool:
        """Remove everything after the first `keep` tokens; False when what is left could not be gone on from.

        `position`: of what comes after them. It is less than `keep` behind pictures whose rows share positions.
        """
        if keep == computed:
            return True
        has_window = self._has_window(slot, position)
        return has_window and library.memory_seq_rm(self._memory, slot, position, -1)

    def forget(self, slot: int) -> None:
        library.memory_seq_rm(self._memory, slot, -1, -1)

    def _has_window(self, slot: int, position: int) -> bool:
        if not self._window:
            return True
        oldest = c.llama_memory_seq_pos_min(self._memory, slot)
        return 0 <= oldest <= max(0, position - self._window)
