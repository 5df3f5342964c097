"""Chats that do not fit: an error with both numbers, or the oldest messages left out when that was asked for."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.live.launch import Server, running
from tests.live.wire import GREEDY, chunks_of, error_of

PATH = "/v1/chat/completions"
LONG = [
    {"role": "system", "content": "Your name is Ada."},
    *(
        message
        for i in range(40)
        for message in (
            {"role": "user", "content": f"Repeat after me: winter market {i}"},
            {"role": "assistant", "content": f"winter market {i}"},
        )
    ),
    {"role": "user", "content": "What is your name?"},
]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("small")
    with running(folder, "--ctx-size", "512") as server, server.client() as client:
        yield client


def post(client: httpx.Client, **fields: Any) -> httpx.Response:
    return client.post(PATH, json={"messages": LONG, **GREEDY, "max_tokens": 20, **fields})


def test_the_error_has_both_numbers(small: httpx.Client) -> None:
    error = error_of(post(small), 400)
    assert error["code"] == "context_length_exceeded"
    assert "512" in error["message"]
    assert error["param"] == "messages"


def test_auto_drops_the_oldest_and_says_how_many(small: httpx.Client) -> None:
    body = post(small, truncation="auto").json()
    dropped = body["usage"]["truncated_messages"]
    assert 0 < dropped < 80
    assert dropped % 2 == 0  # a question goes with its answer
    assert body["usage"]["prompt_tokens"] + 20 <= 512
    kept = [LONG[0], *LONG[1 + dropped :]]
    prompt = small.post("/v1/internal/chat-prompt", json={"messages": kept}).json()["prompt"]
    counted = small.post("/v1/internal/token-count", json={"text": prompt}).json()["length"]
    assert body["usage"]["prompt_tokens"] == counted  # the system message is still there


def test_as_few_as_possible_go(small: httpx.Client) -> None:
    dropped = post(small, truncation="auto").json()["usage"]["truncated_messages"]
    kept = [LONG[0], *LONG[1 + dropped :]]
    more = [LONG[0], *LONG[1 + dropped - 2 :]]
    fits = small.post(PATH, json={"messages": kept, "truncation": "auto", "max_tokens": 20}).json()
    assert fits["usage"]["truncated_messages"] == 0
    cut = small.post(PATH, json={"messages": more, "truncation": "auto", "max_tokens": 20}).json()
    assert cut["usage"]["truncated_messages"] == 2


def test_what_fits_is_left_alone_and_says_zero(small: httpx.Client) -> None:
    body = small.post(
        PATH, json={"messages": LONG[:2], "truncation": "auto", "max_tokens": 5}
    ).json()
    assert body["usage"]["truncated_messages"] == 0
    plain = small.post(PATH, json={"messages": LONG[:2], "max_tokens": 5}).json()
    assert "truncated_messages" not in plain["usage"]


def test_the_stream_says_so_too(small: httpx.Client) -> None:
    response = post(small, truncation="auto", stream=True, stream_options={"include_usage": True})
    assert chunks_of(response)[-1]["usage"]["truncated_messages"] > 0


def test_a_last_message_that_cannot_fit_is_an_error(small: httpx.Client) -> None:
    messages = [{"role": "user", "content": "winter market " * 600}]
    response = small.post(PATH, json={"messages": messages, "truncation": "auto"})
    assert error_of(response, 400)["code"] == "context_length_exceeded"


def test_calls_go_with_their_results(small: httpx.Client) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    rounds = [
        message
        for i in range(30)
        for message in (
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": f"winter market {i} " * 3},
        )
    ]
    messages = [{"role": "user", "content": "Hello!"}, *rounds]
    body = {"messages": messages, "truncation": "auto", "max_tokens": 5}
    dropped = small.post(PATH, json=body).json()["usage"]["truncated_messages"]
    assert dropped > 0
    assert dropped % 2 == 0


def test_max_tokens_beyond_the_context_is_cut_to_what_fits(small: httpx.Client) -> None:
    body = {"messages": LONG[:2], "max_tokens": 100_000, "ban_eos_token": True}
    choice = small.post(PATH, json=body).json()
    assert choice["choices"][0]["finish_reason"] == "length"
    assert choice["usage"]["total_tokens"] == 512


def test_the_setting_does_it_for_all(launch: Callable[..., Server]) -> None:
    server = launch("--ctx-size", "512", "--auto-truncate")
    with server.client() as client:
        assert post(client).json()["usage"]["truncated_messages"] > 0
        error_of(post(client, truncation="disabled"), 400)
