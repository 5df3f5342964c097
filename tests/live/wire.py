"""Reads what the server sends, strictly: anything that an official client would stumble over fails here."""

import json
from typing import Any

import httpx
from openai.types import Completion
from openai.types.chat import ChatCompletion, ChatCompletionChunk

SKY = [{"role": "user", "content": "What color is the sky?"}]
COUNT = [{"role": "user", "content": "Count from 1 to 30."}]
GREEDY = {"temperature": 0}


def error_of(response: httpx.Response, status: int) -> dict[str, Any]:
    """The error of a refused request: OpenAI's shape, all four keys, nothing beside them."""
    assert response.status_code == status, (response.status_code, response.text[:500])
    assert response.headers["content-type"].startswith("application/json")
    body = response.json()
    assert set(body) == {"error"}
    error = body["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert isinstance(error["message"], str)
    assert error["message"]
    assert isinstance(error["type"], str)
    assert error["param"] is None or isinstance(error["param"], str)
    assert error["code"] is None or isinstance(error["code"], str)
    return error


def events_of(text: str) -> list[str]:
    """The data of each event. Nothing but data, comments and blank lines may be there."""
    assert text.endswith("\n\n"), text[-80:]
    found: list[str] = []
    for block in text.split("\n\n")[:-1]:
        lines = [line for line in block.split("\n") if not line.startswith(":")]
        assert len(lines) <= 1, block
        for line in lines:
            assert line.startswith("data: "), block
            found.append(line.removeprefix("data: "))
    return found


def chunks_of(response: httpx.Response) -> list[dict[str, Any]]:
    """The chunks of a stream that ended well."""
    assert response.status_code == 200, response.text[:500]
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["x-accel-buffering"] == "no"
    *data, done = events_of(response.text)
    assert done == "[DONE]"
    return [json.loads(each) for each in data]


def checked_chat(body: dict[str, Any]) -> ChatCompletion:
    _check_head(body, "chat.completion", "chatcmpl-")
    for choice in body["choices"]:
        assert {"index", "message", "logprobs", "finish_reason"} <= set(choice)
        assert choice["finish_reason"] in ("stop", "length", "tool_calls")
        assert choice["message"]["role"] == "assistant"
    return ChatCompletion.model_validate(body, strict=True)


def checked_chat_chunk(body: dict[str, Any]) -> ChatCompletionChunk:
    _check_head(body, "chat.completion.chunk", "chatcmpl-")
    for choice in body["choices"]:
        assert {"index", "delta", "finish_reason"} <= set(choice)
        assert choice["finish_reason"] in (None, "stop", "length", "tool_calls")
        assert isinstance(choice["delta"], dict)
    return ChatCompletionChunk.model_validate(body, strict=True)


def checked_completion(body: dict[str, Any]) -> Completion:
    """A whole completion; also a chunk of one, which has the same shape and no reason yet."""
    _check_head(body, "text_completion", "cmpl-")
    for choice in body["choices"]:
        assert {"index", "text", "logprobs", "finish_reason"} <= set(choice)
        assert choice["finish_reason"] in (None, "stop", "length", "tool_calls")
    typed = [_as_the_client_has_it(choice) for choice in body["choices"]]
    return Completion.model_validate(body | {"choices": typed}, strict=True)


def _as_the_client_has_it(choice: dict[str, Any]) -> dict[str, Any]:
    """The client's type knows no chunk without a reason, and no null for the first token of an echoed prompt."""
    logprobs = choice["logprobs"]
    if logprobs is not None:
        empty = {"token_logprobs": 0.0, "top_logprobs": {}}
        logprobs = logprobs | {
            column: [other if value is None else value for value in logprobs[column]]
            for column, other in empty.items()
        }
    return choice | {"logprobs": logprobs, "finish_reason": choice["finish_reason"] or "stop"}


def _check_head(body: dict[str, Any], kind: str, prefix: str) -> None:
    assert {"id", "object", "created", "model", "choices"} <= set(body)
    assert body["object"] == kind
    assert body["id"].startswith(prefix)
    assert len(body["id"]) > len(prefix)
    assert isinstance(body["created"], int)
    assert body["created"] > 1_700_000_000
    assert isinstance(body["model"], str)
    assert body["model"]


def text_of(chunks: list[dict[str, Any]], index: int = 0) -> str:
    """The text of one reply of a stream, chat or completion."""
    parts = [c for chunk in chunks for c in chunk["choices"] if c["index"] == index]
    return "".join(
        (part["delta"].get("content") or "") if "delta" in part else part["text"] for part in parts
    )


def reasons_of(chunks: list[dict[str, Any]], index: int = 0) -> list[str]:
    reasons = [
        c["finish_reason"] for chunk in chunks for c in chunk["choices"] if c["index"] == index
    ]
    return [reason for reason in reasons if reason is not None]
