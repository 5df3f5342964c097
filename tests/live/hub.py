"""A Hugging Face hub on this machine, as far as a download of a model needs one."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """Serves one model's folder under one name; `asked` are the paths of all requests."""

    repository: str
    folder: Path
    url: str = ""
    asked: list[str] = field(default_factory=list)

    def files(self) -> list[str]:
        paths = (path for path in self.folder.rglob("*") if path.is_file())
        return sorted(path.relative_to(self.folder).as_posix() for path in paths)

    def describe(self) -> dict[str, Any]:
        siblings = [{"rfilename": name} for name in self.files()]
        return {"id": self.repository, "sha": COMMIT, "siblings": siblings, "private": False}

    def tree(self) -> list[dict[str, Any]]:
        return [
            {"type": "file", "path": name, "oid": self.etag(name), "size": self.size(name)}
            for name in self.files()
        ]

    def size(self, name: str) -> int:
        return (self.folder / name).stat().st_size

    def etag(self, name: str) -> str:
        return hashlib.sha1((self.folder / name).read_bytes()).hexdigest()


@contextmanager
def serving_hub(repository: str, folder: Path) -> Iterator[Hub]:
    hub = Hub(repository, folder)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def do_HEAD(self) -> None:
            self._answer(has_body=False)

        def do_GET(self) -> None:
            self._answer(has_body=True)

        def _answer(self, *, has_body: bool) -> None:
            path = urlsplit(self.path).path
            hub.asked.append(path)
            api, files = f"/api/models/{repository}", f"/{repository}/resolve/"
            if path in (api, f"{api}/revision/main", f"{api}/revision/{COMMIT}"):
                self._send(json.dumps(hub.describe()).encode(), has_body)
            elif path.startswith(f"{api}/tree/"):
                self._send(json.dumps(hub.tree()).encode(), has_body)
            elif path.startswith(files) and path.split("/", 5)[5] in hub.files():
                name = path.split("/", 5)[5]
                self._send((folder / name).read_bytes(), has_body, etag=hub.etag(name))
            else:
                self.send_response(404)
                self.send_header("X-Error-Code", "RepoNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()

        def _send(self, content: bytes, has_body: bool, etag: str = "x") -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("ETag", f'"{etag}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.end_headers()
            if has_body:
                self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
