"""Requests that are wrong as HTTP or as JSON: refused with OpenAI's error, and the server serves on."""

import http.client
import json
import socket
from collections.abc import Callable
from contextlib import closing
from typing import Any

import httpx
import pytest

from tests.live.launch import PATIENCE_S, Server
from tests.live.wire import GREEDY, SKY, checked_chat, error_of

CHAT = "/v1/chat/completions"
JSON = {"Content-Type": "application/json"}


@pytest.fixture(autouse=True)
def _serves_on(server: Server) -> Any:
    """After whatever a test sent, the next good request works and no traceback was written."""
    before = len(server.logged)
    yield
    with server.client() as fresh:
        body = fresh.post(CHAT, json={"messages": SKY, **GREEDY}).json()
    assert checked_chat(body).choices[0].message.content == "The sky is blue."
    assert "Traceback" not in server.logged[before:]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"5",
        b"{",
        b'{"messages": [}',
        b"{'messages': []}",
        b'{"messages": [{"role": "user", "content": "a"}]} trailing',
        b'{"messages": "\xff\xfe"}',
        b"\xff\xfe\xfd",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"messages": [{"role": "user", "content": "a"}], "n": ' + b"9" * 5000 + b"}",
        b'{"messages": [{"role": "user", "content": "a"}], "temperature": NaN}',
        b'{"messages": [{"role": "user", "content": "a"}], "temperature": Infinity}',
        b'{"messages": [{"role": "user", "content": "a"}], "temperature": 1e999}',
        b'{"messages": [{"role": "user", "content": "a"}], "logit_bias": {"5": -Infinity}}',
        b'{"messages": [{"role": "user", "content": "a"}], "temperature": 99, "temperature": 98}',
    ],
    ids=lambda content: repr(content[:40]) + str(len(content)),
)
@pytest.mark.parametrize(
    "path",
    [CHAT, "/v1/completions", "/v1/internal/encode", "/v1/internal/model/load"],
)
def test_bodies_that_are_no_request(http: httpx.Client, path: str, content: bytes) -> None:
    error_of(http.post(path, content=content, headers=JSON), 400)


def test_the_last_of_two_equal_keys_counts(http: httpx.Client) -> None:
    content = b'{"messages": [], "messages": [{"role": "user", "content": "Hello!"}]}'
    assert http.post(CHAT, content=content, headers=JSON).status_code == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "json"])
@pytest.mark.parametrize("path", [CHAT, "/v1/none", "/v1/internal/model/load"])
def test_other_media_types(http: httpx.Client, kind: str, path: str) -> None:
    response = http.post(path, content=b'{"messages": []}', headers={"Content-Type": kind})
    assert error_of(response, 415)["code"] == "unsupported_media_type"


def test_forms_are_no_json(http: httpx.Client) -> None:
    error_of(http.post(CHAT, files={"messages": b"x"}), 400)


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "Application/JSON", "application/vnd.api+json"]
)
def test_json_by_its_other_names(http: httpx.Client, kind: str) -> None:
    content = json.dumps({"messages": SKY}).encode()
    assert http.post(CHAT, content=content, headers={"Content-Type": kind}).status_code == 200


def test_unknown_routes_and_methods(http: httpx.Client) -> None:
    for path in ("/v1", "/v1/none", "/none", "/v1/chat/completions/x"):
        assert error_of(http.get(path), 404)["code"] == "not_found"
        assert path.strip("/") in error_of(http.post(path, json={}), 404)["message"]
    for method, path in (
        ("GET", CHAT),
        ("DELETE", CHAT),
        ("PUT", "/v1/models"),
        ("PATCH", "/health"),
    ):
        response = http.request(method, path)
        assert error_of(response, 405)["code"] == "method_not_allowed"
        assert response.headers["allow"]


def test_head_and_options(http: httpx.Client) -> None:
    for path in ("/health", "/v1/models", CHAT):
        head = http.head(path)
        assert head.content == b""
        assert head.status_code in (200, 405)
        options = http.options(path)
        assert options.status_code in (200, 204, 405)
        assert "allow" in options.headers


def test_health_can_be_asked_by_head(http: httpx.Client) -> None:
    assert http.head("/health").status_code == 200


def test_head_of_a_stream_without_end_leaves_the_connection_usable(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
    with closing(connection):
        for method, path in (("HEAD", "/v1/internal/model/events"), ("GET", "/health")):
            connection.request(method, path)
            response = connection.getresponse()
            assert response.status == 200
            response.read()


SURROGATE = "a\ud800b"
TEXT_FIELDS = [
    (CHAT, {"messages": [{"role": "user", "content": SURROGATE}]}),
    (CHAT, {"messages": [{"role": SURROGATE, "content": "a"}]}),
    (CHAT, {"messages": [{"role": "user", "content": "a", "name": SURROGATE}]}),
    (CHAT, {"messages": [{"role": "user", "content": [{"type": "text", "text": SURROGATE}]}]}),
    (CHAT, {"messages": [{"role": "user", "content": [{"type": SURROGATE, "text": "a"}]}]}),
    (CHAT, {"messages": [{"role": "assistant", "reasoning_content": SURROGATE}]}),
    (CHAT, {"messages": [{"role": "tool", "content": "a", "tool_call_id": SURROGATE}]}),
    (CHAT, {"messages": SKY, "model": SURROGATE}),
    (CHAT, {"messages": SKY, "user": SURROGATE}),
    (CHAT, {"messages": SKY, "stop": SURROGATE}),
    (CHAT, {"messages": SKY, "stop": ["a", SURROGATE]}),
    (CHAT, {"messages": SKY, "grammar_string": SURROGATE}),
    (CHAT, {"messages": SKY, "response_format": {"type": SURROGATE}}),
    (CHAT, {"messages": SKY, "logit_bias": {SURROGATE: 1}}),
    (CHAT, {"messages": SKY, "sampler_priority": SURROGATE}),
    (CHAT, {"messages": SKY, "sampler_priority": [SURROGATE]}),
    (CHAT, {"messages": SKY, "dry_sequence_breakers": [SURROGATE], "dry_multiplier": 1}),
    (CHAT, {"messages": SKY, "dry_sequence_breakers": '"\\ud800"', "dry_multiplier": 1}),
    (CHAT, {"messages": SKY, "dry_sequence_breakers": "[" * 100_000, "dry_multiplier": 1}),
    (CHAT, {"messages": SKY, "custom_token_bans": SURROGATE}),
    (CHAT, {"messages": SKY, "mode": SURROGATE}),
    (CHAT, {"messages": SKY, SURROGATE: 1}),
    (
        CHAT,
        {
            "messages": SKY,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "x", "schema": {"const": SURROGATE}},
            },
        },
    ),
    ("/v1/completions", {"prompt": SURROGATE}),
    ("/v1/completions", {"prompt": ["a", SURROGATE]}),
    ("/v1/completions", {"prompt": "a", "suffix": SURROGATE}),
    ("/v1/completions", {"prompt": "a", "stop": SURROGATE}),
    ("/v1/internal/encode", {"text": SURROGATE}),
    ("/v1/internal/token-count", {"text": SURROGATE}),
    ("/v1/internal/logits", {"prompt": SURROGATE}),
    ("/v1/internal/stop-generation", {"id": SURROGATE}),
    ("/v1/internal/chat-prompt", {"messages": [{"role": "user", "content": SURROGATE}]}),
    ("/v1/internal/model/load", {"model_name": SURROGATE}),
    ("/v1/internal/model/load", {"model_name": "x", "loader": SURROGATE}),
]


@pytest.mark.parametrize(("path", "body"), TEXT_FIELDS, ids=lambda part: repr(part)[:60])
def test_half_a_character_is_refused(http: httpx.Client, path: str, body: dict[str, Any]) -> None:
    content = json.dumps(body)
    if body.get("loader"):
        assert http.post(path, content=content, headers=JSON).status_code in (400, 404)
    else:
        error_of(http.post(path, content=content, headers=JSON), 400)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHAT, {"messages": [{"role": "user", "content": "a\0b\0"}], "max_tokens": 3}),
        (CHAT, {"messages": SKY, "stop": "\0", "max_tokens": 3}),
        (CHAT, {"messages": SKY, "model": "a\0b", "user": "\0", "max_tokens": 3}),
        (CHAT, {"messages": SKY, "a\0b": 1, "max_tokens": 3}),
        ("/v1/completions", {"prompt": "\0", "echo": True, "max_tokens": 3}),
    ],
)
def test_nul_is_a_character_like_any_other(
    http: httpx.Client, path: str, body: dict[str, Any]
) -> None:
    assert http.post(path, json=body).status_code == 200


def test_nul_in_a_grammar_does_no_harm(http: httpx.Client) -> None:
    body = {"prompt": "a", "grammar_string": 'root ::= "a\0b"', "max_tokens": 3}
    assert http.post("/v1/completions", json=body).status_code in (200, 400)


def test_unknown_fields_are_named_and_cannot_break_the_header(http: httpx.Client) -> None:
    fields = {"min_tokens": 3, "frobnicate": {"a": 1}, "unset": None, "user": "me", "store": False}
    response = http.post(CHAT, json={"messages": SKY, **fields})
    assert response.headers["x-ignored-params"] == "frobnicate, min_tokens"
    for name in ("a\r\nSet-Cookie: x", "ä", "x" * 5000, "a, b"):
        response = http.post(CHAT, json={"messages": SKY, name: 1})
        assert response.status_code == 200
        assert response.headers["x-ignored-params"] == "(unprintable)"
    many = {f"field_{number}": 1 for number in range(500)}
    response = http.post(CHAT, json={"messages": SKY, **many, "stream": True})
    assert response.status_code == 200
    assert len(response.headers["x-ignored-params"]) < 2000


def test_known_fields_are_not_named(http: httpx.Client) -> None:
    fields = {"temperature": 0.5, "top_k": 5, "seed": 1, "n": 1, "stop": None}
    response = http.post(CHAT, json={"messages": SKY, **fields})
    assert "x-ignored-params" not in response.headers


def test_strict_params_refuse_what_has_no_effect(launch: Callable[..., Server]) -> None:
    with launch("--strict-params").client() as http:
        for path, body, name in (
            (CHAT, {"messages": SKY, "frobnicate": 1}, "frobnicate"),
            (CHAT, {"messages": SKY, "frobnicate": 1, "stream": True}, "frobnicate"),
            ("/v1/completions", {"prompt": "a", "max_tokenz": 1}, "max_tokenz"),
        ):
            error = error_of(http.post(path, json=body), 400)
            assert error["param"] == name
            assert error["code"] == "unsupported_parameter"
        content = json.dumps({"messages": SKY, "\ud800": 1})
        error_of(http.post(CHAT, content=content, headers=JSON), 400)
        good = {"messages": SKY, "user": "me", "temperature": 0.5, "frobnicate": None}
        assert http.post(CHAT, json=good).status_code == 200


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from tests.live.launch import running

    with running(tmp_path_factory.mktemp("small"), "--api-max-body-mb", "0.1") as server:
        yield server


def test_a_large_body_is_refused_by_its_length(small: Server) -> None:
    with small.client() as http:
        response = http.post(CHAT, json={"messages": SKY, "user": "x" * 200_000})
        error = error_of(response, 413)
        assert error["code"] == "request_too_large"
        assert "0.1 MiB" in error["message"]
        assert http.post(CHAT, json={"messages": SKY}).status_code == 200


def test_a_large_body_is_refused_while_it_comes(small: Server) -> None:
    def pieces() -> Any:
        yield b'{"messages": [{"role": "user", "content": "Hello!"}], "user": "'
        for _ in range(20):
            yield b"x" * 10_000
        yield b'"}'

    with small.client() as http:
        assert error_of(http.post(CHAT, content=pieces(), headers=JSON), 413)["code"] == (
            "request_too_large"
        )
        assert http.post(CHAT, json={"messages": SKY}).status_code == 200


def test_a_chunked_body_is_read(http: httpx.Client) -> None:
    content = iter([b'{"messages": [{"role": "user", ', b'"content": "Hello!"}]}'])
    assert http.post(CHAT, content=content, headers=JSON).status_code == 200


@pytest.mark.parametrize(
    "request_",
    [
        b"NONSENSE\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
    ],
)
def test_what_is_no_http_is_refused(server: Server, request_: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as raw:
        raw.sendall(request_)
        raw.shutdown(socket.SHUT_WR)
        answer = raw.recv(4000)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4")
