"""The one representation of a chat, whatever API it came through."""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

Role = Literal["system", "developer", "user", "assistant", "tool"]


@dataclass(frozen=True)
class Image:
    """A decoded picture: `rgb` has width x height x 3 bytes, row by row from the top.

    For a model that another server runs it is the `file` instead, as it came.
    """

    width: int
    height: int
    rgb: bytes = field(repr=False)
    file: bytes = field(default=b"", repr=False)
    media_type: str = ""

    @cached_property
    def digest(self) -> int:
        """63 bits of SHA-256 over size and pixels: equal pictures share their place in the prefix cache."""
        seed = f"{self.width}x{self.height}:".encode()
        return int.from_bytes(hashlib.sha256(seed + self.rgb).digest()[:8], "big") >> 1


Content = str | tuple[str | Image, ...]
"""Text, or text and pictures in their order."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the model made earlier; `arguments` is JSON text, as it was sent."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """`content` is untouched; None only beside tool calls, or where there is reasoning alone."""

    role: Role
    content: Content | None
    name: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    reasoning_content: str | None = None

    @property
    def text(self) -> str:
        """Its text without the pictures."""
        if self.content is None or isinstance(self.content, str):
            return self.content or ""
        return "".join(part for part in self.content if isinstance(part, str))

    @property
    def images(self) -> tuple[Image, ...]:
        if self.content is None or isinstance(self.content, str):
            return ()
        return tuple(part for part in self.content if isinstance(part, Image))
