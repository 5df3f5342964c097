"""POST /v1/chat/completions on a real server, judged by the official client's types."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI, BadRequestError, OpenAI

from tests.live.launch import MODEL, Server
from tests.live.wire import (
    COUNT,
    GREEDY,
    SKY,
    checked_chat,
    checked_chat_chunk,
    chunks_of,
    error_of,
    reasons_of,
    text_of,
)

PATH = "/v1/chat/completions"
QUESTIONS = [
    "What color is the sky?",
    "Hello!",
    "Count from 1 to 9.",
    "Count from 3 to 12.",
    "Tell me a story.",
    "Repeat after me: winter market",
    "What is your name?",
    "Count from 5 to 1.",
]


def chat(http: httpx.Client, messages: list[dict[str, Any]] = SKY, **fields: Any) -> dict[str, Any]:
    response = http.post(PATH, json={"messages": messages, **GREEDY, **fields})
    assert response.status_code == 200, response.text
    checked_chat(response.json())
    return response.json()


def stream(
    http: httpx.Client, messages: list[dict[str, Any]] = SKY, **fields: Any
) -> list[dict[str, Any]]:
    body = {"messages": messages, **GREEDY, "stream": True, **fields}
    chunks = chunks_of(http.post(PATH, json=body))
    for chunk in chunks:
        checked_chat_chunk(chunk)
    return chunks


def test_answer_has_text_reason_and_usage(http: httpx.Client) -> None:
    body = chat(http)
    assert body["choices"][0]["message"]["content"] == "The sky is blue."
    assert body["choices"][0]["finish_reason"] == "stop"
    assert body["model"] == MODEL
    usage = body["usage"]
    assert usage["prompt_tokens"] == _prompt_tokens(http, SKY)
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert 0 <= usage["prompt_tokens_details"]["cached_tokens"] < usage["prompt_tokens"]
    assert usage["completion_tokens_details"]["reasoning_tokens"] == 0


def _prompt_tokens(http: httpx.Client, messages: list[dict[str, Any]]) -> int:
    prompt = http.post("/v1/internal/chat-prompt", json={"messages": messages}).json()["prompt"]
    return http.post("/v1/internal/token-count", json={"text": prompt}).json()["length"]


def test_usage_counts_the_tokens_of_the_text(http: httpx.Client) -> None:
    body = chat(http)
    text = body["choices"][0]["message"]["content"]
    encoded = http.post("/v1/internal/encode", json={"text": text, "add_special": False}).json()
    # One more: the token that ended the reply.
    assert body["usage"]["completion_tokens"] == encoded["length"] + 1


@pytest.mark.parametrize("question", QUESTIONS)
def test_streamed_equals_whole(http: httpx.Client, question: str) -> None:
    messages = [{"role": "user", "content": question}]
    whole = chat(http, messages, max_tokens=60)
    chunks = stream(http, messages, max_tokens=60)
    assert text_of(chunks) == whole["choices"][0]["message"]["content"]
    assert reasons_of(chunks) == [whole["choices"][0]["finish_reason"]]


def test_stream_opens_with_the_role_and_ends_with_the_reason(http: httpx.Client) -> None:
    chunks = stream(http)
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert all("role" not in chunk["choices"][0]["delta"] for chunk in chunks[1:])
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert all(chunk["choices"][0]["finish_reason"] is None for chunk in chunks[:-1])
    assert len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in chunks}) == 1
    assert all("usage" not in chunk for chunk in chunks)


def test_stream_comes_token_by_token(http: httpx.Client) -> None:
    chunks = stream(http, COUNT, max_tokens=20)
    assert len([chunk for chunk in chunks if chunk["choices"][0]["delta"].get("content")]) > 10


@pytest.mark.parametrize("path", [PATH, "/v1/completions", "/v1/generate"])
def test_clients_that_split_at_every_kind_of_line_end_read_whole_events(
    http: httpx.Client, path: str
) -> None:
    """httpx and Python's splitlines end a line at characters that JSON leaves as they are."""
    said = "a\u2028b\u2029c\x85d\x0b\x0c\x1c\re"
    prompt = {"messages": SKY} if path == PATH else {"prompt": "a"}
    body = {**prompt, "choice": [said], "stream": True, "max_tokens": 200}
    with http.stream("POST", path, json=body) as response:
        lines = [line for line in response.iter_lines() if line]
    assert lines.pop() == "data: [DONE]"
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines]
    choices = [(chunk.get("choices") or chunk["data"])[0] for chunk in chunks]
    pieces = [c["text"] if "text" in c else c["delta"].get("content") or "" for c in choices]
    assert "".join(pieces) == said


def test_usage_chunk_is_the_last_and_has_no_choices(http: httpx.Client) -> None:
    whole = chat(http)
    *before, last = stream(http, stream_options={"include_usage": True})
    assert last["choices"] == []
    for count in ("prompt_tokens", "completion_tokens", "total_tokens"):
        assert last["usage"][count] == whole["usage"][count]
    assert all("usage" in chunk and chunk["usage"] is None for chunk in before)
    assert {"id", "object", "created", "model"} <= set(last)


def test_usage_chunk_is_not_sent_unasked(http: httpx.Client) -> None:
    for options in (None, {}, {"include_usage": None}, {"include_usage": False}):
        assert all(chunk["choices"] for chunk in stream(http, stream_options=options))


@pytest.mark.parametrize("limit", [1, 2, 5, 20])
def test_length_ends_after_exactly_that_many_tokens(http: httpx.Client, limit: int) -> None:
    body = chat(http, COUNT, max_tokens=limit)
    assert body["choices"][0]["finish_reason"] == "length"
    assert body["usage"]["completion_tokens"] == limit
    chunks = stream(http, COUNT, max_tokens=limit, stream_options={"include_usage": True})
    assert reasons_of(chunks) == ["length"]
    assert chunks[-1]["usage"]["completion_tokens"] == limit


def test_a_reply_of_exactly_max_tokens_that_ended_says_stop(http: httpx.Client) -> None:
    tokens = chat(http)["usage"]["completion_tokens"]
    exact = chat(http, max_tokens=tokens)
    assert exact["choices"][0]["finish_reason"] == "stop"
    assert exact["choices"][0]["message"]["content"] == "The sky is blue."
    short = chat(http, max_tokens=tokens - 1)
    assert short["choices"][0]["finish_reason"] == "length"


def test_max_completion_tokens_wins(http: httpx.Client) -> None:
    body = chat(http, COUNT, max_tokens=9, max_completion_tokens=4)
    assert body["usage"]["completion_tokens"] == 4


def test_without_a_limit_a_long_reply_says_length_only_at_the_end_of_the_context(
    http: httpx.Client,
) -> None:
    messages = [{"role": "user", "content": "sky " * 900}]
    body = chat(http, messages, ban_eos_token=True)
    assert body["choices"][0]["finish_reason"] == "length"
    context_length = http.get("/v1/internal/model/info").json()["context_length"]
    assert body["usage"]["total_tokens"] in (context_length, context_length + 1)


@pytest.mark.parametrize(
    ("stop", "text"),
    [
        ("blue", "The sky is "),
        (["blue"], "The sky is "),
        ([" is", "blue"], "The sky"),
        ("ky is b", "The s"),
        (["The"], ""),
        (["nowhere", ""], "The sky is blue."),
        ([], "The sky is blue."),
    ],
)
def test_stop_strings_end_the_reply_and_are_not_part_of_it(
    http: httpx.Client, stop: Any, text: str
) -> None:
    whole = chat(http, stop=stop)
    assert whole["choices"][0]["message"]["content"] == text
    assert whole["choices"][0]["finish_reason"] == "stop"
    chunks = stream(http, stop=stop)
    assert text_of(chunks) == text
    assert reasons_of(chunks) == ["stop"]


def test_sixteen_at_once_equal_one_at_a_time(server: Server, http: httpx.Client) -> None:
    asked = [[{"role": "user", "content": question}] for question in QUESTIONS * 2]
    alone = [chat(http, messages, max_tokens=40) for messages in asked[: len(QUESTIONS)]] * 2

    def ask(messages: list[dict[str, Any]]) -> dict[str, Any]:
        with server.client() as client:
            return chat(client, messages, max_tokens=40)

    with ThreadPoolExecutor(len(asked)) as pool:
        together = list(pool.map(ask, asked))
    for one, other in zip(alone, together, strict=True):
        assert other["choices"] == one["choices"]
        assert other["usage"]["completion_tokens"] == one["usage"]["completion_tokens"]
        assert other["usage"]["prompt_tokens"] == one["usage"]["prompt_tokens"]


def test_n_replies_have_indices_and_count_the_prompt_once(http: httpx.Client) -> None:
    one = chat(http, seed=7, temperature=2.0, max_tokens=8)
    body = chat(http, seed=7, temperature=2.0, max_tokens=8, n=4, ban_eos_token=True)
    assert [choice["index"] for choice in body["choices"]] == [0, 1, 2, 3]
    assert len({choice["message"]["content"] for choice in body["choices"]}) > 1
    assert body["usage"]["prompt_tokens"] == one["usage"]["prompt_tokens"]
    assert body["usage"]["completion_tokens"] == 4 * 8


def test_n_replies_stream_side_by_side(http: httpx.Client) -> None:
    fields = {"seed": 7, "temperature": 2.0, "max_tokens": 12, "n": 3}
    whole = chat(http, **fields)
    chunks = stream(http, **fields, stream_options={"include_usage": True})
    for choice in whole["choices"]:
        assert text_of(chunks, choice["index"]) == choice["message"]["content"]
        assert reasons_of(chunks, choice["index"]) == [choice["finish_reason"]]
    assert chunks[-1]["usage"]["completion_tokens"] == whole["usage"]["completion_tokens"]
    assert chunks[-1]["choices"] == []


def test_a_seed_repeats_the_reply(http: httpx.Client) -> None:
    fields = {"temperature": 3.0, "max_tokens": 16, "ban_eos_token": True}
    first = chat(http, seed=11, **fields)["choices"]
    assert chat(http, seed=11, **fields)["choices"] == first
    others = [chat(http, seed=seed, **fields)["choices"] for seed in (12, 13, 14)]
    assert any(other != first for other in others)
    unseeded = [chat(http, **fields)["choices"] for _ in range(4)]
    assert any(other != unseeded[0] for other in unseeded)


def test_logit_bias_forces_and_bans(http: httpx.Client) -> None:
    token = http.post("/v1/internal/encode", json={"text": "7", "add_special": False}).json()
    (seven,) = token["tokens"]
    forced = chat(http, max_tokens=3, logit_bias={str(seven): 100})
    assert forced["choices"][0]["message"]["content"] == "777"
    (the, *_) = http.post(
        "/v1/internal/encode", json={"text": "The sky", "add_special": False}
    ).json()["tokens"]
    banned = chat(http, logit_bias={str(the): -100})
    assert not banned["choices"][0]["message"]["content"].startswith("The")


def test_logprobs_cover_every_token(http: httpx.Client) -> None:
    body = chat(http, logprobs=True, top_logprobs=3)
    content = body["choices"][0]["logprobs"]["content"]
    assert b"".join(bytes(token["bytes"]) for token in content).decode() == "The sky is blue."
    for token in content:
        assert bytes(token["bytes"]).decode() == token["token"]
        assert token["logprob"] <= 0
        assert len(token["top_logprobs"]) == 3
        tops = [top["logprob"] for top in token["top_logprobs"]]
        assert tops == sorted(tops, reverse=True)
        assert token["top_logprobs"][0]["token"] == token["token"]  # greedy
        assert token["top_logprobs"][0]["logprob"] == token["logprob"]


def test_logprobs_without_alternatives(http: httpx.Client) -> None:
    content = chat(http, logprobs=True)["choices"][0]["logprobs"]["content"]
    assert content
    assert all(token["top_logprobs"] == [] for token in content)
    assert chat(http)["choices"][0]["logprobs"] is None


def test_streamed_logprobs_equal_whole(http: httpx.Client) -> None:
    whole = chat(http, COUNT, logprobs=True, top_logprobs=2, max_tokens=20, stop="9")
    chunks = stream(http, COUNT, logprobs=True, top_logprobs=2, max_tokens=20, stop="9")
    streamed = [
        token
        for chunk in chunks
        for token in (chunk["choices"][0]["logprobs"] or {"content": []})["content"]
    ]
    expected = whole["choices"][0]["logprobs"]["content"]
    assert [token["token"] for token in streamed] == [token["token"] for token in expected]
    for mine, other in zip(streamed, expected, strict=True):
        assert mine["logprob"] == pytest.approx(other["logprob"], abs=1e-2)


def test_json_object_is_json(http: httpx.Client) -> None:
    body = chat(
        http, response_format={"type": "json_object"}, max_tokens=300, temperature=1, seed=3
    )
    if body["choices"][0]["finish_reason"] == "stop":
        assert isinstance(json.loads(body["choices"][0]["message"]["content"]), dict)
    assert body["choices"][0]["message"]["content"].lstrip().startswith("{")


SCHEMA = {
    "type": "object",
    "properties": {
        "color": {"enum": ["red", "green", "blue"]},
        "count": {"type": "integer", "minimum": 1, "maximum": 3},
        "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}, "minItems": 1, "maxItems": 2},
    },
    "required": ["color", "count", "tags"],
    "additionalProperties": False,
    "$defs": {"tag": {"type": "string", "pattern": "^[a-c]{2}$"}},
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_json_schema_is_obeyed(http: httpx.Client, question: str) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "s", "strict": True, "schema": SCHEMA}}
    messages = [{"role": "user", "content": question}]
    fields = {"response_format": wanted, "max_tokens": 200}
    whole = chat(http, messages, **fields)
    value = json.loads(whole["choices"][0]["message"]["content"])
    assert set(value) == {"color", "count", "tags"}
    assert value["color"] in ("red", "green", "blue")
    assert value["count"] in (1, 2, 3)
    assert 1 <= len(value["tags"]) <= 2
    assert all(len(tag) == 2 and set(tag) <= set("abc") for tag in value["tags"])
    assert whole["choices"][0]["finish_reason"] == "stop"
    assert text_of(stream(http, messages, **fields)) == whole["choices"][0]["message"]["content"]


@pytest.mark.parametrize(
    ("format_", "param"),
    [
        ({"type": "json_schema"}, "response_format.json_schema"),
        (
            {"type": "json_schema", "json_schema": {"schema": {"type": "nonsense"}}},
            "response_format",
        ),
        (
            {"type": "json_schema", "json_schema": {"schema": {"$ref": "#/$defs/none"}}},
            "response_format",
        ),
        ({"type": "json_schema", "json_schema": {"schema": False}}, "response_format"),
        ({"type": "xml"}, "response_format.type"),
        ("json", "response_format"),
    ],
)
@pytest.mark.parametrize("streams", [False, True])
def test_a_wrong_response_format_is_refused_with_the_reason(
    http: httpx.Client, format_: Any, param: str, streams: bool
) -> None:
    body = {"messages": SKY, "response_format": format_, "stream": streams}
    error = error_of(http.post(PATH, json=body), 400)
    assert error["param"].startswith(param)
    assert len(error["message"]) > 20


def test_a_grammar_is_obeyed(http: httpx.Client) -> None:
    for seed in range(4):
        body = chat(http, grammar_string='root ::= "yes" | "no"', temperature=2, seed=seed)
        assert body["choices"][0]["message"]["content"] in ("yes", "no")
        assert body["choices"][0]["finish_reason"] == "stop"


def test_grammar_and_format_exclude_each_other(http: httpx.Client) -> None:
    fields = {"grammar_string": 'root ::= "a"', "response_format": {"type": "json_object"}}
    error = error_of(http.post(PATH, json={"messages": SKY, **fields}), 400)
    assert error["param"] == "grammar_string"


def test_continue_goes_on_with_the_last_message(http: httpx.Client) -> None:
    messages = [*SKY, {"role": "assistant", "content": "The sky is"}]
    assert chat(http, messages, continue_=True)["choices"][0]["message"]["content"] == " blue."
    prompt = http.post(
        "/v1/internal/chat-prompt", json={"messages": messages, "continue_": True}
    ).json()["prompt"]
    assert prompt.endswith("The sky is")


def test_continue_keeps_the_white_space(http: httpx.Client) -> None:
    messages = [*SKY, {"role": "assistant", "content": "  The \n "}]
    prompt = http.post(
        "/v1/internal/chat-prompt", json={"messages": messages, "continue_": True}
    ).json()["prompt"]
    assert prompt.endswith("  The \n ")


def test_continue_needs_a_message_of_the_assistant(http: httpx.Client) -> None:
    error = error_of(http.post(PATH, json={"messages": SKY, "continue_": True}), 400)
    assert error["param"] == "continue_"


def test_the_developer_is_a_system_role(http: httpx.Client) -> None:
    def prompt_of(role: str) -> str:
        messages = [{"role": role, "content": "Speak low."}, *SKY]
        return http.post("/v1/internal/chat-prompt", json={"messages": messages}).json()["prompt"]

    assert prompt_of("developer") == prompt_of("system")
    assert "Speak low." in prompt_of("system")


def test_content_parts_are_joined(http: httpx.Client) -> None:
    parts = [{"type": "text", "text": "What color "}, {"type": "text", "text": "is the sky?"}]
    body = chat(http, [{"role": "user", "content": parts}])
    assert body["choices"][0]["message"]["content"] == "The sky is blue."


def test_pictures_are_refused_by_a_text_model(http: httpx.Client) -> None:
    parts = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]
    error = error_of(http.post(PATH, json={"messages": [{"role": "user", "content": parts}]}), 400)
    assert error["param"] == "messages[0].content[0].image_url"


def test_messages_keep_their_order(http: httpx.Client) -> None:
    messages = [
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "two"},
        {"role": "user", "content": "three"},
        {"role": "system", "content": "four"},
    ]
    prompt = http.post("/v1/internal/chat-prompt", json={"messages": messages}).json()["prompt"]
    places = [prompt.index(word) for word in ("one", "two", "three", "four")]
    assert places == sorted(places)
    assert all(prompt.count(word) == 1 for word in ("one", "two", "three", "four"))


@pytest.mark.parametrize("streams", [False, True])
def test_a_prompt_that_does_not_fit_is_refused_with_both_numbers(
    http: httpx.Client, streams: bool
) -> None:
    messages = [{"role": "user", "content": "sky " * 3000}]
    response = http.post(PATH, json={"messages": messages, "stream": streams})
    error = error_of(response, 400)
    assert error["code"] == "context_length_exceeded"
    assert error["param"] == "messages"
    assert "2048" in error["message"]
    assert str(_prompt_tokens(http, messages)) in error["message"]


def test_zero_max_tokens_is_not_without_limit(http: httpx.Client) -> None:
    error = error_of(http.post(PATH, json={"messages": SKY, "max_tokens": 0}), 400)
    assert error["param"] == "max_tokens"


def test_the_sync_client_reads_everything(server: Server) -> None:
    with OpenAI(api_key="none", base_url=server.url + "/v1", max_retries=0) as client:
        answer = client.chat.completions.create(model="x", messages=SKY, temperature=0)
        assert answer.choices[0].message.content == "The sky is blue."
        with client.chat.completions.create(
            model="x",
            messages=SKY,
            temperature=0,
            stream=True,
            stream_options={"include_usage": True},
        ) as chunks:
            received = list(chunks)
        text = "".join(c.delta.content or "" for chunk in received for c in chunk.choices)
        assert text == "The sky is blue."
        assert received[-1].usage is not None
        assert received[-1].usage.completion_tokens == answer.usage.completion_tokens
        with pytest.raises(BadRequestError) as refused:
            client.chat.completions.create(model="x", messages=SKY, temperature=99)
        assert refused.value.param == "temperature"


def test_the_client_parses_structured_replies(server: Server) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "s", "strict": True, "schema": SCHEMA}}
    with (
        OpenAI(api_key="none", base_url=server.url + "/v1", max_retries=0) as client,
        client.chat.completions.stream(
            model="x", messages=SKY, temperature=0, response_format=wanted
        ) as events,
    ):
        for _ in events:
            pass
        final = events.get_final_completion()
    assert json.loads(final.choices[0].message.content)["color"] in ("red", "green", "blue")


@pytest.mark.anyio
async def test_the_async_client_reads_everything(server: Server) -> None:
    async with AsyncOpenAI(api_key="none", base_url=server.url + "/v1", max_retries=0) as client:
        answer = await client.chat.completions.create(model="x", messages=SKY, temperature=0)
        assert answer.choices[0].message.content == "The sky is blue."
        chunks = await client.chat.completions.create(
            model="x", messages=SKY, temperature=0, stream=True
        )
        text = "".join([c.choices[0].delta.content or "" async for c in chunks])
        assert text == "The sky is blue."
