"""What uvicorn's HTTP/1.1 parser leaves open: limits on headers, offers of HTTP/2, errors as JSON."""

import json
import re
from asyncio import TimerHandle, Transport
from collections import deque

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

MAX_HEAD_BYTES = 65_536
MAX_AHEAD = 8
"""Requests that are read while the first of them is answered: where nothing is read, nobody sees that the client leaves."""
STALLED_S = 120.0
"""A client that takes nothing of an answer, or sends nothing of a request, for so long is let go: it may be gone without a word, and what
it holds (a model, a thread, a file) is wanted by others."""
_REQUEST_LINE = re.compile(rb"[A-Z]+ \S+ HTTP/1\.1\r\n")
_OFFER = re.compile(rb"\r\n(?:upgrade:[ \t]*h2c|http2-settings:[^\r\n]*)(?=\r\n)", re.IGNORECASE)
_CONNECTION = re.compile(rb"\r\nconnection:[^\r\n]*(?=\r\n)", re.IGNORECASE)


class HttpProtocol(HttpToolsProtocol):
    """One connection. A head that does not end in time for its limit is answered with 431, before any key is asked for.

    So is what comes behind the body of a request and never ends (trailers, extensions of chunks): it would fill the memory.
    """

    stalled_s = STALLED_S
    _stall: TimerHandle | None = None
    _silence: TimerHandle | None = None
    _has_heard = True
    _unfinished_bytes = 0
    _has_advanced = False
    _is_in_head = False
    _is_in_body = False

    def connection_made(self, transport: Transport) -> None:
        super().connection_made(transport)
        self._open = deque[RequestResponseCycle]()  # in their order, which is that of the answers
        self._watch_sender()

    def connection_lost(self, exc: Exception | None) -> None:
        """uvicorn tells only the request that came last, which may have come while another is still answered."""
        self._stop_watch()
        self._stop_watching_sender()
        super().connection_lost(exc)
        for cycle in self._open:
            if not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_reader()

    def resume_writing(self) -> None:
        self._stop_watch()
        super().resume_writing()

    def _watch_reader(self, before: int | None = None) -> None:
        """`before`: bytes that were to be sent when it was looked last."""
        left = self.transport.get_write_buffer_size()
        if before is not None and left >= before:
            self.transport.abort()
        else:
            self._stall = self.loop.call_later(self.stalled_s, self._watch_reader, left)

    def _stop_watch(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def _watch_sender(self) -> None:
        if self._is_sender_late and not self._has_heard:
            self.transport.abort()
        else:
            self._has_heard = False
            self._silence = self.loop.call_later(self.stalled_s, self._watch_sender)

    @property
    def _is_sender_late(self) -> bool:
        """Whether more of a request has to come, and nothing here keeps it from coming."""
        if self._is_in_head or not self._open:
            return True
        return (
            self._is_in_body
            and not self.flow.read_paused
            and not self.cycle.waiting_for_100_continue
        )

    def _stop_watching_sender(self) -> None:
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None

    def handle_websocket_upgrade(self) -> None:
        """The connection is another protocol's from here on."""
        self._stop_watching_sender()
        super().handle_websocket_upgrade()

    def data_received(self, data: bytes) -> None:
        self._has_heard = True
        if not self._is_in_body:
            data = without_h2c(data)
        self._has_advanced = False
        super().data_received(data)
        is_open = self._is_in_head or self._is_in_body
        # Of data in which something else has ended, nobody tells how much belongs to what begins there.
        self._unfinished_bytes += len(data)
        if self._has_advanced or not is_open:
            self._unfinished_bytes = 0
        if self._unfinished_bytes > MAX_HEAD_BYTES:
            self._refuse(431, "The headers of the request are too long.", "headers_too_long")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_head = True

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        self._is_in_body = True
        self._has_advanced = True
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not before:  # which a WebSocket leaves as it was
            while self._open and self._open[0].response_complete:
                self._open.popleft()
            self._open.append(self.cycle)
        if 1 < len(self._open) <= MAX_AHEAD:
            self.flow.resume_reading()

    def on_body(self, body: bytes) -> None:
        self._has_advanced = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._is_in_body = False
        self._has_advanced = True
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, msg, "invalid_http")

    def _refuse(self, status: int, message: str, code: str) -> None:
        # The shape of OpenAI's errors, which is as good as any for what is no face's own request yet.
        error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
        body = json.dumps({"error": error}).encode()
        reason = {400: "Bad Request", 431: "Request Header Fields Too Large"}[status]
        head = (
            f"HTTP/1.1 {status} {reason}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()


def without_h2c(data: bytes) -> bytes:
    """A request without its offer to go on in HTTP/2, which a server may ignore (RFC 9110, 7.8).

    Java's client makes it with every plain request, and the parser would take the body for HTTP/2.
    """
    if not _REQUEST_LINE.match(data):
        return data
    head, mark, body = data.partition(b"\r\n\r\n")
    if not mark or not _OFFER.search(head + b"\r\n"):
        return data
    head = _CONNECTION.sub(b"", _OFFER.sub(b"", head + b"\r\n"))
    return head + b"\r\n" + body
