"""Queue, disconnects, keep-alive, connections: what only real sockets show."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any

import httpx
import pytest

from tests.live.launch import Server, eventually, running
from tests.live.wire import COUNT, GREEDY, SKY, chunks_of, error_of

CHAT = "/v1/chat/completions"
ENDLESS = {"messages": COUNT, "ban_eos_token": True, "max_tokens": 30_000, **GREEDY}


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One slot, one place in the queue, a long context, and keep-alive comments in quick succession."""
    flags = ("--parallel", "1", "--max-queue", "1", "--ctx-size", "32768")
    with running(tmp_path_factory.mktemp("narrow"), *flags, "--api-keep-alive-s", "0.2") as server:
        yield server


@pytest.fixture
def idle(narrow: Server) -> Iterator[Server]:
    eventually(lambda: _load_of(narrow) == (0, 0))
    yield narrow
    eventually(lambda: _load_of(narrow) == (0, 0))


def _load_of(server: Server) -> tuple[int, int]:
    health = server.health()
    return health["running"], health["waiting"]


def occupy(server: Server, stack: ExitStack) -> Iterator[str]:
    """Take the slot with a stream that would run for long; the stack's end leaves it."""
    client = stack.enter_context(server.client())
    response = stack.enter_context(client.stream("POST", CHAT, json={**ENDLESS, "stream": True}))
    assert response.status_code == 200
    lines = response.iter_lines()
    stack.callback(lines.close)  # a reference: the response ends with its iterator
    while '"content":"1' not in next(lines):
        pass
    return lines


def send(server: Server, body: dict[str, Any], path: str = CHAT) -> socket.socket:
    """A request on a bare socket, whose answer nobody has read yet."""
    data = json.dumps(body).encode()
    raw = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    raw.sendall(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)
    return raw


def test_past_the_queue_comes_429_with_retry_after(idle: Server) -> None:
    with ExitStack() as stack:
        occupy(idle, stack)
        waiting = stack.enter_context(send(idle, {"messages": SKY}))
        eventually(lambda: _load_of(idle) == (1, 1))
        client = stack.enter_context(idle.client())
        for streams in (False, True):
            response = client.post(CHAT, json={"messages": SKY, "stream": streams})
            error = error_of(response, 429)
            assert error["type"] == "rate_limit_error"
            assert error["code"] == "queue_full"
            assert int(response.headers["retry-after"]) >= 1
        for path in ("/v1/models", "/v1/internal/model/info", "/metrics"):
            assert client.get(path).status_code == 200
        counted = client.post("/v1/internal/encode", json={"text": "a"})
        assert counted.status_code == 200
        waiting.close()
        eventually(lambda: _load_of(idle) == (1, 0))


def test_without_a_queue_a_second_request_is_refused(tmp_path: Any) -> None:
    with running(tmp_path, "--parallel", "1", "--max-queue", "0", "--ctx-size", "32768") as server:
        with ExitStack() as stack:
            occupy(server, stack)
            with server.client() as client:
                response = client.post(CHAT, json={"messages": SKY})
                assert error_of(response, 429)["code"] == "queue_full"
                assert "retry-after" in response.headers
        eventually(lambda: _load_of(server) == (0, 0))
        with server.client() as client:
            assert client.post(CHAT, json={"messages": SKY}).status_code == 200


@pytest.mark.parametrize("streams", [False, True])
def test_a_client_that_leaves_frees_the_slot(idle: Server, streams: bool) -> None:
    raw = send(idle, {**ENDLESS, "stream": streams})
    eventually(lambda: _load_of(idle) == (1, 0))
    raw.close()
    eventually(lambda: _load_of(idle) == (0, 0))


@pytest.mark.parametrize("streams", [False, True])
def test_a_client_that_sent_more_requests_and_leaves_frees_the_slot(
    idle: Server, streams: bool
) -> None:
    """Pipelining: the next request comes before the answer to the first."""
    before = len(idle.logged)
    raw = send(idle, {**ENDLESS, "stream": streams})
    raw.sendall(2 * b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    eventually(lambda: _load_of(idle) == (1, 0))
    raw.close()
    eventually(lambda: _load_of(idle) == (0, 0))
    assert "Traceback" not in idle.logged[before:]


@pytest.mark.parametrize("streams", [False, True])
def test_a_client_that_leaves_during_a_long_prompt_frees_the_slot(
    idle: Server, streams: bool
) -> None:
    prompt = f"{streams} " + "sky " * 14_000
    raw = send(idle, {"prompt": prompt, "max_tokens": 1, "stream": streams}, "/v1/completions")
    eventually(lambda: _load_of(idle) == (1, 0))
    raw.close()
    eventually(lambda: _load_of(idle) == (0, 0))


@pytest.mark.parametrize("streams", [False, True])
def test_a_client_that_leaves_the_queue_is_taken_out(idle: Server, streams: bool) -> None:
    with ExitStack() as stack:
        occupy(idle, stack)
        raw = send(idle, {"messages": SKY, "stream": streams})
        eventually(lambda: _load_of(idle) == (1, 1))
        raw.close()
        eventually(lambda: _load_of(idle) == (1, 0))


def test_a_client_that_leaves_ends_all_its_replies(server: Server) -> None:
    raw = send(server, {**ENDLESS, "max_tokens": 1900, "n": 8, "stream": True})
    assert b"200 OK" in raw.recv(100)
    raw.close()
    eventually(lambda: _load_of(server) == (0, 0), timeout_s=20)


def test_keep_alive_comments_come_while_a_request_waits(idle: Server) -> None:
    with ExitStack() as stack:
        occupy(idle, stack)
        client = stack.enter_context(idle.client())
        body = {"messages": SKY, "stream": True, **GREEDY}
        response = stack.enter_context(client.stream("POST", CHAT, json=body))
        lines = response.iter_lines()
        eventually(lambda: next(lines).startswith(":"))
        eventually(lambda: next(lines).startswith(":"))
        assert idle.health()["waiting"] == 1
    eventually(lambda: _load_of(idle) == (0, 0))
    with idle.client() as client:
        chunks_of(client.post(CHAT, json=body))


def test_a_connection_serves_again_after_a_stream(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        sockets = []
        for body in (
            {"messages": SKY, "stream": True},
            {"messages": SKY},
            {"messages": SKY, "temperature": 99},
            {"messages": SKY, "stream": True},
        ):
            connection.request("POST", CHAT, json.dumps(body), {"Content-Type": "application/json"})
            sockets.append(connection.sock)
            response = connection.getresponse()
            response.read()
            assert not response.will_close
        assert all(each is sockets[0] for each in sockets)
        assert sockets[0] is not None
    finally:
        connection.close()


def test_a_connection_serves_again_after_a_refusal_at_the_gate(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        for kind, status in (("text/plain", 415), ("application/json", 200)):
            connection.request("POST", CHAT, json.dumps({"messages": SKY}), {"Content-Type": kind})
            response = connection.getresponse()
            response.read()
            assert response.status == status
    finally:
        connection.close()


def test_stopping_all_ends_the_waiting_too(idle: Server) -> None:
    with ExitStack() as stack:
        lines = occupy(idle, stack)
        raw = stack.enter_context(send(idle, {"messages": SKY}))
        eventually(lambda: _load_of(idle) == (1, 1))
        with idle.client() as client:
            assert client.post("/v1/internal/stop-generation").json() == {"stopped": 2}
        answer = _read_response(raw)
        assert answer["choices"][0]["finish_reason"] == "stop"
        assert answer["usage"]["completion_tokens"] == 0
        assert [line for line in lines if line][-1] == "data: [DONE]"


QUESTION = {"type": "predicate", "name": "a", "instructions": "It is blue."}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/internal/logits", {"prompt": "The sky is"}),
        ("/v1/decisions", {"input": "the sky", "questions": [QUESTION]}),
    ],
)
def test_what_is_stopped_before_it_has_an_answer_is_told_so(
    idle: Server, path: str, body: dict[str, Any]
) -> None:
    with ExitStack() as stack:
        occupy(idle, stack)
        raw = stack.enter_context(send(idle, body, path))
        eventually(lambda: _load_of(idle) == (1, 1))
        with idle.client() as client:
            client.post("/v1/internal/stop-generation")
        assert _read_response(raw)["error"]["code"] == "cancelled"


def _read_response(raw: socket.socket) -> dict[str, Any]:
    response = http.client.HTTPResponse(raw)
    response.begin()
    try:
        return json.loads(response.read())
    finally:
        response.close()


def test_many_clients_that_come_and_go_leave_nothing_behind(server: Server) -> None:
    def visit(number: int) -> None:
        raw = send(server, {**ENDLESS, "max_tokens": 1500, "stream": number % 2 == 0})
        if number % 3:
            raw.settimeout(0.02)
            with suppress(TimeoutError):
                raw.recv(2000)
        raw.close()

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    eventually(lambda: _load_of(server) == (0, 0))
    with server.client() as client:
        body = client.post(CHAT, json={"messages": SKY, **GREEDY}).json()
    assert body["choices"][0]["message"]["content"] == "The sky is blue."


@pytest.mark.anyio
async def test_short_requests_pass_beside_a_long_one(server: Server) -> None:
    async with httpx.AsyncClient(base_url=server.url, timeout=60, trust_env=False) as client:
        body = {**ENDLESS, "max_tokens": 1500, "stream": True}
        async with client.stream("POST", CHAT, json=body) as response:
            lines = response.aiter_lines()
            await anext(lines)
            for _ in range(3):
                answer = await client.post(CHAT, json={"messages": SKY, **GREEDY})
                assert answer.json()["choices"][0]["message"]["content"] == "The sky is blue."
            assert (await client.get("/health")).json()["running"] >= 1
