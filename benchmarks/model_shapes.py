"""The benchmark models: their names and shapes. Nothing but the standard library."""

from dataclasses import dataclass
from typing import Literal

TensorType = Literal["F16", "Q8_0", "Q4_0"]


@dataclass(frozen=True, slots=True)
class ModelShape:
    """A qwen2 model with random weights; field names follow GGUF's."""

    vocab_size: int
    embedding_length: int
    block_count: int
    head_count: int
    head_count_kv: int
    feed_forward_length: int
    tensor_type: TensorType
    embedding_type: TensorType
    context_length: int = 32768

    @property
    def kv_length(self) -> int:
        """Width of the keys of one token in one block, and of its values."""
        return self.embedding_length // self.head_count * self.head_count_kv


MODELS = {
    # 4M parameters: a step costs next to nothing, so that the server around it is measured.
    "nano": ModelShape(4096, 256, 4, 4, 2, 768, "F16", "F16"),
    # 135M: between the two.
    "small": ModelShape(49152, 576, 30, 9, 3, 1536, "Q8_0", "Q8_0"),
    # 0.5B: a small model that people run.
    "q05-q8_0": ModelShape(151936, 896, 24, 14, 2, 4864, "Q8_0", "Q8_0"),
    "q05-q4_0": ModelShape(151936, 896, 24, 14, 2, 4864, "Q4_0", "Q8_0"),
    # 7.6B: what people run on a GPU; it takes minutes to write.
    "q7-q4_0": ModelShape(151936, 3584, 28, 28, 4, 18944, "Q4_0", "Q8_0"),
}
