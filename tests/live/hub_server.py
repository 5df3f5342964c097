"""A hub on the loopback interface: speaks Hugging Face's protocol as far as downloads need it, and can misbehave on demand."""

import asyncio
import hashlib
import re
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.live.launch import eventually

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "hf_token_of_the_tests"
LARGE = 20_000
"""From so many bytes on a file is kept outside of git, with a SHA-256, and served by the storage."""
STEP = 32_768


@dataclass
class Repository:
    """`listed` replaces entries of the listing, to lie in it."""

    files: dict[str, bytes]
    branches: tuple[str, ...] = ("main",)
    is_gated: bool = False
    is_private: bool = False
    listed: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass
class Seen:
    method: str
    path: str
    range: str
    has_token: bool


@dataclass
class HubServer:
    """Faults are by file name. `cuts`: end the connection after so many bytes, once for each entry. `hold`: send so many bytes, then
    nothing until `release`. `garbled`: other bytes than announced. `statuses`: answers before the right one, by repository or file."""

    port: int = 0
    repositories: dict[str, Repository] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    cuts: dict[str, list[int]] = field(default_factory=dict)
    hold: dict[str, int] = field(default_factory=dict)
    release: threading.Event = field(default_factory=threading.Event)
    garbled: set[str] = field(default_factory=set)
    statuses: dict[str, list[int]] = field(default_factory=dict)
    knows_ranges: bool = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """Of a program that shall use this hub."""
        names = ("HF_TOKEN", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
        return dict.fromkeys(names, "") | {
            "HF_ENDPOINT": self.url,
            "NO_PROXY": "127.0.0.1,localhost",
            "HF_HUB_DOWNLOAD_TIMEOUT": "20",
            "HF_TOKEN_PATH": "/nonexistent/token",
        }

    def add(self, name: str, files: dict[str, bytes] | Path, **options: Any) -> Repository:
        """Files by path, or all of a folder."""
        if isinstance(files, Path):
            folder = files
            files = {
                path.relative_to(folder).as_posix(): path.read_bytes()
                for path in folder.rglob("*")
                if path.is_file()
            }
        self.repositories[name] = Repository(files, **options)
        return self.repositories[name]

    def ranges_of(self, name: str) -> list[str]:
        """The Range headers of all requests for the bytes of a file, "" where there was none."""
        held = [(p, d) for each in self.repositories.values() for p, d in each.files.items()]
        ends = {
            f"/storage/{hashlib.sha256(data).hexdigest()}" if len(data) >= LARGE else f"/{path}"
            for path, data in held
            if path == name
        }
        gets = [each for each in self.seen if each.method == "GET"]
        return [each.range for each in gets if each.path.endswith(tuple(ends))]

    def forget(self) -> None:
        """As it was when it began; what is held is let go."""
        self.release.set()
        self.release = threading.Event()
        for each in (
            self.repositories,
            self.seen,
            self.cuts,
            self.hold,
            self.garbled,
            self.statuses,
        ):
            each.clear()
        self.knows_ranges = True

    def application(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/api/models/{id:path}", self._listing),
                Route("/storage/{digest}", self._storage),
                Route("/{id:path}", self._resolve, methods=["GET", "HEAD"]),
            ]
        )

    def _note(self, request: Request) -> None:
        headers = request.headers
        token = headers.get("authorization") == f"Bearer {TOKEN}"
        self.seen.append(Seen(request.method, request.url.path, headers.get("range", ""), token))

    def _refusal(self, request: Request, repository: Repository | None) -> Response | None:
        token = request.headers.get("authorization")
        if token is not None and token != f"Bearer {TOKEN}":
            message = {"X-Error-Message": "Invalid credentials in Authorization header"}
            return JSONResponse({"error": "Invalid token"}, 401, message)
        if repository is None or (repository.is_private and token is None):
            code = {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"}
            return JSONResponse(
                {"error": "Repository not found"}, 401 if token is None else 404, code
            )
        return None

    async def _listing(self, request: Request) -> Response:
        self._note(request)
        name, _, revision = request.path_params["id"].partition("/revision/")
        repository = self.repositories.get(name)
        if statuses := self.statuses.get(name):
            return Response(status_code=statuses.pop(0))
        if (refusal := self._refusal(request, repository)) is not None:
            return refusal
        assert repository is not None
        if revision not in (*repository.branches, COMMIT):
            return JSONResponse({"error": "no"}, 404, {"X-Error-Code": "RevisionNotFound"})
        siblings = [
            repository.listed.get(path, sibling(path, data))
            for path, data in repository.files.items()
        ]
        return JSONResponse({"id": name, "modelId": name, "sha": COMMIT, "siblings": siblings})

    async def _resolve(self, request: Request) -> Response:
        self._note(request)
        match = re.fullmatch(r"(.+)/resolve/([^/]+)/(.+)", request.path_params["id"])
        repository = self.repositories.get(match[1]) if match else None
        if (refusal := self._refusal(request, repository)) is not None:
            return refusal
        assert match is not None
        assert repository is not None
        if repository.is_gated and "authorization" not in request.headers:
            code = {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted"}
            return JSONResponse({"error": "gated"}, 401, code)
        if match[3] not in repository.files or match[2] not in (*repository.branches, COMMIT):
            return JSONResponse({"error": "no"}, 404, {"X-Error-Code": "EntryNotFound"})
        data = repository.files[match[3]]
        entry = sibling(match[3], data)
        headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{entry["blobId"]}"'}
        if "lfs" in entry:
            digest = entry["lfs"]["sha256"]
            headers |= {"X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(data))}
            # Another origin, as with the real one: the token must not be sent there.
            return RedirectResponse(
                f"http://localhost:{self.port}/storage/{digest}?Signature=secret", 302, headers
            )
        return self._bytes(request, match[3], data, headers)

    async def _storage(self, request: Request) -> Response:
        self._note(request)
        assert "authorization" not in request.headers
        for repository in self.repositories.values():
            for path, data in repository.files.items():
                if hashlib.sha256(data).hexdigest() == request.path_params["digest"]:
                    return self._bytes(request, path, data, {})
        return Response(status_code=403)

    def _bytes(self, request: Request, path: str, data: bytes, headers: dict[str, str]) -> Response:
        if statuses := self.statuses.get(path):
            return Response(status_code=statuses.pop(0))
        start, end, status = 0, len(data), 200
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
        if match and self.knows_ranges:
            start, end = int(match[1]), int(match[2] or len(data) - 1) + 1
            if start >= len(data):
                return Response(status_code=416, headers={"Content-Range": f"bytes */{len(data)}"})
            headers = {**headers, "Content-Range": f"bytes {start}-{end - 1}/{len(data)}"}
            status = 206
        if path in self.garbled:
            data = bytes(byte ^ 255 for byte in data)
        headers = {**headers, "Content-Length": str(end - start), "Accept-Ranges": "bytes"}
        if request.method == "HEAD":
            return Response(status_code=status, headers=headers)
        return StreamingResponse(self._send(path, data[start:end]), status, headers)

    async def _send(self, path: str, data: bytes) -> AsyncIterator[bytes]:
        cut = self.cuts[path].pop(0) if self.cuts.get(path) else None
        hold, release = self.hold.get(path), self.release
        for at in range(0, len(data), STEP):
            if cut is not None and at >= cut:
                raise ConnectionResetError
            if hold is not None and at >= hold:
                while not release.is_set():  # noqa: ASYNC110 - of another thread
                    await asyncio.sleep(0.02)
            yield data[at : at + STEP]


def sibling(path: str, data: bytes) -> dict[str, Any]:
    """An entry of the listing."""
    blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
    entry: dict[str, Any] = {"rfilename": path, "size": len(data), "blobId": blob}
    if len(data) >= LARGE:
        digest = hashlib.sha256(data).hexdigest()
        entry["lfs"] = {"sha256": digest, "size": len(data), "pointerSize": 134}
    return entry


@contextmanager
def running_hub() -> Iterator[HubServer]:
    hub = HubServer()
    with socket.create_server(("127.0.0.1", 0)) as bound:
        hub.port = bound.getsockname()[1]
        config = uvicorn.Config(hub.application(), log_level="critical", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        try:
            eventually(lambda: server.started)
            yield hub
        finally:
            hub.release.set()
            server.should_exit = True
            server.force_exit = True
            thread.join(20)
