"""Server-sent events: framing, keep-alive comments, errors in mid-stream."""

import logging
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from time import monotonic

import anyio
import orjson
from sse_starlette import EventSourceResponse
from starlette.types import Receive, Scope, Send

from extensions.openai.errors import describe
from extensions.openai.gate import WANTS_HEAD
from modules.core.errors import AppError, ModelError

log = logging.getLogger("hearth.api")

DONE = b"data: [DONE]\n\n"
KEEP_ALIVE = b": keep-alive\n\n"
SHUTDOWN_GRACE_S = 2.0
_LINE_ENDS = tuple((chr(code).encode(), b"\\u%04x" % code) for code in (0x85, 0x2028, 0x2029))
HEADERS = {"Cache-Control": "no-cache"}


class EventStreamResponse(EventSourceResponse):
    """Sends ready-made bytes. The parent's way per event (encoding, a debug line with the text, a cancel scope) costs more
    than everything else that is done for a token, so it is replaced; disconnect and shutdown are the parent's.
    Keep-alive comments come only where nothing else is sent, so that none follows a `[DONE]` that a slow reader has not taken yet.

    `cleanup` holds the lease of the model and the streams that the frames are made from: it is closed however the response
    ends, also when the client is gone before the first frame and the generator was never started.
    """

    def __init__(
        self,
        frames: AsyncGenerator[bytes],
        cleanup: AsyncExitStack,
        keep_alive_s: float,
        headers: dict[str, str],
    ) -> None:
        super().__init__(  # pyright: ignore[reportUnknownMemberType]
            frames,
            headers={**HEADERS, **headers},
            ping=keep_alive_s,
            shutdown_grace_period=SHUTDOWN_GRACE_S,
        )
        self._frames = frames
        self._is_sending = False
        self._sent_at = monotonic()
        self._cleanup = cleanup

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if WANTS_HEAD in scope.get("state", {}):
            scope = {**scope, "method": "HEAD"}
        try:
            await super().__call__(scope, receive, send)
        finally:
            with anyio.CancelScope(shield=True):
                await self._frames.aclose()
                await self._cleanup.aclose()

    async def _stream_response(self, send: Send) -> None:
        start = {
            "type": "http.response.start",
            "status": self.status_code,
            "headers": self.raw_headers,
        }
        await send(start)
        async for frame in self._frames:
            self._is_sending = True
            await send({"type": "http.response.body", "body": frame, "more_body": True})
            self._is_sending = False
            self._sent_at = monotonic()
        async with self._send_lock:
            self.active = False
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _ping(self, send: Send) -> None:
        while self.active:
            silence = 0.0 if self._is_sending else monotonic() - self._sent_at
            if silence < self.ping_interval:
                await anyio.sleep(self.ping_interval - silence)
                continue
            async with self._send_lock:
                if self.active:
                    await send(
                        {"type": "http.response.body", "body": KEEP_ALIVE, "more_body": True}
                    )
            self._sent_at = monotonic()


async def guarded(frames: AsyncGenerator[bytes], *, sends_done: bool) -> AsyncGenerator[bytes]:
    """An error after the first byte becomes one error event; then the stream ends."""
    try:
        async for frame in frames:
            yield frame
    except AppError as error:
        _, body = describe(error)
        yield frame_of(orjson.dumps(body))
        return
    except Exception:
        log.exception("A stream failed")
        _, body = describe(ModelError("The server failed to answer; its log has the details."))
        yield frame_of(orjson.dumps(body))
        return
    finally:
        await frames.aclose()
    if sends_done:
        yield DONE


def frame_of(data: bytes) -> bytes:
    """`data`: JSON."""
    return b"data: " + in_one_line(data) + b"\n\n"


def in_one_line(data: bytes) -> bytes:
    """JSON without the characters at which some clients (httpx, Python's splitlines) end a line, though events do not."""
    if data.isascii():
        return data
    for character, escape in _LINE_ENDS:
        data = data.replace(character, escape)
    return data
