"""Writes benchmark models: random weights, a real BPE vocabulary. Needs numpy and gguf.

    python -m benchmarks.models FOLDER ggml-vocab-qwen2.gguf nano q05-q4_0

`lab.py` runs this with the lab's own Python; the vocabulary comes from llama.cpp's source tree.
Every token but plain words has an output bias of -10,000, so that a reply never ends early and
always is printable. The same name makes the same bytes each time.
"""

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType, LlamaFileType, TokenType

from benchmarks.model_shapes import MODELS, ModelShape, TensorType

SEED = 7
EMBEDDING_STD = 0.02
FORBIDDEN_BIAS = -1e4
PLAIN_WORD = re.compile(r"^Ġ?[A-Za-z]{2,}$")
SPECIAL_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
FILE_TYPES: dict[TensorType, LlamaFileType] = {
    "F16": LlamaFileType.MOSTLY_F16,
    "Q8_0": LlamaFileType.MOSTLY_Q8_0,
    "Q4_0": LlamaFileType.MOSTLY_Q4_0,
}
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@dataclass(frozen=True)
class Vocabulary:
    """Tokens by id, their kinds, and the merges in the order of their rank."""

    tokens: list[str]
    types: list[int]
    merges: list[str]

    @classmethod
    def load(cls, path: Path) -> "Vocabulary":
        fields = gguf.GGUFReader(path).fields
        names = ("tokens", "token_type", "merges")
        return cls(*(fields[f"tokenizer.ggml.{name}"].contents() for name in names))

    def cut(self, size: int) -> "Vocabulary":
        """The first tokens and the special ones, `size` in all; merges that still lead to a token."""
        if size >= len(self.tokens):
            return self
        kept = size - len(SPECIAL_TOKENS)
        tokens = self.tokens[:kept] + list(SPECIAL_TOKENS)
        types = [int(TokenType.NORMAL)] * kept + [int(TokenType.CONTROL)] * len(SPECIAL_TOKENS)
        known = set(tokens)
        merges = [
            merge
            for merge in self.merges
            if known.issuperset(merge.split(" ", 1)) and merge.replace(" ", "", 1) in known
        ]
        return replace(self, tokens=tokens, types=types, merges=merges)

    def id_of(self, token: str) -> int:
        return self.tokens.index(token)

    def output_bias(self, size: int) -> np.ndarray:
        """[size] float32: 0 for plain words, FORBIDDEN_BIAS for all else and for unused ids."""
        bias = np.full(size, FORBIDDEN_BIAS, np.float32)
        for number, (token, kind) in enumerate(zip(self.tokens, self.types, strict=True)):
            if kind == TokenType.NORMAL and PLAIN_WORD.match(token):
                bias[number] = 0
        return bias


class ModelWriter:
    """One GGUF file. Weights are drawn in the order in which they are added."""

    def __init__(self, path: Path, name: str, shape: ModelShape) -> None:
        self.parameters = 0
        self._gguf = gguf.GGUFWriter(path, "qwen2")
        self._gguf.add_name(name)
        self._rng = np.random.default_rng(SEED)
        self._shape = shape

    def add_shape(self) -> None:
        shape, writer = self._shape, self._gguf
        writer.add_context_length(shape.context_length)
        writer.add_embedding_length(shape.embedding_length)
        writer.add_block_count(shape.block_count)
        writer.add_feed_forward_length(shape.feed_forward_length)
        writer.add_head_count(shape.head_count)
        writer.add_head_count_kv(shape.head_count_kv)
        writer.add_rope_freq_base(1e6)
        writer.add_layer_norm_rms_eps(1e-6)
        writer.add_file_type(FILE_TYPES[shape.tensor_type])

    def add_tokenizer(self, vocabulary: Vocabulary) -> None:
        end_of_text, _, end_of_message = map(vocabulary.id_of, SPECIAL_TOKENS)
        writer = self._gguf
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("qwen2")
        writer.add_token_list(vocabulary.tokens)
        writer.add_token_types(vocabulary.types)
        writer.add_token_merges(vocabulary.merges)
        writer.add_eos_token_id(end_of_message)
        writer.add_bos_token_id(end_of_text)
        writer.add_pad_token_id(end_of_text)
        writer.add_add_bos_token(False)
        writer.add_chat_template(CHAT_TEMPLATE)

    def add_ends(self, vocabulary: Vocabulary) -> None:
        """Embedding, which is the output matrix too, last norm and output bias."""
        width, rows = self._shape.embedding_length, self._shape.vocab_size
        self._add_random("token_embd", rows, width, self._shape.embedding_type, EMBEDDING_STD)
        self._add_constant("output_norm.weight", width, 3 / (EMBEDDING_STD * np.sqrt(width)))
        self._gguf.add_tensor("output.bias", vocabulary.output_bias(rows))

    def add_block(self, number: int) -> None:
        shape, prefix = self._shape, f"blk.{number}."
        width, inner, kv = shape.embedding_length, shape.feed_forward_length, shape.kv_length
        for name in ("attn_norm", "ffn_norm"):
            self._add_constant(f"{prefix}{name}.weight", width, 1)
        for name, rows in (("q", width), ("k", kv), ("v", kv)):
            self._add_random(f"{prefix}attn_{name}", rows, width, shape.tensor_type)
        for name, length in (("q", width), ("k", kv), ("v", kv)):
            self._add_constant(f"{prefix}attn_{name}.bias", length, 0)
        self._add_random(f"{prefix}attn_output", width, width, shape.tensor_type)
        self._add_random(f"{prefix}ffn_gate", inner, width, shape.tensor_type)
        self._add_random(f"{prefix}ffn_up", inner, width, shape.tensor_type)
        self._add_random(f"{prefix}ffn_down", width, inner, shape.tensor_type)

    def write(self) -> None:
        self._gguf.write_header_to_file()
        self._gguf.write_kv_data_to_file()
        self._gguf.write_tensors_to_file()
        self._gguf.close()

    def _add_random(
        self, name: str, rows: int, columns: int, kind: TensorType, std: float | None = None
    ) -> None:
        """A matrix whose product keeps the input's scale unless `std` says otherwise."""
        scale = 1 / np.sqrt(columns) if std is None else std
        values = self._rng.standard_normal((rows, columns), dtype=np.float32) * scale
        self.parameters += values.size
        tensor_type = GGMLQuantizationType[kind]
        quantized = gguf.quants.quantize(values, tensor_type)
        self._gguf.add_tensor(f"{name}.weight", quantized, raw_dtype=tensor_type)

    def _add_constant(self, name: str, length: int, value: float) -> None:
        self._gguf.add_tensor(name, np.full(length, value, np.float32))


def write_model(folder: Path, name: str, vocabulary: Vocabulary) -> Path:
    """The file takes its name when it is whole."""
    shape, path = MODELS[name], folder / f"{name}.gguf"
    part = path.with_suffix(".gguf.part")
    writer, own = ModelWriter(part, name, shape), vocabulary.cut(shape.vocab_size)
    writer.add_shape()
    writer.add_tokenizer(own)
    writer.add_ends(own)
    for number in range(shape.block_count):
        writer.add_block(number)
    writer.write()
    part.replace(path)
    size_mb = path.stat().st_size / 1e6
    print(f"{path.name}: {writer.parameters / 1e6:.1f}M parameters, {size_mb:.0f} MB")
    return path


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("vocabulary", type=Path)
    parser.add_argument("names", nargs="+", choices=tuple(MODELS))
    options = parser.parse_args(argv)
    options.folder.mkdir(parents=True, exist_ok=True)
    vocabulary = Vocabulary.load(options.vocabulary)
    for name in options.names:
        write_model(options.folder, name, vocabulary)


if __name__ == "__main__":
    main()
