"""Access to the web UI of a real server, over plain HTTP: logins, files, closing, ports, TLS. No browser."""

import json
import re
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from tests.live.launch import PATIENCE_S, START_S, Server, running_ui, spawn, wait_for_urls
from tests.live.test_network import refused

ADA, BOB = {"username": "ada", "password": "pw1"}, {"username": "bob", "password": "pw2"}
LOGINS = ("--gradio-auth", "ada:pw1,bob:pw2")
HTML = {"accept": "text/html"}


@pytest.fixture
def launch_ui(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    with ExitStack() as stack:
        yield lambda *flags, **options: stack.enter_context(running_ui(tmp_path, *flags, **options))


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_ui(tmp_path_factory.mktemp("locked"), *LOGINS, "--multi-user") as server:
        yield server


@pytest.fixture(scope="module")
def open_ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_ui(tmp_path_factory.mktemp("open")) as server:
        yield server


def client_of(server: Server, **options: Any) -> httpx.Client:
    return httpx.Client(base_url=server.ui_url, timeout=START_S, trust_env=False, **options)


LIST_ROUTES = """
import gradio as gr, json
with gr.Blocks(analytics_enabled=False) as page:
    gr.Textbox()
print(json.dumps({path: list(each) for path, each in gr.routes.App.create_app(page).openapi()["paths"].items()}))
"""


def routes_of_gradio() -> list[tuple[str, str]]:
    """Every route of an application of Gradio, with its parameters filled in. By a process of its own, which leaves nothing open here."""
    told = subprocess.run(
        [sys.executable, "-c", LIST_ROUTES], capture_output=True, text=True, check=True
    )
    paths = json.loads(told.stdout.splitlines()[-1])
    filled = {path: re.sub(r"\{[^}]*\}", "x", path) for path in paths}
    return [(method.upper(), filled[path]) for path in paths for method in paths[path]]


def test_without_a_login_no_route_answers(locked: Server) -> None:
    routes = routes_of_gradio()
    assert len(routes) > 40
    with client_of(locked) as client:
        for method, path in [*routes, ("GET", "/gradio_api/file=/etc/hostname")]:
            if path in ("/login", "/login/", "/logout"):
                continue
            response = client.request(method, path)
            assert response.status_code == 401, (method, path)
        assert client.get("/", headers=HTML).status_code == 401


def test_people_log_in_and_out(locked: Server) -> None:
    with client_of(locked) as client:
        assert client.post("/login", data={**ADA, "password": "pw2"}).status_code == 401
        assert client.post("/login", data=ADA).status_code == 303
        assert client.get("/config").json()["username"] == "ada"
        assert client.get("/logout").status_code == 303
        assert client.get("/config").status_code == 401
    assert "pw1" not in locked.printed + locked.logged


def call(client: httpx.Client, name: str, session: str, data: list[Any]) -> Any:
    """Runs the event of the page whose handler has this name, as the page does."""
    config = client.get("/config").json()
    number = next(each["id"] for each in config["dependencies"] if each["api_name"] == name)
    body = {"fn_index": number, "data": data, "session_hash": session}
    response = client.post("/gradio_api/run/predict", json=body)
    assert response.status_code == 200, response.text
    return response.json()


def test_each_name_has_a_profile_of_its_own(locked: Server) -> None:
    """The page is opened as two people; what one keeps is in a file of theirs."""
    for person in (ADA, BOB):
        with client_of(locked) as client:
            client.post("/login", data=person)
            call(client, "open_session", f"session-of-{person['username']}", [None])
    profiles = locked.user_data / "profiles"
    assert not (profiles / "default.json").exists()


@pytest.mark.parametrize(
    "path",
    [
        "/etc/hostname",
        "server.py",
        "user_data/models/tiny-chat-Q8_0.gguf",
        "..%2F..%2F..%2F..%2Fetc/hostname",
        "/proc/self/environ",
    ],
)
def test_files_of_the_machine_are_not_served(open_ui: Server, path: str) -> None:
    with client_of(open_ui) as client:
        assert client.get(f"/gradio_api/file={path}").status_code == 403
        own = open_ui.user_data / "models" / "tiny-chat-Q8_0.gguf"
        assert client.get(f"/gradio_api/file={own}").status_code == 403


def send_file(client: httpx.Client, target: tuple[str, str], path: str) -> str:
    """The answer of the queue to an event whose component (type, id of its element) has this path as its value."""
    config = client.get("/config").json()
    component = next(
        each["id"]
        for each in config["components"]
        if (each["type"], each["props"].get("elem_id")) == target
    )
    event = next(each for each in config["dependencies"] if component in each["inputs"])
    value = {"path": path, "meta": {"_type": "gradio.FileData"}}
    data = [value if number == component else None for number in event["inputs"]]
    session = f"sends-{abs(hash((target, path)))}"
    body = {"fn_index": event["id"], "data": data, "session_hash": session}
    client.post("/gradio_api/queue/join", json=body).raise_for_status()
    parts: list[str] = []
    with client.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as answer:
        for line in answer.iter_lines():
            parts.append(line)
            if "process_completed" in line:
                break
    return "\n".join(parts)


@pytest.mark.parametrize("target", [("image", "character-picture"), ("audio", "audio-recording")])
def test_events_take_no_files_of_the_machine(
    open_ui: Server, tmp_path: Path, target: tuple[str, str]
) -> None:
    """Gradio would copy them to where every page can read them, and fetch addresses."""
    (tmp_path / "secret.wav").write_text("of nobody else")
    with client_of(open_ui) as client:
        client.get("/gradio_api/startup-events")
        upload = client.post("/gradio_api/upload", files={"files": ("a.wav", b"x")}).json()[0]
        uploads = next(each for each in Path(upload).parents if each.name.startswith("hearth-ui-"))
        for path in (f"{tmp_path}/secret.wav", f"{upload}/../../../..{tmp_path}/secret.wav"):
            assert "was not uploaded by a user" in send_file(client, target, path)
        for url in ("http://192.0.2.1/secret.wav", "https://huggingface.co/secret.wav"):
            assert "not from an address" in send_file(client, target, url)
        assert not [*uploads.rglob("secret*")]


def test_uploaded_files_are_private_and_end_with_the_program(
    launch_ui: Callable[..., Server],
) -> None:
    server = launch_ui()
    with client_of(server) as client:
        response = client.post("/gradio_api/upload", files={"files": ("note.txt", b"private")})
        uploaded = Path(response.json()[0])
        folder = next(each for each in uploaded.parents if each.name.startswith("hearth-ui-"))
        assert folder.stat().st_mode & 0o077 == 0
        assert client.get(f"/gradio_api/file={uploaded}").text == "private"
    assert server.interrupt() == 0
    assert not folder.exists()


def test_addresses_of_files_cannot_be_made_from_their_content(
    locked: Server, open_ui: Server
) -> None:
    """Whoever knows an address can read the file; nobody who only knows the file, and Gradio's folder, knows its address."""
    names: set[str] = set()
    for server in (locked, open_ui):
        with client_of(server) as client:
            client.post("/login", data=ADA)
            sent = client.post("/gradio_api/upload", files={"files": ("a.txt", b"known")}).json()
            names.add(Path(sent[0]).parent.name)
    assert len(names) == 2


def test_open_pages_do_not_hold_up_the_end(launch_ui: Callable[..., Server]) -> None:
    server = launch_ui()
    with client_of(server) as client, client.stream("GET", "/gradio_api/heartbeat/abc") as beat:
        beats = beat.iter_text()  # kept: the stream is closed with its iterator
        assert next(beats)
        began = time.monotonic()
        assert server.interrupt() == 0
        # The bound is the program's, not this machine's speed: without it the stream would hold on for ever.
        assert time.monotonic() - began < PATIENCE_S
    assert "Traceback" not in server.logged
    assert "ERROR" not in server.logged


def test_the_api_answers_while_gradio_is_read(tmp_path: Path) -> None:
    server = spawn(tmp_path, "--api", "--api-port", "0")
    try:
        wait_for_urls(server)
        assert server.printed.startswith("UI:   http://127.0.0.1:")
        assert server.health()["status"]
        with client_of(server) as client:  # whose connection waits until the page is there
            assert client.get("/").status_code == 200
    finally:
        server.end()


def test_a_port_that_is_taken_is_named_with_its_flag(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        said = refused(tmp_path, "--api", "--api-port", "0", "--listen-port", port)
    assert f"Port {port} is held by" in said
    assert "--listen-port" in said


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--share",), "ssh -L"),
        (("--gradio-auth", "ada"), "NAME:PASSWORD"),
        (("--gradio-auth-path", "/no/such/file"), "/no/such/file"),
        (("--subpath", "a b"), "--subpath"),
        (("--listen-port", "70000"), "--listen-port"),
    ],
    ids=str,
)
def test_wrong_settings_end_with_one_sentence(
    tmp_path: Path, flags: tuple[str, ...], said: str
) -> None:
    assert said in refused(tmp_path, *flags)


def test_without_gradio_the_way_to_it_is_named(tmp_path: Path) -> None:
    """A folder that hides Gradio stands before the installed one."""
    hiding = tmp_path / "hiding"
    hiding.mkdir()
    (hiding / "sitecustomize.py").write_text(
        "import importlib.util as u\nfind = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'gradio' else find(name, *a)\n"
    )
    said = refused(tmp_path, "--api", "--api-port", "0", env={"PYTHONPATH": str(hiding)})
    assert "start.py setup" in said
    assert "--nowebui" in said


def test_an_open_ui_in_the_network_is_warned_of(launch_ui: Callable[..., Server]) -> None:
    server = launch_ui("--listen", "--admin-key", "k")
    assert "No login is set" in server.printed
    assert "keys do not protect it" in server.printed
    with client_of(server) as client:
        assert client.get("/robots.txt", headers={"host": "evil.example"}).status_code == 400


def test_tls(launch_ui: Callable[..., Server], tmp_path: Path) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("localhost", "127.0.0.1")
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    issued.private_key_pem.write_to_path(key)
    issued.cert_chain_pems[0].write_to_path(cert)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    server = launch_ui("--ssl-keyfile", str(key), "--ssl-certfile", str(cert), *LOGINS)
    assert server.ui_url.startswith("https://")
    with client_of(server, verify=context) as client:
        assert "Secure" in client.post("/login", data=ADA).headers["set-cookie"]
        assert client.get("/config").json()["username"] == "ada"
