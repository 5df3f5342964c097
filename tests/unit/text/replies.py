"""Reads replies in pieces and joins what comes of them, for tests."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from modules.core.tools import ReplyLayout
from modules.text.channels import (
    CallArguments,
    CallEnd,
    CallStart,
    ContentPart,
    ReasoningPart,
    ReplyPart,
)
from modules.text.splitter import ReplySplitter


@dataclass
class Reply:
    """`calls`: (name, arguments as they came); `ended`: how many of them are whole."""

    content: str = ""
    reasoning: str = ""
    calls: list[tuple[str, str]] = field(default_factory=list)
    ended: int = 0


def parts_of(layout: ReplyLayout, pieces: Sequence[str]) -> list[ReplyPart]:
    splitter = ReplySplitter(layout)
    parts = [part for piece in pieces for part in splitter.feed(piece)]
    return [*parts, *splitter.finish()]


def fold(parts: Iterable[ReplyPart]) -> Reply:
    reply = Reply()
    for part in parts:
        match part:
            case ContentPart(text, _):
                reply.content += text
            case ReasoningPart(text):
                reply.reasoning += text
            case CallStart(index, name):
                assert index == len(reply.calls)
                reply.calls.append((name, ""))
            case CallArguments(index, text):
                name, before = reply.calls[index]
                reply.calls[index] = (name, before + text)
            case CallEnd(index):
                assert index == reply.ended
                reply.ended += 1
    return reply


def read(layout: ReplyLayout, pieces: Sequence[str]) -> Reply:
    return fold(parts_of(layout, pieces))
