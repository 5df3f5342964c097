# pyright: basic, reportArgumentType=false, reportReturnType=false, reportOperatorIssue=false
"""The vocabulary of a GGUF model."""

import ctypes
import re
from itertools import pairwise

import llama_cpp.llama_cpp as c

from modules.core.errors import ModelError
from modules.loaders.llamacpp import library

_PIECE_BYTES = 1024
_LONG_RUN = re.compile(r"\S{4096}|\s{4096}")
"""Where a text is cut: some vocabularies split words with std::regex, whose recursion over one long run would end the process."""
_MAX_MARK = 256
_CONTROL_ATTRIBUTES = c.LLAMA_TOKEN_ATTR_CONTROL | c.LLAMA_TOKEN_ATTR_UNKNOWN


class LlamaTokenizer:
    """Implements `modules.loaders.base.Tokenizer`. The C vocabulary is constant, so threads may share it."""

    def __init__(self, model: c.llama_model_p) -> None:
        self.vocab = c.llama_model_get_vocab(model)
        self.size: int = c.llama_vocab_n_tokens(self.vocab)
        self.start_id = self._find_start()
        self._pieces: dict[tuple[int, bool], bytes] = {}
        self.longest_piece = max(
            len(c.llama_vocab_get_text(self.vocab, token_id)) for token_id in range(self.size)
        )
        self.end_ids = frozenset(
            token_id for token_id in range(self.size) if library.vocab_is_eog(self.vocab, token_id)
        )
        self._control_texts = self._find_control_texts()
        self.control_texts = frozenset(filter(None, self._control_texts.values()))
        self._longest_mark = min(max(map(len, self.control_texts), default=0), _MAX_MARK)
        self._is_bpe = c.llama_vocab_type(self.vocab) == c.LLAMA_VOCAB_TYPE_BPE
        self._always_parsed = self._find_always_parsed()

    def encode(self, text: str, *, add_special: bool, parse_special: bool) -> list[int]:
        if parse_special or self._always_parsed is None:
            return self._encode(text, add_special, parse_special)
        ids: list[int] = []
        cuts = [match.start() + 1 for match in self._always_parsed.finditer(text)]
        for start, end in pairwise([0, *cuts, len(text)]):
            ids += self._encode(text[start:end], add_special and start == 0, parse_special)
        return ids

    def _encode(self, text: str, add_special: bool, parse_special: bool) -> list[int]:
        ids: list[int] = []
        for start, end in pairwise([0, *self._cuts(text), len(text)]):
            ids += self._encode_piece(text[start:end], add_special and start == 0, parse_special)
        return ids

    def _cuts(self, text: str) -> list[int]:
        """Where a text is too long in one run; never inside of a control token's text."""
        if (
            not self._is_bpe
        ):  # others have no such splitting, and would put a space before each piece
            return []
        return [self._before_mark(text, match.end()) for match in _LONG_RUN.finditer(text)]

    def _before_mark(self, text: str, cut: int) -> int:
        reach = self._longest_mark
        around = text[cut - reach : cut + reach]
        for mark in self.control_texts:
            start = around.find(mark)
            while start >= 0:
                if start < reach < start + len(mark):
                    return cut - reach + start
                start = around.find(mark, start + 1)
        return cut

    def _encode_piece(self, text: str, add_special: bool, parse_special: bool) -> list[int]:
        data = text.encode()
        capacity = len(data) + 16
        for _ in range(2):
            buffer = (c.llama_token * capacity)()
            count = c.llama_tokenize(
                self.vocab, data, len(data), buffer, capacity, add_special, parse_special
            )
            if count >= 0:
                return buffer[:count]
            capacity = -count
        raise ModelError("llama.cpp could not tokenize the text")

    def piece(self, token_id: int, *, special: bool) -> bytes:
        piece = self._pieces.get((token_id, special))
        if piece is None:
            piece = self._pieces[token_id, special] = self._read_piece(token_id, special)
        return piece

    def control_text(self, token_id: int) -> str | None:
        return self._control_texts.get(token_id)

    def is_end(self, token_id: int) -> bool:
        return token_id in self.end_ids

    def infill(self, prefix: str, suffix: str) -> list[int] | None:
        marks = [
            mark(self.vocab)
            for mark in (c.llama_vocab_fim_pre, c.llama_vocab_fim_suf, c.llama_vocab_fim_mid)
        ]
        if min(marks) < 0:
            return None
        before = self.encode(prefix, add_special=False, parse_special=False)
        after = self.encode(suffix, add_special=False, parse_special=False)
        return [marks[0], *before, marks[1], *after, marks[2]]

    def special_text(self, token_id: int) -> str:
        """The text of BOS, EOS and the like; empty when the vocabulary lacks it."""
        return "" if token_id < 0 else self.piece(token_id, special=True).decode(errors="replace")

    def _find_control_texts(self) -> dict[int, str]:
        texts: dict[int, str] = {}
        for token_id in range(self.size):
            attributes = c.llama_vocab_get_attr(self.vocab, token_id)
            if attributes & (_CONTROL_ATTRIBUTES | c.LLAMA_TOKEN_ATTR_USER_DEFINED):
                text = self.special_text(token_id)
                if attributes & _CONTROL_ATTRIBUTES or _looks_like_mark(text):
                    texts[token_id] = text
        return texts

    def _find_always_parsed(self) -> re.Pattern[str] | None:
        """Marks that llama.cpp reads as control tokens even where it is told not to; None where it need not be hindered.

        Only byte-pair vocabularies can be given a text in pieces; others would put a space before each, or an end behind.
        """
        marks = [
            re.escape(text)
            for token_id, text in self._control_texts.items()
            if c.llama_vocab_get_attr(self.vocab, token_id) & c.LLAMA_TOKEN_ATTR_USER_DEFINED
        ]
        if not marks or not self._is_bpe or c.llama_vocab_get_add_eos(self.vocab):
            return None
        return re.compile("|".join(marks))

    def _find_start(self) -> int:
        bos, eos = c.llama_vocab_bos(self.vocab), c.llama_vocab_eos(self.vocab)
        has_bos = c.llama_vocab_get_add_bos(self.vocab) and bos >= 0
        return bos if has_bos else max(eos, 0)

    def _read_piece(self, token_id: int, special: bool) -> bytes:
        size = _PIECE_BYTES
        for _ in range(2):
            buffer = ctypes.create_string_buffer(size)
            count = library.token_to_piece(self.vocab, token_id, buffer, size, 0, special)
            if count >= 0:
                return buffer.raw[:count]
            size = -count
        raise ModelError(f"llama.cpp has no text for token {token_id}")


def _looks_like_mark(text: str) -> bool:
    """Among the tokens that a vocabulary's makers added: `<think>` is a mark, a run of spaces is not."""
    return len(text) > 2 and text.startswith("<") and text.endswith(">")
