"""A reverse proxy as small as can be: serves a server below a path, as nginx's `location /hearth/ { proxy_pass http://.../; }` does."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

CHUNK = 65_536


class _Connection(socketserver.BaseRequestHandler):
    """One request for each connection: the path loses the prefix, all other bytes pass as they are. Other paths are not found."""

    def handle(self) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            if not (part := self.request.recv(CHUNK)):
                return
            head += part
        if not head.split(b" ")[1].startswith(self.server.prefix):  # type: ignore[attr-defined]
            self.request.sendall(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
            return
        with socket.create_connection(self.server.target) as behind:  # type: ignore[attr-defined]
            behind.sendall(self._rewritten(head))
            going = threading.Thread(target=_pump, args=(self.request, behind), daemon=True)
            going.start()
            _pump(behind, self.request)

    def _rewritten(self, head: bytes) -> bytes:
        prefix = self.server.prefix  # type: ignore[attr-defined]
        first, _, rest = head.partition(b"\r\n")
        method, target, version = first.split(b" ")
        target = target.removeprefix(prefix) or b"/"
        lines, mark, body = rest.partition(b"\r\n\r\n")
        kept = [
            line for line in lines.split(b"\r\n") if not line.lower().startswith(b"connection:")
        ]
        kept.append(b"connection: close")
        return b" ".join((method, target, version)) + b"\r\n" + b"\r\n".join(kept) + mark + body


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while part := source.recv(CHUNK):
            target.sendall(part)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextmanager
def proxied(port: int, prefix: str) -> Iterator[str]:
    """The address below which the server on this port is served meanwhile, without a slash at its end."""
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Connection, bind_and_activate=True)
    server.daemon_threads = True
    server.target, server.prefix = ("127.0.0.1", port), prefix.encode()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}{prefix}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
