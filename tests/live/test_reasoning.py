"""Thinking on a real server: the demo model thinks when its template opens the block."""

import json
from typing import Any

import httpx
import pytest

from tests.live.wire import GREEDY, chunks_of, error_of

PATH = "/v1/chat/completions"
ASK = [{"role": "user", "content": "What color is the sky?"}]
SCHEMA = {
    "type": "json_schema",
    "json_schema": {
        "name": "answer",
        "schema": {
            "type": "object",
            "properties": {"color": {"type": "string", "maxLength": 20}},
            "required": ["color"],
            "additionalProperties": False,
        },
    },
}


def ask(http: httpx.Client, **fields: Any) -> dict[str, Any]:
    response = http.post(PATH, json={"messages": ASK, **GREEDY, "max_tokens": 200, **fields})
    assert response.status_code == 200, response.text
    return response.json()


def message_of(body: dict[str, Any]) -> dict[str, Any]:
    return body["choices"][0]["message"]


def reasoning_tokens(body: dict[str, Any]) -> int:
    return body["usage"]["completion_tokens_details"]["reasoning_tokens"]


def test_thinking_is_apart_from_content_and_counted(http: httpx.Client) -> None:
    body = ask(http, enable_thinking=True)
    message = message_of(body)
    assert message["reasoning_content"].strip()
    assert message["content"] == "The sky is blue."
    assert "think>" not in message["content"] + message["reasoning_content"]
    assert 0 < reasoning_tokens(body) < body["usage"]["completion_tokens"]


@pytest.mark.parametrize(
    "switch",
    [
        {"reasoning_effort": "low"},
        {"reasoning": {"enabled": True}},
        {"reasoning": {"effort": "high"}},
        {"chat_template_kwargs": {"enable_thinking": True}},
    ],
)
def test_every_switch_turns_it_on(http: httpx.Client, switch: dict[str, Any]) -> None:
    assert message_of(ask(http, **switch))["reasoning_content"]


@pytest.mark.parametrize(
    "switch",
    [
        {},
        {"enable_thinking": False},
        {"reasoning_effort": "none"},
        {"reasoning": {"enabled": False}},
        {"reasoning": {"max_tokens": 0}},
        {"chat_template_kwargs": {"enable_thinking": False}},
    ],
)
def test_off_means_no_thinking(http: httpx.Client, switch: dict[str, Any]) -> None:
    body = ask(http, **switch)
    assert "reasoning_content" not in message_of(body)
    assert message_of(body)["content"] == "The sky is blue."
    assert reasoning_tokens(body) == 0


def test_a_template_that_always_opens_it_is_closed(http: httpx.Client) -> None:
    """As those of models that always think: here off is done by closing the block in the prompt."""
    template = (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}"
    )
    on = ask(http, instruction_template_str=template)
    assert message_of(on)["reasoning_content"]
    off = ask(http, instruction_template_str=template, enable_thinking=False)
    assert "reasoning_content" not in message_of(off)
    assert message_of(off)["content"]


def test_streamed_thinking_comes_first_and_apart(http: httpx.Client) -> None:
    body = {"messages": ASK, **GREEDY, "stream": True, "enable_thinking": True}
    thinking, content = "", ""
    for chunk in chunks_of(http.post(PATH, json=body)):
        for choice in chunk["choices"]:
            piece = choice["delta"].get("reasoning_content", "")
            assert not (piece and content), "thinking after content"
            thinking += piece
            content += choice["delta"].get("content") or ""
    whole = message_of(ask(http, enable_thinking=True))
    assert (thinking, content) == (whole["reasoning_content"], whole["content"])


@pytest.mark.parametrize("budget", [1, 3])
def test_a_budget_ends_the_thinking_and_the_answer_follows(http: httpx.Client, budget: int) -> None:
    free = ask(http, enable_thinking=True)
    assert reasoning_tokens(free) > budget + 2
    body = ask(http, reasoning={"max_tokens": budget})
    # The mark that ends it is one more, and may be several tokens.
    assert budget <= reasoning_tokens(body) < reasoning_tokens(free)
    assert message_of(body)["content"].strip()
    assert "think>" not in message_of(body)["content"]


def test_excluded_thinking_is_done_but_not_sent(http: httpx.Client) -> None:
    body = ask(http, reasoning={"enabled": True, "exclude": True})
    assert "reasoning_content" not in message_of(body)
    assert reasoning_tokens(body) > 0
    stream = {
        "messages": ASK,
        **GREEDY,
        "stream": True,
        "reasoning": {"enabled": True, "exclude": True},
    }
    assert "reasoning_content" not in http.post(PATH, json=stream).text


def test_a_schema_holds_after_the_thinking(http: httpx.Client) -> None:
    body = ask(http, enable_thinking=True, response_format=SCHEMA)
    message = message_of(body)
    assert message["reasoning_content"].strip()
    assert json.loads(message["content"]).keys() == {"color"}
    assert body["choices"][0]["finish_reason"] == "stop"


def test_a_schema_without_thinking(http: httpx.Client) -> None:
    message = message_of(ask(http, response_format=SCHEMA))
    assert json.loads(message["content"]).keys() == {"color"}


def test_a_schema_after_a_budget(http: httpx.Client) -> None:
    message = message_of(ask(http, reasoning={"max_tokens": 2}, response_format=SCHEMA))
    assert json.loads(message["content"]).keys() == {"color"}


def test_reasoning_sent_back_reaches_the_template(http: httpx.Client) -> None:
    template = "{% for m in messages %}[{{ m.role }}:{{ m.reasoning_content }}:{{ m.content }}]{% endfor %}"
    messages = [
        *ASK,
        {"role": "assistant", "content": "Blue.", "reasoning_content": "Look up."},
        {"role": "user", "content": "Why?"},
    ]
    prompt = http.post(
        "/v1/internal/chat-prompt",
        json={"messages": messages, "instruction_template_str": template},
    ).json()["prompt"]
    assert "[assistant:Look up.:Blue.]" in prompt


def test_stop_strings_end_the_answer_not_the_thinking(http: httpx.Client) -> None:
    thinking = message_of(ask(http, enable_thinking=True))["reasoning_content"]
    word = thinking.split()[0]
    body = ask(http, enable_thinking=True, stop=[word])
    assert message_of(body)["reasoning_content"] == thinking


def test_an_unknown_effort_is_refused(http: httpx.Client) -> None:
    error = error_of(http.post(PATH, json={"messages": ASK, "reasoning_effort": "lots"}), 400)
    assert error["param"] == "reasoning_effort"


def test_a_wish_that_the_template_cannot_heed_is_named(http: httpx.Client) -> None:
    plain = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n"
    body = {"messages": ASK, "max_tokens": 2, "reasoning_effort": "low"}
    response = http.post(PATH, json={**body, "instruction_template_str": plain})
    assert response.headers["x-ignored-params"] == "reasoning_effort"
    assert "x-ignored-params" not in http.post(PATH, json=body).headers
