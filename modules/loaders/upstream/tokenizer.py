"""The tokenizer of a model elsewhere, over its server's `/tokenize` and `/detokenize`."""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from modules.core.errors import Unsupported
from modules.loaders.upstream.connection import Connection
from modules.loaders.upstream.faults import garbled
from modules.loaders.upstream.json_values import to_fields, to_items

MAX_TOKENS = 2**22
MAX_KEPT_PIECES = 200_000
UNKNOWN_SIZE = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Piece:
    """A token: its bytes, and whether it is a control token or ends a reply."""

    text: bytes
    is_control: bool = False
    is_end: bool = False


class RemoteTokenizer:
    """What all kinds have in common. `size` is beyond every id where the server does not tell it."""

    def __init__(self, connection: Connection, model: str, size: int) -> None:
        self.size = size or UNKNOWN_SIZE
        self._connection = connection
        self._model = model

    @property
    def start_id(self) -> int:
        begun = self.encode("", add_special=True, parse_special=False)
        return begun[0] if begun else 0

    @property
    def longest_piece(self) -> int:
        """Nothing is known of it: as long as may be."""
        return 2**10

    @property
    def control_texts(self) -> frozenset[str]:
        return frozenset()

    @property
    def has_pieces(self) -> bool:
        """Whether pieces are known without asking the server any more."""
        return False

    def load_pieces(self) -> None:
        """Blocking; does nothing where there is no way to have them all."""

    def encode(self, text: str, *, add_special: bool, parse_special: bool) -> list[int]:
        raise NotImplementedError

    def look_up(self, token_id: int) -> Piece:
        raise NotImplementedError

    def piece(self, token_id: int, *, special: bool) -> bytes:
        piece = self.look_up(token_id)
        return b"" if piece.is_control and not special else piece.text

    def control_text(self, token_id: int) -> str | None:
        piece = self.look_up(token_id)
        return piece.text.decode(errors="replace") if piece.is_control else None

    def is_end(self, token_id: int) -> bool:
        return self.look_up(token_id).is_end

    def infill(self, prefix: str, suffix: str) -> list[int] | None:
        return None

    def _ask(self, route: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        path = f"{self._connection.address.root}/{route}"
        return to_fields(self._connection.ask("POST", path, {**body, "model": self._model}))


class LlamaTokenizer(RemoteTokenizer):
    """In the words of llama-server, which Hearth has too. All pieces are fetched together, at the first need of one."""

    def __init__(self, connection: Connection, model: str, size: int) -> None:
        super().__init__(connection, model, size)
        self._pieces: list[Piece] = []
        self._turn = threading.Lock()

    @property
    def longest_piece(self) -> int:
        self.load_pieces()
        return max((len(piece.text) for piece in self._pieces), default=1)

    @property
    def control_texts(self) -> frozenset[str]:
        self.load_pieces()
        control = (piece.text for piece in self._pieces if piece.is_control)
        return frozenset(text.decode(errors="replace") for text in control)

    @property
    def has_pieces(self) -> bool:
        return bool(self._pieces)

    def load_pieces(self) -> None:
        with self._turn:
            if not self._pieces:
                if self.size == UNKNOWN_SIZE:
                    raise Unsupported(
                        "The upstream server does not tell the size of its vocabulary."
                    )
                wanted = {"content": list(range(self.size)), "with_pieces": True}
                listed = _list(self._ask("tokenize", wanted))
                self._pieces = [_to_piece(entry) for entry in listed]
                if len(self._pieces) != self.size:
                    self._pieces = []
                    raise garbled("/tokenize lists other tokens than were asked for")

    def encode(self, text: str, *, add_special: bool, parse_special: bool) -> list[int]:
        body = {"content": text, "add_special": add_special, "parse_special": parse_special}
        return _ids(self._ask("tokenize", body))

    def look_up(self, token_id: int) -> Piece:
        if not self._pieces:
            self.load_pieces()
        return self._pieces[token_id]


class VllmTokenizer(RemoteTokenizer):
    """In vLLM's words. A token alone is told as text only, so bytes of a character in parts are lost."""

    def __init__(self, connection: Connection, model: str, size: int) -> None:
        super().__init__(connection, model, size)
        self._kept: OrderedDict[int, Piece] = OrderedDict()
        self._turn = threading.Lock()

    def encode(self, text: str, *, add_special: bool, parse_special: bool) -> list[int]:
        """`parse_special` is always true there."""
        return _ids(self._ask("tokenize", {"prompt": text, "add_special_tokens": add_special}))

    def look_up(self, token_id: int) -> Piece:
        with self._turn:
            piece = self._kept.get(token_id)
        if piece is None:
            text = self._ask("detokenize", {"tokens": [token_id]}).get("prompt")
            if not isinstance(text, str):
                raise garbled("/detokenize has no text")
            piece = Piece(text.encode(errors="replace"))
            with self._turn:
                self._kept[token_id] = piece
                while len(self._kept) > MAX_KEPT_PIECES:
                    self._kept.popitem(last=False)
        return piece


class NoTokenizer(RemoteTokenizer):
    """Of a server that has no such route."""

    @property
    def start_id(self) -> int:
        return 0

    def encode(self, text: str, *, add_special: bool, parse_special: bool) -> list[int]:
        self._refuse()

    def look_up(self, token_id: int) -> Piece:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise Unsupported(
            f"{self._model} is served by another server, which has no /tokenize: its tokens are not known here.",
            param="model",
        )


TOKENIZERS = {"llama": LlamaTokenizer, "vllm": VllmTokenizer}


def _list(answer: Mapping[str, Any]) -> list[Any]:
    if not isinstance(answer.get("tokens"), list):
        raise garbled("/tokenize has no tokens")
    return to_items(answer["tokens"])


def _ids(answer: Mapping[str, Any]) -> list[int]:
    tokens = _list(answer)
    if not all(type(token) is int and 0 <= token < 2**31 for token in tokens):
        raise garbled("/tokenize has tokens that are none")
    return tokens


def _to_piece(entry: Any) -> Piece:
    """A text, or a list of bytes where they are no text of their own. What is special is told by Hearth only."""
    fields = to_fields(entry)
    piece: Any = fields.get("piece")
    try:
        text = piece.encode(errors="replace") if isinstance(piece, str) else bytes(to_items(piece))
    except (TypeError, ValueError):
        raise garbled("/tokenize has pieces that are none") from None
    return Piece(text, fields.get("special") is True, fields.get("end") is True)
