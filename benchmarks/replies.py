"""From the bytes of one HTTP reply to its tokens: chunked coding, server-sent events, usage.

Everything here runs after the clock has stopped. The input is what arrived, and when.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Arrival: TypeAlias = tuple[float, bytes]
"""Seconds since the request began, and the bytes that arrived then."""


class ReplyError(Exception):
    """The reply is not what was asked for: another status, an error event, a broken stream."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One whole reply. Times are seconds since the request began."""

    latency_s: float
    completion_tokens: int
    prompt_tokens: int
    text_at_s: tuple[float, ...] = ()
    """When each event that carries text arrived; empty where the reply was not streamed."""


def decode_reply(arrivals: Sequence[Arrival], *, is_stream: bool) -> Reply:
    """Raises ReplyError unless the reply has status 200 and is whole."""
    status, body = decode_http(arrivals)
    if status != 200:
        raise ReplyError(f"HTTP {status}: {_joined(body)[:200].decode('utf-8', 'replace')}")
    latency_s = arrivals[-1][0]
    if not is_stream:
        whole: dict[str, Any] = json.loads(_joined(body))
        usage: dict[str, Any] = whole.get("usage") or {}
        return Reply(latency_s, usage.get("completion_tokens", 0), usage.get("prompt_tokens", 0))
    usage, text_at_s = decode_stream(body)
    completion_tokens = usage.get("completion_tokens", len(text_at_s))
    return Reply(latency_s, completion_tokens, usage.get("prompt_tokens", 0), text_at_s)


def decode_http(arrivals: Iterable[Arrival]) -> tuple[int, list[Arrival]]:
    """The status, and the body's bytes with the time at which each part was complete."""
    buffer, head, is_chunked = b"", b"", False
    body: list[Arrival] = []
    for at_s, data in arrivals:
        buffer += data
        if not head:
            if b"\r\n\r\n" not in buffer:
                continue
            head, buffer = buffer.split(b"\r\n\r\n", 1)
            is_chunked = b"transfer-encoding: chunked" in head.lower()
        if is_chunked:
            chunks, buffer = split_chunks(buffer)
            body += [(at_s, chunk) for chunk in chunks]
        else:
            body.append((at_s, buffer))
            buffer = b""
    if not head:
        raise ReplyError("no reply")
    return int(head.split(b" ", 2)[1]), body


def split_chunks(buffer: bytes) -> tuple[list[bytes], bytes]:
    """The complete chunks of a body in chunked transfer coding, and the rest (RFC 9112, 7.1)."""
    chunks: list[bytes] = []
    while b"\r\n" in buffer:
        size_line, rest = buffer.split(b"\r\n", 1)
        size = int(size_line.split(b";")[0], 16)
        if len(rest) < size + 2:
            break
        chunks.append(rest[:size])
        buffer = rest[size + 2 :]
    return chunks, buffer


def decode_stream(body: Iterable[Arrival]) -> tuple[dict[str, Any], tuple[float, ...]]:
    """The usage ({} where none was sent), and when each event that carries text arrived."""
    usage: dict[str, Any] = {}
    text_at_s: list[float] = []
    is_done = False
    for at_s, data in split_events(body):
        if data == b"[DONE]":
            is_done = True
            continue
        event = json.loads(data)
        if "error" in event:
            raise ReplyError(f"error event: {str(event['error'])[:200]}")
        usage = event.get("usage") or usage
        if has_text(event):
            text_at_s.append(at_s)
    if not is_done:
        raise ReplyError("the stream ended without [DONE]")
    return usage, tuple(text_at_s)


def split_events(body: Iterable[Arrival]) -> Iterator[Arrival]:
    """The `data:` lines of the complete server-sent events, without the field's name."""
    buffer = b""
    for at_s, data in body:
        *events, buffer = (buffer + data).replace(b"\r\n", b"\n").split(b"\n\n")
        for line in (line for event in events for line in event.split(b"\n")):
            if line.startswith(b"data:"):
                yield at_s, line.removeprefix(b"data:").strip()


def has_text(event: dict[str, Any]) -> bool:
    """Whether a chunk of a chat or of a completion carries something that the model wrote."""
    choices = event.get("choices")
    if not choices:
        return False
    delta = choices[0].get("delta")
    if delta is None:
        return bool(choices[0].get("text"))
    return any(delta.get(name) for name in ("content", "reasoning_content", "tool_calls"))


def _joined(body: Iterable[Arrival]) -> bytes:
    return b"".join(data for _, data in body)
