import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from modules.core.errors import LoadError
from modules.loaders.speech_recognition.downloads import fetch

CHECKPOINT = b"weights" * 100_000
DIGEST = hashlib.sha256(CHECKPOINT).hexdigest()


class Checkpoints(BaseHTTPRequestHandler):
    """/whole/…, /half/… (the connection breaks), anything else is not there."""

    def do_GET(self) -> None:
        if not self.path.startswith(("/whole/", "/half/")):
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CHECKPOINT)))
        self.end_headers()
        is_half = self.path.startswith("/half/")
        self.wfile.write(CHECKPOINT[: len(CHECKPOINT) // 2 if is_half else None])

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("no_proxy", "*")
    with ThreadingHTTPServer(("127.0.0.1", 0), Checkpoints) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(10)


def test_a_checkpoint_is_there_once_all_of_it_is(site: str, tmp_path: Path) -> None:
    target = tmp_path / "whisper_models" / "tiny.pt"
    fetch(f"{site}/whole/{DIGEST}/tiny.pt", target)
    assert target.read_bytes() == CHECKPOINT
    assert [path.name for path in target.parent.iterdir()] == ["tiny.pt"]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        (f"half/{DIGEST}", "damaged"),
        (f"whole/{'0' * 64}", "damaged"),
        (f"missing/{DIGEST}", "Not Found"),
    ],
)
def test_what_did_not_come_whole_leaves_nothing(
    site: str, tmp_path: Path, path: str, reason: str
) -> None:
    with pytest.raises(LoadError, match=reason):
        fetch(f"{site}/{path}/tiny.pt", tmp_path / "tiny.pt")
    assert list(tmp_path.iterdir()) == []


def test_without_a_network_the_error_says_what_to_do(tmp_path: Path, site: str) -> None:
    closed = site.rpartition(":")[0] + ":9"
    with pytest.raises(
        LoadError, match=r"tiny\.pt is not in .* could not be downloaded.*refused.*Put"
    ):
        fetch(f"{closed}/whole/{DIGEST}/tiny.pt", tmp_path / "tiny.pt")
    assert list(tmp_path.iterdir()) == []
