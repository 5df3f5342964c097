"""Starting and ending the program: settings, extensions, Ctrl-C, what is imported."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.launch import (
    DEMO,
    MODEL,
    ROOT,
    Server,
    eventually,
    make_user_data,
    run_to_end,
    running,
    spawn,
)
from tests.live.test_network import refused
from tests.live.wire import COUNT, GREEDY, SKY

CHAT = "/v1/chat/completions"
ENDLESS = {"messages": COUNT, **GREEDY, "ban_eos_token": True, "max_tokens": 30_000}


def add_extension(folder: Path, name: str, text: str) -> None:
    place = make_user_data(folder) / "extensions" / name
    place.mkdir(parents=True)
    (place / "script.py").write_text(text)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--api", "--no-such-flag"), "--no-such-flag"),
        (("--api", "--api-port", "many"), "--api-port"),
        (("--api", "--temperature", "nan"), "--temperature"),
        (("--api", "--model", "no-such-model"), "no-such-model"),
        (("--api", "--extensions", "no_such_extension"), "no_such_extension"),
        (("--api", "--extensions", "../evil"), "../evil"),
        (("--api", "--settings", "/no/such/settings.yaml"), "/no/such/settings.yaml"),
        (("--nowebui",), "--api"),
    ],
    ids=str,
)
def test_wrong_flags_end_with_one_sentence(
    tmp_path: Path, flags: tuple[str, ...], said: str
) -> None:
    assert said in refused(tmp_path, *flags)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("api_port: many\n", "api_port"),
        ("api: [1]\n", "api:"),
        ("- a list\n", "keys and values"),
        ("a: [\n", "settings.yaml"),
        ("model_aliases:\n  a: [1, 2]\n", "model_aliases"),
        ("\x00", "settings.yaml"),
    ],
)
def test_wrong_settings_end_with_one_sentence(tmp_path: Path, settings: str, said: str) -> None:
    assert said in refused(tmp_path, "--api", "--api-port", "0", settings=settings)


def test_settings_that_are_no_text_end_with_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "odd.yaml").write_bytes(b"\xff\xfe\xfa")
    assert "odd.yaml" in refused(tmp_path, "--api", "--settings", str(tmp_path / "odd.yaml"))


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"OPENEDAI_PORT": "many"}, "OPENEDAI_PORT"),
        ({"OPENEDAI_API_KEY_FILE": "/no/such/file"}, "/no/such/file"),
    ],
)
def test_a_wrong_environment_ends_with_one_sentence(
    tmp_path: Path, env: dict[str, str], said: str
) -> None:
    assert said in refused(tmp_path, "--api", env=env)


def test_a_model_that_cannot_be_loaded_ends_with_the_reason(tmp_path: Path) -> None:
    broken = tmp_path / "source.gguf"
    broken.write_bytes(DEMO.read_bytes()[:100_000])
    server = spawn(tmp_path, "--nowebui", "--api", "--api-port", "0", models={"b.gguf": broken})
    try:
        eventually(lambda: server.process.poll() is not None)
    finally:
        server.end()
    assert server.process.returncode == 1
    assert "Traceback" not in server.logged
    assert "b.gguf" in server.logged.splitlines()[-1]


def test_saved_flags_are_read_first(tmp_path: Path) -> None:
    user_data = make_user_data(tmp_path)
    (user_data / "CMD_FLAGS.txt").write_text("# saved\n--ctx-size 256 \\\n--api-key saved-key\n")
    with running(tmp_path, "--ctx-size", "512", is_ready=False) as server:
        headers = {"Authorization": "Bearer saved-key"}
        server.wait_until_ready()
        with server.client() as client:
            assert client.get("/v1/models").status_code == 401
            info = client.get("/v1/internal/model/info", headers=headers).json()
        assert info["context_length"] == 512


def test_settings_of_all_kinds(launch: Callable[..., Server]) -> None:
    server = launch(
        settings="openai-api_key: yaml-key\nctx_size: 256\ntemperature: 0\nmodel_aliases:\n  pet: "
        + MODEL
        + "\nother-extension-key: 1\nctx_sise: 3\n"
    )
    with server.client(headers={"Authorization": "Bearer yaml-key"}) as client:
        body = client.post(CHAT, json={"messages": SKY, "model": "pet"}).json()
        assert body["choices"][0]["message"]["content"] == "The sky is blue."
        assert client.get("/v1/internal/model/info").json()["context_length"] == 256
    assert "ctx_sise" in server.logged
    assert "did you mean ctx_size?" in server.logged
    assert "other-extension-key" not in server.logged


EXTENSION = """
import sys
from fastapi import APIRouter

router = APIRouter()

@router.get("/v1/mine/modules")
async def show_modules() -> list[str]:
    return sorted({name.partition(".")[0] for name in sys.modules})

@router.get("/v1/mine/fails")
async def fail() -> None:
    raise RuntimeError("on purpose")

def setup(context):
    context.hooks.routes.append(lambda app: app.include_router(router))
    async def on_stop():
        print("the extension was told", flush=True)
    context.hooks.on_stop.append(on_stop)
"""


def test_an_extension_of_the_user(tmp_path: Path) -> None:
    add_extension(tmp_path, "mine", EXTENSION)
    with running(
        tmp_path, "--extensions", "mine", "openai", "--nowebui", "--api-key", "k"
    ) as server:
        with server.client() as client:
            assert client.get("/v1/mine/modules").status_code == 401
        with server.client(headers={"Authorization": "Bearer k"}) as client:
            client.post(CHAT, json={"messages": SKY}).raise_for_status()
            grammar = {"messages": SKY, "response_format": {"type": "json_object"}, "max_tokens": 9}
            client.post(CHAT, json=grammar).raise_for_status()
            names = client.get("/v1/mine/modules").json()
            assert client.get("/openapi.json").json()["paths"]["/v1/mine/modules"]
            failed = client.get("/v1/mine/fails")
            assert failed.status_code == 500
            assert set(failed.json()["error"]) == {"message", "type", "param", "code"}
            assert "on purpose" not in failed.text
        assert "llama_cpp" in names
        heavy = {"torch", "transformers", "gradio", "diffusers", "whisper", "sentence_transformers"}
        assert not heavy & set(names)
        assert server.interrupt() == 0
        assert "the extension was told" in server.printed


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import no_such_package\n", "no_such_package"),
        ("def setup(context):\n    raise RuntimeError('no luck')\n", "no luck"),
        ("def setup(context:\n", "bad"),
        ("raise RuntimeError('at import')\n", "at import"),
    ],
)
def test_a_broken_extension_is_named(tmp_path: Path, text: str, said: str) -> None:
    add_extension(tmp_path, "bad", text)
    ended = run_to_end(tmp_path, "--api", "--api-port", "0", "--extensions", "bad")
    assert ended.process.returncode == 2
    last = ended.logged.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    assert "bad" in last
    assert said in last


def test_an_extension_named_openai_replaces_the_api(tmp_path: Path) -> None:
    add_extension(tmp_path, "openai", "def setup(context):\n    raise RuntimeError('mine')\n")
    ended = run_to_end(tmp_path, "--api", "--api-port", "0")
    assert ended.process.returncode == 2
    assert "mine" in ended.logged


@pytest.mark.parametrize("streams", [True, False])
def test_ctrl_c_ends_a_server_that_is_generating(tmp_path: Path, streams: bool) -> None:
    with running(tmp_path, "--ctx-size", "32768", "--parallel", "2") as server:
        body = json.dumps({**ENDLESS, "stream": streams}).encode()
        head = "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json"
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as raw:
            raw.sendall(f"{head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            eventually(lambda: server.health()["running"] == 1)
            assert server.interrupt() == 0
            while raw.recv(65536):
                pass
        assert "Traceback" not in server.logged
        assert "ERROR" not in server.logged


def test_ctrl_c_tells_who_has_not_sent_all_yet(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        head = "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json"
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as raw:
            raw.sendall(f'{head}\r\nContent-Length: 1000\r\n\r\n{{"messages"'.encode())
            server.health()
            assert server.interrupt() == 0
            answer = b"".join(iter(lambda: raw.recv(65536), b"")).decode()
        assert answer.startswith("HTTP/1.1 503 ")
        assert json.loads(answer.partition("\r\n\r\n")[2])["error"]["type"] == "server_error"
        assert "Traceback" not in server.logged


def test_ctrl_c_while_the_model_loads(tmp_path: Path) -> None:
    with running(tmp_path, "--ctx-size", "16384", is_ready=False) as server:
        assert server.interrupt() == 0
        assert "Traceback" not in server.logged


def test_ctrl_c_ends_an_idle_server_and_frees_the_port(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        with server.client() as client:
            client.post(CHAT, json={"messages": SKY})
            port = server.port
            assert server.interrupt() == 0
        assert "Traceback" not in server.logged
    with running(tmp_path, env={"OPENEDAI_PORT": str(port)}) as again:
        assert again.port == port


def test_help_names_the_flags() -> None:
    ended = subprocess.run(
        [sys.executable, str(ROOT / "server.py"), "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0
    for flag in (
        "--api-port",
        "--listen",
        "--ssl-keyfile",
        "--public-api",
        "--api-key",
        "--ctx-size",
    ):
        assert flag in ended.stdout
