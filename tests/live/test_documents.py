"""The examples of the documents that users copy, with the libraries that they name."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
import sseclient

from tests.live.launch import Server
from tests.live.wire import SKY, checked_chat_chunk, chunks_of

HEADERS = {"Content-Type": "application/json"}
SAMPLING = {"temperature": 0.6, "top_p": 0.95, "top_k": 20}


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


def events_of(session: requests.Session, url: str, body: dict[str, Any]) -> Iterator[Any]:
    with session.post(url, headers=HEADERS, json=body, stream=True, timeout=20) as response:
        assert response.status_code == 200
        for event in sseclient.SSEClient(response).events():
            yield event.data


def test_a_chat_with_requests(server: Server, session: requests.Session) -> None:
    body = {"messages": SKY, **SAMPLING}
    url = server.url + "/v1/chat/completions"
    response = session.post(url, headers=HEADERS, json=body, verify=False, timeout=20)
    assert response.json()["choices"][0]["message"]["content"]


def test_a_stream_with_sseclient(server: Server, session: requests.Session) -> None:
    """As of 2026: every chunk has `choices[0].delta`; `[DONE]` ends the stream."""
    body = {"stream": True, "messages": SKY, "temperature": 0}
    *chunks, done = events_of(session, server.url + "/v1/chat/completions", body)
    assert done == "[DONE]"
    deltas = [json.loads(chunk)["choices"][0]["delta"] for chunk in chunks]
    assert "".join(delta.get("content") or "" for delta in deltas) == "The sky is blue."


def test_completions_with_sseclient(server: Server, session: requests.Session) -> None:
    body = {"prompt": "This is a cake recipe:\n\n1.", "max_tokens": 20, "stream": True, **SAMPLING}
    *chunks, done = events_of(session, server.url + "/v1/completions", body)
    assert done == "[DONE]"
    assert "".join(json.loads(chunk)["choices"][0]["text"] for chunk in chunks)


def test_the_logits_examples(server: Server, session: requests.Session) -> None:
    url = server.url + "/v1/internal/logits"
    prompt = {"prompt": "Who is best, Asuka or Rei? Answer:"}
    plain = session.post(url, json={**prompt, "use_samplers": False}, timeout=20).json()
    assert len(plain["logits"]) > 3
    cut = session.post(url, json={**prompt, "use_samplers": True, "top_k": 3}, timeout=20).json()
    assert len(cut["tokens"]) == 3


@pytest.mark.parametrize(
    "options",
    [{"env": {"OPENEDAI_LEGACY_STREAM": "1"}}, {"settings": "openai-legacy_stream: 1\n"}],
    ids=["environment", "settings"],
)
def test_streams_as_of_2024(
    launch: Callable[..., Server], session: requests.Session, options: dict[str, Any]
) -> None:
    """The loop of that document: every event is JSON, every chunk has text in `choices[0].message`."""
    server = launch(**options)
    for mode in ({}, {"mode": "instruct"}):
        body = {"stream": True, "messages": SKY, "temperature": 0, **mode}
        text = ""
        for data in events_of(session, server.url + "/v1/chat/completions", body):
            payload = json.loads(data)
            text += payload["choices"][0]["message"]["content"]
            checked_chat_chunk(payload)
        assert text == "The sky is blue."
    body = {"prompt": "The sky is", "max_tokens": 5, "stream": True}
    for data in events_of(session, server.url + "/v1/completions", body):
        assert isinstance(json.loads(data)["choices"][0]["text"], str)


def test_chunks_have_no_message_by_default(server: Server) -> None:
    with server.client() as client:
        body = {"stream": True, "messages": SKY}
        for chunk in chunks_of(client.post("/v1/chat/completions", json=body)):
            assert "message" not in chunk["choices"][0]


def test_false_words_in_the_environment(launch: Callable[..., Server]) -> None:
    server = launch(env={"OPENEDAI_LEGACY_STREAM": "off", "OPENEDAI_ENABLE_IPV6": "0"})
    assert len(server.urls) == 1
    with server.client() as client:
        chunks = chunks_of(
            client.post("/v1/chat/completions", json={"stream": True, "messages": SKY})
        )
    assert all("message" not in chunk["choices"][0] for chunk in chunks)


def test_extensions_openai_is_the_same_as_api(tmp_path: Any) -> None:
    from tests.live.launch import spawn, wait_for_urls

    server = spawn(tmp_path, "--extensions", "openai", "--api-port", "0", "--nowebui")
    try:
        wait_for_urls(server)
        server.wait_until_ready()
        with server.client() as client:
            assert client.get("/v1/models").status_code == 200
    finally:
        server.end()
