"""/v1/internal/model/download: models are fetched beside the traffic, from a hub on this machine."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.live.hub_server import TOKEN, HubServer, running_hub
from tests.live.launch import DEMO, MODEL, PATIENCE_S, ROOT, Server, eventually, running
from tests.live.wire import GREEDY, SKY, error_of, events_of

GGUF = DEMO.read_bytes()
SHIPPED = ROOT / "user_data" / "models"
DOWNLOAD = "/v1/internal/model/download"
ID = "models--org--tiny-GGUF"
ADMIN = {"Authorization": "Bearer boss"}


@pytest.fixture(scope="module")
def served() -> Iterator[HubServer]:
    with running_hub() as hub:
        yield hub


@pytest.fixture(scope="module")
def server(served: HubServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("downloads")
    keys = ("--api-key", "user", "--admin-key", "boss", "--model", MODEL)
    env = served.environment | {"HF_HUB_DOWNLOAD_TIMEOUT": "60"}
    with running(folder, *keys, env=env, is_ready=False) as started:
        started.wait_until_ready(headers=ADMIN)
        yield started


@pytest.fixture
def hub(served: HubServer) -> HubServer:
    served.forget()
    return served


@pytest.fixture
def http(server: Server, hub: HubServer) -> Iterator[httpx.Client]:
    """An administrator; what a test downloaded is gone after it."""
    with server.client(headers=ADMIN) as client:
        yield client
        for each in client.get(DOWNLOAD).json()["data"]:
            client.delete(f"{DOWNLOAD}/{each['id']}")
    for path in sorted((server.user_data / "models").rglob("*"), reverse=True):
        if path.name != MODEL:
            path.rmdir() if path.is_dir() else path.unlink()


def start(http: httpx.Client, model: str = "org/tiny-GGUF", **fields: Any) -> dict[str, Any]:
    response = http.post(DOWNLOAD, json={"model": model, **fields})
    assert response.status_code == 202, response.text
    return response.json()


def ended(http: httpx.Client, name: str = ID) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found = http.get(f"{DOWNLOAD}/{name}").json()
        return found if found["state"] in ("done", "failed", "cancelled") else None

    return eventually(look)


def held(http: httpx.Client, hub: HubServer, at: int = 1_000_000) -> dict[str, Any]:
    """A download that has got so far, and no further until the hub goes on."""
    hub.add("org/tiny-GGUF", {"tiny.gguf": GGUF})
    hub.hold["tiny.gguf"] = at
    start(http)
    return eventually(
        lambda: (found := http.get(f"{DOWNLOAD}/{ID}").json())["bytes_done"] >= at and found
    )


def visible(http: httpx.Client) -> set[str]:
    return set(http.get("/v1/internal/model/list").json()["model_names"])


def test_a_downloaded_model_chats(http: httpx.Client, hub: HubServer) -> None:
    hub.add("org/tiny-GGUF", {"README.md": b"hi", "tiny.gguf": GGUF, "tiny-F16.gguf": b"GGUF"})
    begun = start(http, files=["tiny.gguf"])
    assert begun["id"] == ID
    assert begun["object"] == "model.download"
    assert begun["bytes_total"] == len(GGUF)
    done = ended(http)
    assert done["state"] == "done"
    assert done["error"] is None
    assert done["bytes_done"] == len(GGUF)
    assert done["model_name"] == "tiny.gguf"
    assert [(each["name"], each["state"]) for each in done["files"]] == [("tiny.gguf", "done")]
    assert visible(http) == {MODEL, "tiny.gguf"}
    reply = http.post("/v1/chat/completions", json={"model": "tiny", "messages": SKY, **GREEDY})
    assert reply.json()["model"] == "tiny.gguf"
    assert reply.json()["choices"][0]["message"]["content"] == "The sky is blue."
    http.post("/v1/internal/model/load", json={"model_name": MODEL}).raise_for_status()


def test_a_model_that_sees_comes_with_its_projector(http: httpx.Client, hub: HubServer) -> None:
    files = {
        "sub/tiny-vision-Q8_0.gguf": (SHIPPED / "tiny-vision-Q8_0.gguf").read_bytes(),
        "mmproj-F16.gguf": (SHIPPED / "tiny-vision-mmproj-F16.gguf").read_bytes(),
    }
    hub.add("org/vision-GGUF", files)
    start(http, "org/vision-GGUF")
    name = ended(http, "models--org--vision-GGUF")["model_name"]
    assert name == "org_vision-GGUF/tiny-vision-Q8_0.gguf"
    loaded = http.post("/v1/internal/model/load", json={"model_name": name}).json()
    assert "vision" in " ".join(loaded["capabilities"])
    http.post("/v1/internal/model/load", json={"model_name": MODEL}).raise_for_status()


def test_progress_is_shown_and_the_server_answers_meanwhile(
    http: httpx.Client, hub: HubServer
) -> None:
    found = held(http, hub)
    assert found["state"] == "downloading"
    assert found["files"][0]["state"] == "downloading"
    assert 0 < found["bytes_done"] < found["bytes_total"] == len(GGUF)
    assert http.get(DOWNLOAD).json()["data"] == [http.get(f"{DOWNLOAD}/{ID}").json()]
    reply = http.post("/v1/chat/completions", json={"messages": SKY, **GREEDY})
    assert reply.json()["choices"][0]["message"]["content"] == "The sky is blue."
    assert visible(http) == {MODEL}
    hub.release.set()
    assert ended(http)["state"] == "done"


def test_events_follow_a_download_to_its_end(http: httpx.Client, hub: HubServer) -> None:
    held(http, hub)
    with http.stream("GET", f"{DOWNLOAD}/{ID}/events") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        text = ""
        for piece in response.iter_text():
            text += piece
            hub.release.set()
    *events, done = events_of(text)
    assert done == "[DONE]"
    states = [json.loads(event)["state"] for event in events]
    assert states[0] == "downloading"
    assert states[-1] == "done"
    again = http.get(f"{DOWNLOAD}/{ID}/events").text  # of one that has ended: one event
    assert [json.loads(event)["state"] for event in events_of(again)[:-1]] == ["done"]


def test_a_download_goes_on_without_its_watcher(
    server: Server, http: httpx.Client, hub: HubServer
) -> None:
    held(http, hub)
    with (
        server.client(headers=ADMIN) as other,
        other.stream("GET", f"{DOWNLOAD}/{ID}/events") as response,
    ):
        next(response.iter_text())
    hub.release.set()
    assert ended(http)["state"] == "done"
    assert "Traceback" not in server.logged


def test_a_cancelled_download_is_no_model_and_goes_on_later(
    server: Server, http: httpx.Client, hub: HubServer
) -> None:
    held(http, hub)
    cancelled = http.post(f"{DOWNLOAD}/{ID}/cancel").json()  # while the hub is silent
    assert cancelled["state"] == "cancelled"
    assert visible(http) == {MODEL}
    (part,) = (server.user_data / "models").glob(".downloads/*/*.part")
    size = part.stat().st_size
    assert size >= 900_000
    assert http.post(f"{DOWNLOAD}/{ID}/cancel").json()["state"] == "cancelled"
    hub.hold.clear()
    hub.seen.clear()
    assert start(http)["bytes_done"] == size
    assert ended(http)["state"] == "done"
    assert hub.ranges_of("tiny.gguf") == [f"bytes={size}-{len(GGUF) - 1}"]
    assert (server.user_data / "models" / "tiny.gguf").read_bytes() == GGUF
    assert not (server.user_data / "models" / ".downloads").exists()


def test_delete_cancels_and_removes_what_was_fetched(
    server: Server, http: httpx.Client, hub: HubServer
) -> None:
    held(http, hub)
    assert http.delete(f"{DOWNLOAD}/{ID}").json()["deleted"] is True
    assert not (server.user_data / "models" / ".downloads").exists()
    assert http.get(DOWNLOAD).json()["data"] == []
    for method, path in (("GET", ""), ("GET", "/events"), ("POST", "/cancel"), ("DELETE", "")):
        error_of(http.request(method, f"{DOWNLOAD}/{ID}{path}"), 404)


def test_one_model_is_downloaded_once_at_a_time(http: httpx.Client, hub: HubServer) -> None:
    hub.add("org/other-GGUF", {"other.gguf": b"GGUF other"})
    held(http, hub)
    error = error_of(http.post(DOWNLOAD, json={"model": "org/tiny-GGUF"}), 409)
    assert error["code"] == "already_running"
    start(http, "org/other-GGUF")
    assert ended(http, "models--org--other-GGUF")["state"] == "done"
    hub.release.set()
    assert ended(http)["state"] == "done"


def test_many_at_once_begin_one_download(
    server: Server, http: httpx.Client, hub: HubServer
) -> None:
    hub.add("org/tiny-GGUF", {"tiny.gguf": GGUF})
    hub.hold["tiny.gguf"] = 0
    statuses: list[int] = []

    def go() -> None:
        with server.client(headers=ADMIN) as client:
            statuses.append(client.post(DOWNLOAD, json={"model": "org/tiny-GGUF"}).status_code)

    threads = [threading.Thread(target=go) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(statuses) == [202] + [409] * 5
    hub.release.set()
    assert ended(http)["state"] == "done"
    assert hub.ranges_of("tiny.gguf") == [""]


def test_what_a_killed_process_left_is_shown_and_goes_on(
    server: Server, http: httpx.Client, hub: HubServer
) -> None:
    hub.add("org/tiny-GGUF", {"tiny.gguf": GGUF})
    hub.hold["tiny.gguf"] = 1_000_000
    command = [sys.executable, str(ROOT / "server.py"), "download", "org/tiny-GGUF"]
    process = subprocess.Popen(
        [*command, "--user-data-dir", str(server.user_data)],
        env={**os.environ, **hub.environment},
        stdout=subprocess.DEVNULL,
    )
    try:
        folder = server.user_data / "models" / ".downloads"
        eventually(lambda: any(p.stat().st_size > 500_000 for p in folder.glob("*/*.part")))
        start(http)  # while the other process is at it
        failed = ended(http)
        assert failed["error"]["code"] == "already_running"
    finally:
        process.kill()
        process.wait()
    hub.hold.clear()
    (listed,) = http.get(DOWNLOAD).json()["data"]
    assert listed["state"] == "failed"
    start(http)
    assert ended(http)["state"] == "done"


def test_wrong_bytes_never_become_a_model(
    http: httpx.Client, hub: HubServer, server: Server
) -> None:
    hub.add("org/tiny-GGUF", {"tiny.gguf": GGUF})
    hub.garbled.add("tiny.gguf")
    start(http)
    failed = ended(http)
    assert failed["state"] == "failed"
    assert set(failed["error"]) == {"message", "type", "param", "code"}
    assert failed["error"]["code"] == "checksum_mismatch"
    assert visible(http) == {MODEL}
    assert not list((server.user_data / "models").glob(".downloads/*/*"))


def test_a_download_is_for_administrators(server: Server, hub: HubServer) -> None:
    hub.add("org/tiny-GGUF", {"tiny.gguf": GGUF})
    with server.client(headers={"Authorization": "Bearer user"}) as user:
        error_of(user.post(DOWNLOAD, json={"model": "org/tiny-GGUF"}), 403)
        for method, path in (("GET", ""), ("GET", f"/{ID}"), ("GET", f"/{ID}/events")):
            error_of(user.request(method, f"{DOWNLOAD}{path}"), 403)
        error_of(user.post(f"{DOWNLOAD}/{ID}/cancel"), 403)
        error_of(user.delete(f"{DOWNLOAD}/{ID}"), 403)
    with server.client() as nobody:
        error_of(nobody.post(DOWNLOAD, json={"model": "org/tiny-GGUF"}), 401)
    assert hub.seen == []


@pytest.mark.parametrize(
    ("body", "status", "param", "code"),
    [
        ({}, 400, "model", None),
        ({"model": 5}, 400, "model", None),
        ({"model": ""}, 400, "model", None),
        ({"model": "../../etc"}, 400, "model", None),
        ({"model": "http://169.254.169.254/org/name"}, 400, "model", None),
        ({"model": "http://localhost:5000/org/name"}, 400, "model", None),
        ({"model": "file:///etc/passwd"}, 400, "model", None),
        ({"model": "org/\ud800"}, 400, "model", None),
        ({"model": "org/quants", "to": "../x"}, 400, "to", None),
        ({"model": "org/quants", "files": "Q4_0"}, 400, "files", None),
        ({"model": "org/quants", "files": [""]}, 400, "files", None),
        ({"model": "org/quants", "files": ["../../../etc/passwd"]}, 400, "files", None),
        ({"model": "org/quants"}, 400, "files", "ambiguous_files"),
        ({"model": "org/quants", "files": ["Q4_0"], "exclude": ["*"]}, 400, "exclude", None),
        ({"model": "org/none"}, 404, "model", "repository_not_found"),
        ({"model": "org/quants:dev"}, 404, "model", "not_found"),
        ({"model": "org/gated"}, 403, None, "gated_model"),
        ({"model": "org/huge"}, 400, None, "insufficient_storage"),
        ({"model": "org/busy"}, 502, None, "hub_unreachable"),
        ({"model": "org/evil"}, 500, None, None),
    ],
)
def test_what_cannot_be_done_is_refused_before_it_begins(
    http: httpx.Client, hub: HubServer, body, status: int, param: str | None, code: str | None
) -> None:
    hub.add("org/quants", {"a-Q4_0.gguf": b"GGUF1", "a-Q8_0.gguf": b"GGUF2"})
    hub.add("org/gated", {"a.gguf": b"GGUF"}, is_gated=True)
    hub.add("org/busy", {"a.gguf": b"GGUF"})
    hub.statuses["org/busy"] = [503]
    huge = {"rfilename": "a.gguf", "size": 10**16, "blobId": "0" * 40}
    hub.add("org/huge", {"a.gguf": b"GGUF"}, listed={"a.gguf": huge})
    hub.add("org/evil", {"config.json": b"{}", "../../evil.safetensors": b"evil"})
    content = json.dumps(body)
    json_body = {"Content-Type": "application/json"}
    error = error_of(http.post(DOWNLOAD, content=content, headers=json_body), status)
    assert error["param"] == param
    assert code is None or error["code"] == code
    assert error["message"].isprintable()
    assert http.get(DOWNLOAD).json()["data"] == []


def test_another_file_of_the_name_is_not_replaced_unasked(
    server: Server, http: httpx.Client, hub: HubServer
) -> None:
    hub.add("org/tiny-GGUF", {"tiny.gguf": GGUF})
    mine = server.user_data / "models" / "tiny.gguf"
    mine.write_bytes(b"GGUF mine")
    error = error_of(http.post(DOWNLOAD, json={"model": "org/tiny-GGUF"}), 409)
    assert error["code"] == "file_exists"
    assert mine.read_bytes() == b"GGUF mine"
    start(http, overwrite=True)
    assert ended(http)["state"] == "done"
    assert mine.read_bytes() == GGUF


def test_unknown_fields_are_named(http: httpx.Client, hub: HubServer) -> None:
    hub.add("org/tiny-GGUF", {"tiny.gguf": b"GGUF tiny"})
    body = {"model": "org/tiny-GGUF", "files": None, "to": None, "nonsense": 1}
    response = http.post(DOWNLOAD, json=body)
    assert response.status_code == 202
    assert response.headers["x-ignored-params"] == "nonsense"
    assert ended(http)["state"] == "done"


def test_a_server_that_ends_keeps_what_was_fetched_and_no_token_is_told(
    launch: Callable[..., Server], hub: HubServer, tmp_path: Path
) -> None:
    hub.add("org/tiny-GGUF", {"tiny.gguf": GGUF}, is_gated=True)
    hub.hold["tiny.gguf"] = 1_000_000
    server = launch("--model", "none", env=hub.environment | {"HF_TOKEN": TOKEN}, is_ready=False)
    with server.client() as client:
        start(client)
        folder = server.user_data / "models" / ".downloads"
        eventually(lambda: any(p.stat().st_size > 500_000 for p in folder.glob("*/*.part")))
    assert server.interrupt() == 0
    (part,) = folder.glob("*/*.part")
    assert part.stat().st_size >= 900_000
    assert TOKEN not in server.printed + server.logged
    assert "secret" not in server.printed + server.logged
    left = launch("--model", "none", env=hub.environment, is_ready=False, models={})
    moved = left.user_data / "models" / ".downloads"
    folder.rename(moved)
    with left.client() as client:
        (listed,) = client.get(DOWNLOAD).json()["data"]
        assert (listed["state"], listed["model"]) == ("interrupted", "org/tiny-GGUF")
        assert listed["bytes_done"] == part_size(moved)
        assert client.delete(f"{DOWNLOAD}/{listed['id']}").status_code == 200
        assert client.get(DOWNLOAD).json()["data"] == []
    assert not moved.exists()


def part_size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*/*.part"))


def test_the_library_is_not_imported_before_the_first_download() -> None:
    code = (
        "import sys, server, extensions.openai.app; "
        "sys.exit(bool({'huggingface_hub', 'httpx2', 'tqdm'} & set(sys.modules)))"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=PATIENCE_S).returncode == 0
    )
