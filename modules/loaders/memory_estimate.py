"""What a model takes of the memory, main memory and that of GPUs together."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """Bytes. `kv`: of all slots, when they are full; `buffers`: what a step computes in. The rest is how the memory is laid out."""

    weights: int
    kv: int = 0
    buffers: int = 0
    ctx_size: int | None = None
    parallel: int | None = None
    kv_unified: bool | None = None

    @property
    def total(self) -> int:
        return self.weights + self.kv + self.buffers
