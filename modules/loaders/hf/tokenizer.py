# pyright: basic
"""The vocabulary of a transformers model, over its fast tokenizer."""

import json
import re
from collections.abc import Iterable
from typing import Any

from tokenizers import Tokenizer as Backend

from modules.core.errors import LoadError

_BYTE_TOKEN = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_SPACE = "\u2581"
"""SentencePiece's mark for a space."""
KNOWN_ENDS = frozenset(
    (
        "<|im_end|>",
        "<|endoftext|>",
        "<|eot_id|>",
        "<|eom_id|>",
        "<|end_of_text|>",
        "<|end|>",
        "<|return|>",
        "<|call|>",
        "<end_of_turn>",
        "<|EOT|>",
        "<|endofturn|>",
        "<EOT>",
        "<｜end▁of▁sentence｜>",
    )
)
"""Control tokens that end a turn whatever the model's configuration says; the same as llama.cpp takes."""
INFILL_MARKS = (
    ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"),
    ("<fim_prefix>", "<fim_suffix>", "<fim_middle>"),
    ("<fim-prefix>", "<fim-suffix>", "<fim-middle>"),
    ("<PRE>", "<SUF>", "<MID>"),
    ("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"),
)


class HfTokenizer:
    """Implements `modules.loaders.base.Tokenizer`. The Rust tokenizers behind it may be used from any thread.

    `size`: the width of the model's logits, which may be more than the vocabulary has.
    """

    def __init__(self, fast: Any, size: int, end_ids: Iterable[int]) -> None:
        if not getattr(fast, "is_fast", False):
            raise LoadError("The model has no fast tokenizer (tokenizer.json)")
        self.fast = fast
        self.size = size
        backend = fast.backend_tokenizer
        backend.no_padding()
        backend.no_truncation()
        self._backend = backend
        self._added = {i: str(token) for i, token in backend.get_added_tokens_decoder().items()}
        marks = {
            token_id: token.content
            for token_id, token in backend.get_added_tokens_decoder().items()
            if token.special or _looks_like_mark(token.content)
        }
        self._control_texts = {i: text for i, text in marks.items() if i < size}
        self.control_texts = frozenset(self._control_texts.values())
        self._plain = _without_marks(backend, self.control_texts)
        self.known = min(size, backend.get_vocab_size(with_added_tokens=True))
        self._pieces = self._read_pieces(backend)
        self.longest_piece = max(map(len, self._pieces), default=1)
        known_ends = {i for i, text in self._control_texts.items() if text in KNOWN_ENDS}
        self.end_ids = frozenset({i for i in end_ids if 0 <= i < size} | known_ends)
        self.start_id = self._find_start()

    def encode(self, text: str, *, add_special: bool, parse_special: bool) -> list[int]:
        backend = self._backend if parse_special else self._plain
        return backend.encode(text, add_special_tokens=add_special).ids

    def piece(self, token_id: int, *, special: bool) -> bytes:
        if token_id >= len(self._pieces) or (token_id in self._control_texts and not special):
            return b""
        return self._pieces[token_id]

    def control_text(self, token_id: int) -> str | None:
        return self._control_texts.get(token_id)

    def is_end(self, token_id: int) -> bool:
        return token_id in self.end_ids

    def infill(self, prefix: str, suffix: str) -> list[int] | None:
        ids = {text: token_id for token_id, text in self._control_texts.items()}
        for names in INFILL_MARKS:
            if all(name in ids for name in names):
                before, after, middle = (ids[name] for name in names)
                parts = [
                    self.encode(text, add_special=False, parse_special=False)
                    for text in (prefix, suffix)
                ]
                return [before, *parts[0], after, *parts[1], middle]
        return None

    def text_of(self, token: Any) -> str:
        """Of a special token of the configuration: BOS, EOS."""
        return "" if token is None else str(token)

    def _find_start(self) -> int:
        for token_id in (self.fast.bos_token_id, self.fast.eos_token_id, *sorted(self.end_ids)):
            if token_id is not None and 0 <= token_id < self.size:
                return token_id
        return 0

    def _read_pieces(self, backend: Backend) -> list[bytes]:
        """Of all tokens at once: it takes half a second for 150,000, and a reply needs many."""
        is_byte_level = _is_byte_level(json.loads(backend.to_str()))
        to_bytes = _byte_level_table() if is_byte_level else {}
        pieces: list[bytes] = []
        for token_id in range(self.known):
            text = backend.id_to_token(token_id)
            if text is None:
                pieces.append(b"")
            elif token_id in self._added:
                pieces.append(text.encode())
            elif is_byte_level:
                pieces.append(_from_byte_level(text, to_bytes))
            else:
                pieces.append(_from_sentencepiece(text))
        return pieces


def _looks_like_mark(text: str) -> bool:
    """Among the tokens that a vocabulary's makers added: `<think>` is a mark, a run of spaces is not."""
    return len(text) > 2 and text.startswith("<") and text.endswith(">")


def _without_marks(backend: Backend, marks: frozenset[str]) -> Backend:
    """The same vocabulary, in which the texts of control tokens are texts like any other."""
    described = json.loads(backend.to_str())
    described["added_tokens"] = [
        token for token in described["added_tokens"] if token["content"] not in marks
    ]
    return Backend.from_str(json.dumps(described))


def _is_byte_level(described: dict[str, Any]) -> bool:
    """Whether tokens are written in GPT-2's alphabet, in which every byte is a printable character."""
    return '"ByteLevel"' in json.dumps([described.get("decoder"), described.get("pre_tokenizer")])


def _byte_level_table() -> dict[str, int]:
    """GPT-2's alphabet: https://github.com/openai/gpt-2/blob/master/src/encoder.py, `bytes_to_unicode`."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {
        chr(256 + index): byte for index, byte in enumerate(others)
    }


def _from_byte_level(text: str, to_bytes: dict[str, int]) -> bytes:
    try:
        return bytes(to_bytes[char] for char in text)
    except KeyError:  # a token that was put in by hand
        return text.encode()


def _from_sentencepiece(text: str) -> bytes:
    match = _BYTE_TOKEN.fullmatch(text)
    if match is not None:
        return bytes([int(match[1], 16)])
    return text.replace(_SPACE, " ").encode()
