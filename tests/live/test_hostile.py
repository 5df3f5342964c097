"""What one client must not be able to do to the others."""

import json
import os
import select
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any, BinaryIO

import httpx
import pytest

from tests.live.launch import PATIENCE_S, Server
from tests.live.wire import error_of

CHAT = "/v1/chat/completions"
SKY = [{"role": "user", "content": "What color is the sky?"}]


def request_of(path: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json"
    return f"{head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def raw(server: Server, request: bytes) -> tuple[int, dict[str, Any]]:
    """Status and JSON of the answer to these bytes."""
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE_S) as connection:
        connection.sendall(request)
        return read_answer(connection.makefile("rb"))


def read_answer(stream: BinaryIO) -> tuple[int, dict[str, Any]]:
    status = int(stream.readline().split()[1])
    length = 0
    while (line := stream.readline().strip()) != b"":
        name, _, value = line.partition(b":")
        length = int(value) if name.lower() == b"content-length" else length
    return status, json.loads(stream.read(length))


def chain(links: int, kind: str) -> dict[str, Any]:
    """A schema whose definitions lead from one to the next."""
    definitions: dict[str, Any] = {f"d{links}": {"type": "integer"}}
    for i in range(links):
        link = {"$ref": f"#/$defs/d{i + 1}"}
        definitions[f"d{i}"] = {"type": "array", "items": link} if kind == "array" else link
    schema = {"$defs": definitions, "$ref": "#/$defs/d0"}
    return {"type": "json_schema", "json_schema": {"name": "chain", "schema": schema}}


@pytest.mark.parametrize("kind", ["array", "plain"])
def test_chains_of_references_do_not_end_the_server(http: httpx.Client, kind: str) -> None:
    """They are taken, since they are no more than long; what matters is that the server lives."""
    body = {"messages": SKY, "max_tokens": 4, "response_format": chain(3000, kind)}
    assert http.post(CHAT, json=body).status_code in (200, 400)
    assert http.get("/health").status_code == 200


def test_chains_of_rules_do_not_end_the_server(http: httpx.Client) -> None:
    rules = [f'r{i} ::= "a" r{i + 1} | "b" r{i + 1}' for i in range(5000)]
    grammar = "\n".join(["root ::= r0", *rules, 'r5000 ::= "c"'])
    body = {"prompt": "a", "max_tokens": 4, "grammar_string": grammar}
    error = error_of(http.post("/v1/completions", json=body), 400)
    assert error["param"] == "grammar_string"


def long_grammar(number: int) -> str:
    rules = [f'r{i} ::= "a{number}" r{i + 1} | "b"' for i in range(300)]
    return "\n".join(["root ::= r0", *rules, 'r300 ::= "c"'])


def long_text(number: int) -> str:
    return f"{number} a long text, é日本 " * 60_000


@pytest.mark.parametrize(
    ("path", "fields", "name", "slow"),
    [
        (CHAT, {"messages": SKY, "max_tokens": 1}, "grammar_string", long_grammar),
        ("/v1/completions", {"prompt": "a", "max_tokens": 1}, "grammar", long_grammar),
        ("/v1/internal/token-count", {}, "text", long_text),
        ("/tokenize", {}, "content", long_text),
    ],
)
def test_plain_requests_do_not_wait_for_what_takes_long_to_read(
    launch: Callable[..., Server],
    path: str,
    fields: dict[str, Any],
    name: str,
    slow: Callable[[int], str],
) -> None:
    server = launch()
    threads = min(32, (os.cpu_count() or 1) + 4)  # that work for all, as asyncio has them
    with ExitStack() as stack:
        waiting: list[socket.socket] = []
        for number in range(threads + 10):
            connection = socket.create_connection(("127.0.0.1", server.port), PATIENCE_S)
            waiting.append(stack.enter_context(connection))
            body = json.dumps({**fields, name: slow(number)})
            connection.sendall(request_of(path, body.encode()))
        with server.client() as client:
            plain = client.post(CHAT, json={"messages": SKY, "max_tokens": 1})
            assert plain.status_code == 200
        answered, _, _ = select.select(waiting, [], [], 0)
        assert len(answered) < 10


def test_a_schema_that_nothing_satisfies_is_the_callers_fault(http: httpx.Client) -> None:
    schema = {"type": "json_schema", "json_schema": {"name": "s", "schema": {"$ref": "#"}}}
    error_of(http.post(CHAT, json={"messages": SKY, "response_format": schema}), 400)


def test_more_messages_than_tokens_are_refused_without_work(http: httpx.Client) -> None:
    many = [{"role": "user", "content": "a"}] * 100_000
    error = error_of(http.post(CHAT, json={"messages": many}), 400)
    assert error["code"] == "context_length_exceeded"


@pytest.mark.parametrize("path", [CHAT, "/v1/completions", "/v1/internal/logits"])
def test_a_text_that_cannot_fit_is_refused_without_work(http: httpx.Client, path: str) -> None:
    text = "<|im_end|>" * 500_000
    chat = {"messages": [{"role": "user", "content": text}]}
    body = chat if path == CHAT else {"prompt": text}
    assert error_of(http.post(path, json=body), 400)["code"] == "context_length_exceeded"


def test_an_offer_of_http2_does_not_lose_the_body(server: Server) -> None:
    body = json.dumps({"messages": SKY, "temperature": 0}).encode()
    head = (
        f"POST {CHAT} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade, HTTP2-Settings\r\n"
        "Upgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    status, answer = raw(server, head.encode() + body)
    assert status == 200
    assert answer["choices"][0]["message"]["content"] == "The sky is blue."


def test_headers_have_a_limit(server: Server) -> None:
    endless = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: " + b"a" * 200_000
    status, answer = raw(server, endless)
    assert status == 431
    assert answer["error"]["code"] == "headers_too_long"


COUNT_TOKENS = b"POST /v1/internal/token-count HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def test_a_head_in_pieces_behind_a_long_body_is_read(server: Server) -> None:
    """On one connection, as clients with a pool of them send it."""
    body = json.dumps({"text": "word " * 50_000}).encode()
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE_S) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answers = connection.makefile("rb")
        connection.sendall(b"%bContent-Length: %d\r\n\r\n%b" % (COUNT_TOKENS, len(body), body))
        assert read_answer(answers)[0] == 200
        for piece in (b"GET /health HT", b"TP/1.1\r\nHost: local", b"host\r\n\r\n"):
            connection.sendall(piece)
            time.sleep(0.05)  # so that it is not read together with the next
        assert read_answer(answers)[0] == 200


@pytest.mark.parametrize(
    "endless",
    [b"0\r\nX: " + b"a" * 2**20, b"0\r\n" + b"X: a\r\n" * 2**18, b"5;" + b"a" * 2**20],
    ids=["trailer", "trailers", "extension"],
)
def test_what_stands_around_the_pieces_of_a_body_has_a_limit(
    server: Server, endless: bytes
) -> None:
    """It is no part of the body, whose size has a limit, and each trailer takes many times its length in memory."""
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE_S) as connection:
        connection.sendall(COUNT_TOKENS + b"Transfer-Encoding: chunked\r\n\r\n")
        with suppress(ConnectionError):  # the server ends it, perhaps before it has read all
            connection.sendall(endless)
            while connection.recv(2**16):
                pass


def test_what_is_no_http_is_answered_in_the_same_shape(server: Server) -> None:
    status, answer = raw(server, b"NONSENSE\r\n\r\n")
    assert status == 400
    assert set(answer["error"]) == {"message", "type", "param", "code"}


def test_a_long_body_is_not_taken_for_headers(http: httpx.Client) -> None:
    text = "word " * 50_000 + "\r\nUpgrade: h2c\r\n\r\n"
    body = {"text": text}
    counted = http.post("/v1/internal/token-count", json=body).json()["length"]
    assert counted > 50_000
