"""A server in front of a server: what the one behind answers, the one in front answers too, word for word."""

import asyncio
import base64
import io
import json
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI, OpenAI

from tests.contract.drawings import draw_shape
from tests.live.launch import DEMO, MODEL, Server, eventually, running, spawn
from tests.live.wire import (
    COUNT,
    GREEDY,
    SKY,
    checked_chat,
    checked_chat_chunk,
    chunks_of,
    error_of,
    events_of,
    reasons_of,
    text_of,
)

CHAT, TEXT = "/v1/chat/completions", "/v1/completions"
EYES = "tiny-vision-Q8_0.gguf"
MODELS = {name: DEMO.with_name(name) for name in (DEMO.name, EYES, "tiny-vision-mmproj-F16.gguf")}
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
PARIS = [{"role": "user", "content": "What is the weather in Paris?"}]
BOB = [{"role": "user", "content": "Return JSON with the keys name and age. Bob is 41 years old."}]
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
ENDLESS = {"messages": COUNT, "ban_eos_token": True, "max_tokens": 30_000, **GREEDY}


@pytest.fixture(scope="module")
def back(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server behind, with a key and both bundled models."""
    flags = ("--model", MODEL, "--api-key", "behind", "--parallel", "16", "--max-models", "2")
    folder = tmp_path_factory.mktemp("back")
    with running(folder, *flags, models=MODELS, is_ready=False) as server:
        eventually(lambda: server.health()["model"])
        yield server


@pytest.fixture(scope="module")
def front(back: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server in front: no models of its own, and no key."""
    with running(
        tmp_path_factory.mktemp("front"), "--loader", "upstream", "--model", MODEL, "--max-models", "2",
        "--upstream-url", f"{back.url}/v1/", env={"OPENEDAI_UPSTREAM_KEY": "behind"}, models={},
    ) as server:  # fmt: skip
        yield server


@pytest.fixture(scope="module")
def direct(back: Server) -> Iterator[httpx.Client]:
    with back.client(headers={"Authorization": "Bearer behind"}) as client:
        yield client


@pytest.fixture(scope="module")
def through(front: Server) -> Iterator[httpx.Client]:
    with front.client() as client:
        yield client


CHATS: dict[str, dict[str, Any]] = {
    "plain": {"messages": SKY},
    "system": {"messages": [{"role": "system", "content": "Be brief."}, *SKY]},
    "developer": {"messages": [{"role": "developer", "content": "Be brief."}, *SKY]},
    "seed": {"messages": SKY, "temperature": 1.5, "seed": 7},
    "samplers": {"messages": COUNT, "temperature": 1.5, "seed": 7, "top_k": 5, "min_p": 0.1, "typical_p": 0.9},
    "n": {"messages": SKY, "n": 3, "seed": 3, "temperature": 1.2},
    "max": {"messages": COUNT, "max_tokens": 5},
    "max_completion": {"messages": COUNT, "max_completion_tokens": 4},
    "stop": {"messages": COUNT, "stop": ["5", "zzz"]},
    "logprobs": {"messages": SKY, "logprobs": True, "top_logprobs": 4},
    "after samplers": {"messages": SKY, "logprobs": True, "top_logprobs": 2, "top_k": 3, "temperature": 1, "seed": 1, "post_sampling_probs": True},
    "tools": {"messages": PARIS, "tools": [WEATHER]},
    "required": {"messages": SKY, "tools": [WEATHER], "tool_choice": "required", "max_tokens": 200},
    "named": {"messages": SKY, "tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "get_weather"}}, "max_tokens": 200},
    "no tools": {"messages": PARIS, "tools": [WEATHER], "tool_choice": "none"},
    "one call": {"messages": PARIS, "tools": [WEATHER], "parallel_tool_calls": False},
    "functions": {"messages": PARIS, "functions": [WEATHER["function"]]},
    "thinking": {"messages": SKY, "enable_thinking": True, "max_tokens": 200},
    "effort": {"messages": SKY, "reasoning_effort": "low", "max_tokens": 200},
    "budget": {"messages": SKY, "reasoning": {"max_tokens": 4}, "max_tokens": 200},
    "hidden": {"messages": SKY, "reasoning": {"enabled": True, "exclude": True}, "max_tokens": 200},
    "json object": {"messages": BOB, "response_format": {"type": "json_object"}},
    "json schema": {"messages": BOB, "response_format": {"type": "json_schema", "json_schema": {"name": "p", "strict": True, "schema": PERSON}}},
    "short schema": {"messages": BOB, "json_schema": PERSON},
    "regex": {"messages": SKY, "regex": "[a-f]{4}"},
    "choice": {"messages": SKY, "choice": ["red", "blue"]},
    "gbnf": {"messages": SKY, "grammar_string": 'root ::= "yes" | "no"'},
    "lark": {"messages": SKY, "response_format": {"type": "grammar", "syntax": "lark", "grammar": 'start: "<" /[xyz]{2}/ ">"'}},
    "continue": {"messages": [*SKY, {"role": "assistant", "content": "The sky is"}], "continue_": True},
    "history": {"messages": [*PARIS, {"role": "assistant", "content": None, "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'}}]}, {"role": "tool", "tool_call_id": "call_1", "content": '{"temperature": 17}'}], "tools": [WEATHER]},
    "thoughts": {"messages": [*SKY, {"role": "assistant", "content": "Blue.", "reasoning_content": "Hm."}, *SKY]},
    "mode chat": {"messages": SKY, "mode": "chat", "character": "Example", "max_tokens": 30},
    "mode chat-instruct": {"messages": SKY, "mode": "chat-instruct", "character": "Example", "max_tokens": 30},
    "character": {"messages": SKY, "character": "Example", "max_tokens": 30},
    "raw": {"messages": SKY, "skip_special_tokens": False},
    "truncated": {"messages": [{"role": "user", "content": "sky " * 900}, *SKY, *SKY, *SKY, {"role": "user", "content": "sky " * 900}], "truncation": "auto", "max_tokens": 9},
    "ignored": {"messages": SKY, "made_up": 1},
    "many stops": {"messages": COUNT, "stop": [f"x{i}" for i in range(60)], "max_tokens": 8},
}  # fmt: skip
TEXTS: dict[str, dict[str, Any]] = {
    "text": {"prompt": "Once upon a time", "max_tokens": 12},
    "empty": {"prompt": "", "max_tokens": 4},
    "ids": {"prompt": [20, 30, 40], "max_tokens": 6},
    "lists": {"prompt": ["The sky", "A cat"], "max_tokens": 6, "n": 2},
    "id lists": {"prompt": [[20, 30], [40]], "max_tokens": 6},
    "logprobs": {"prompt": "The sky is", "max_tokens": 6, "logprobs": 3},
    "named by ids": {"prompt": "The sky is", "max_tokens": 6, "logprobs": 3, "return_tokens_as_token_ids": True},
    "echo": {"prompt": "The sky is", "max_tokens": 6, "echo": True},
    "scored": {"prompt": "The sky is", "max_tokens": 0, "echo": True, "logprobs": 2},
    "scored and more": {"prompt": "The sky is é👍", "max_tokens": 5, "echo": True, "logprobs": 1},
    "scored ids": {"prompt": [20, 30, 40], "max_tokens": 2, "echo": True, "logprobs": 0},
    "best of": {"prompt": "The sky is", "max_tokens": 6, "best_of": 3, "seed": 5, "temperature": 1},
    "nothing": {"prompt": "The sky is", "max_tokens": 0},
    "no bos": {"prompt": "The sky is", "max_tokens": 5, "add_bos_token": False},
    "stop": {"prompt": "The sky is", "max_tokens": 40, "stop": "."},
    "schema": {"prompt": "JSON: ", "max_tokens": 60, "json_schema": PERSON},
    "choice": {"prompt": "Say ", "max_tokens": 60, "choice": ["red", "blue"]},
    "bans": {"prompt": "The sky is", "max_tokens": 8, "custom_token_bans": "300,301", "logit_bias": {"40": 5}},
}  # fmt: skip
OF_THIS_ANSWER = ("id", "created", "cached_tokens", "truncated_messages")


def bare(value: Any) -> Any:
    """Without what differs from answer to answer: ids, times, and what the cache had."""
    if isinstance(value, dict):
        return {k: bare(v) for k, v in value.items() if k not in OF_THIS_ANSWER}
    return [bare(each) for each in value] if isinstance(value, list) else value


def with_defaults(body: dict[str, Any]) -> dict[str, Any]:
    return {"model": MODEL, **({} if "temperature" in body else GREEDY), **body}


@pytest.mark.parametrize("name", CHATS)
def test_a_chat_is_answered_as_behind(
    direct: httpx.Client, through: httpx.Client, name: str
) -> None:
    body = with_defaults(CHATS[name])
    expected, got = direct.post(CHAT, json=body), through.post(CHAT, json=body)
    assert expected.status_code == 200, expected.text
    assert got.status_code == 200, got.text
    assert bare(got.json()) == bare(expected.json())
    assert got.headers.get("x-ignored-params") == expected.headers.get("x-ignored-params")
    checked_chat(got.json()) if "functions" not in body else None


@pytest.mark.parametrize("name", CHATS)
def test_a_streamed_chat_is_the_whole_one_in_pieces(through: httpx.Client, name: str) -> None:
    body = with_defaults(CHATS[name])
    if "seed" not in body and "temperature" in CHATS[name]:
        pytest.fail("a request of this table repeats")
    whole = through.post(CHAT, json=body).json()
    options = {"stream": True, "stream_options": {"include_usage": True}}
    response = through.post(CHAT, json={**body, **options})
    chunks = chunks_of(response)
    for chunk in chunks if "functions" not in body else ():
        checked_chat_chunk(chunk)
    assert bare(chunks[-1]["usage"]) == bare(whole["usage"])
    for choice in whole["choices"]:
        index, message = choice["index"], choice["message"]
        deltas = [c["delta"] for chunk in chunks for c in chunk["choices"] if c["index"] == index]
        assert text_of(chunks, index) == (message["content"] or "")
        thought = "".join(delta.get("reasoning_content", "") for delta in deltas)
        assert thought == message.get("reasoning_content", "")
        assert joined_calls(deltas) == [
            (call["function"]["name"], call["function"]["arguments"])
            for call in message.get("tool_calls", [])
        ]
        assert reasons_of(chunks, index) == [choice["finish_reason"]]


def joined_calls(deltas: list[dict[str, Any]]) -> list[tuple[str, str]]:
    calls: dict[int, list[str]] = {}
    for delta in deltas:
        for piece in delta.get("tool_calls", []):
            call = calls.setdefault(piece["index"], [piece["function"].get("name", ""), ""])
            call[1] += piece["function"]["arguments"]
    return [(name, arguments) for name, arguments in calls.values()]


@pytest.mark.parametrize("name", TEXTS)
def test_a_completion_is_answered_as_behind(
    direct: httpx.Client, through: httpx.Client, name: str
) -> None:
    body = with_defaults(TEXTS[name])
    expected, got = direct.post(TEXT, json=body), through.post(TEXT, json=body)
    assert expected.status_code == 200, expected.text
    assert got.status_code == 200, got.text
    assert approximate(bare(got.json())) == approximate(bare(expected.json()))
    if "best_of" in body:
        return
    streamed = [chunks_of(client.post(TEXT, json={**body, "stream": True})) for client in (direct, through)]  # fmt: skip
    for choice in expected.json()["choices"]:
        texts = {text_of(chunks, choice["index"]) for chunks in streamed}
        assert texts == {choice["text"]}


def approximate(value: Any) -> Any:
    """A prompt that is in the cache is scored anew in other batches, which rounds otherwise."""
    if isinstance(value, dict):
        return {k: approximate(v) for k, v in value.items()}
    if isinstance(value, list):
        return [approximate(each) for each in value]
    return pytest.approx(value, abs=0.05) if isinstance(value, float) else value


WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "too long": (CHAT, {"messages": [{"role": "user", "content": "sky " * 5000}]}),
    "long text": (TEXT, {"prompt": "sky " * 5000}),
    "wrong schema": (CHAT, {"messages": SKY, "json_schema": {"type": "nonsense"}}),
    "wrong grammar": (CHAT, {"messages": SKY, "grammar_string": "root ::= ("}),
    "strict tool": (CHAT, {"messages": SKY, "tools": [{"type": "function", "function": {"name": "f", "strict": True, "parameters": {"type": "object", "properties": {"a": {"type": "nonsense"}}}}}]}),
    "wrong id": (TEXT, {"prompt": [999_999]}),
    "wrong bias": (CHAT, {"messages": SKY, "logit_bias": {"999999": 1}}),
    "too hot": (CHAT, {"messages": SKY, "temperature": 99}),
    "no messages": (CHAT, {"messages": []}),
    "roles": (CHAT, {"messages": [{"role": "tool", "tool_call_id": "x", "content": "1"}], "continue_": True}),
}  # fmt: skip


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("name", WRONG)
def test_what_is_refused_behind_is_refused_in_front_with_the_same_words(
    direct: httpx.Client, through: httpx.Client, name: str, streams: bool
) -> None:
    path, fields = WRONG[name]
    body = {"model": MODEL, **fields, "stream": streams}
    expected, got = direct.post(path, json=body), through.post(path, json=body)
    assert error_of(got, expected.status_code) == error_of(expected, 400)


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        (CHAT, {"messages": SKY, "instruction_template": "ChatML"}, "instruction_template"),
        (CHAT, {"messages": SKY, "instruction_template_str": "x"}, "instruction_template_str"),
        (CHAT, {"messages": SKY, "mode": "chat", "tools": [WEATHER], "tool_choice": "required"}, "tool_choice"),
        (TEXT, {"messages": SKY}, "messages"),
        (TEXT, {"prompt": "x", "logprobs": 1, "prompt_logprobs": 1, "suffix": "y"}, "suffix"),
        ("/v1/internal/chat-prompt", {"messages": SKY}, "model"),
        ("/tokenize", {"messages": SKY}, "model"),
        ("/v1/decisions", {"input": "x", "questions": [{"instructions": "Is it?", "type": "predicate"}]}, "model"),
    ],
)  # fmt: skip
def test_what_cannot_be_passed_on_is_said(
    through: httpx.Client, path: str, body: dict[str, Any], param: str
) -> None:
    response = through.post(path, json=body)
    assert error_of(response, 400)["param"] == param, response.text


def test_the_official_client_sees_no_difference(front: Server) -> None:
    client = OpenAI(base_url=f"{front.url}/v1", api_key="any", max_retries=0)
    reply = client.chat.completions.create(model=MODEL, messages=SKY, temperature=0)
    assert reply.choices[0].message.content == "The sky is blue."
    stream = client.chat.completions.create(
        model=MODEL, messages=PARIS, tools=[WEATHER], temperature=0, stream=True
    )
    deltas = [chunk.choices[0].delta for chunk in stream if chunk.choices]
    calls = [call for delta in deltas for call in delta.tool_calls or []]
    assert calls[0].function.name == "get_weather"
    assert calls[0].id.startswith("call_")
    arguments = "".join(call.function.arguments for call in calls)
    assert json.loads(arguments) == {"city": "Paris"}
    assert len(calls) > 2


@pytest.mark.anyio
async def test_sixteen_at_once_get_what_each_gets_alone(front: Server) -> None:
    async with AsyncOpenAI(base_url=f"{front.url}/v1", api_key="any", max_retries=0) as client:
        questions = [f"Count from 1 to {number}." for number in range(5, 21)]

        async def ask(question: str, *, streams: bool) -> str:
            asked = [{"role": "user", "content": question}]
            options = {"model": MODEL, "messages": asked, "temperature": 0, "max_tokens": 60}
            if not streams:
                reply = await client.chat.completions.create(**options)
                return reply.choices[0].message.content
            parts = [c async for c in await client.chat.completions.create(**options, stream=True)]
            return "".join(part.choices[0].delta.content or "" for part in parts)

        alone = [await ask(question, streams=False) for question in questions]
        for streams in (False, True):
            together = await asyncio.gather(*(ask(each, streams=streams) for each in questions))
            assert together == alone


def test_tokens_are_counted_by_the_tokenizer_behind(
    direct: httpx.Client, through: httpx.Client
) -> None:
    text = "The sky is <|im_end|> é👍"
    for path, body in (
        ("/v1/internal/encode", {"text": text}),
        ("/v1/internal/encode", {"text": text, "add_special": False, "parse_special": False}),
        ("/v1/internal/token-count", {"text": text}),
        ("/v1/internal/decode", {"tokens": [1, 2, 300, 400], "skip_special_tokens": True}),
        ("/v1/internal/decode", {"tokens": [1, 2, 300, 400]}),
        ("/tokenize", {"content": text, "with_pieces": True}),
        ("/tokenize", {"prompt": text, "return_token_strs": True}),
        ("/detokenize", {"tokens": [300, 400, 2]}),
        ("/api/v1/token-count", {"prompt": text}),
    ):
        expected = direct.post(path, json=body)
        assert expected.status_code == 200, expected.text
        assert through.post(path, json=body).json() == expected.json()


def test_probabilities_of_the_next_token_come_from_behind(
    direct: httpx.Client, through: httpx.Client
) -> None:
    for more in ({}, {"use_samplers": True, "top_k": 5}):
        body = {"prompt": "The sky is", "top_logits": 20, **more}
        expected = direct.post("/v1/internal/logits", json=body).json()
        got = through.post("/v1/internal/logits", json=body).json()
        assert approximate(got) == approximate(expected)
        assert len(got["tokens"]) == (5 if more else 20)


def test_a_picture_goes_along(through: httpx.Client) -> None:
    file = io.BytesIO()
    draw_shape("red", "circle", "white", size=96).save(file, "PNG")
    url = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
    content = [
        {"type": "image_url", "image_url": {"url": url}},
        {"type": "text", "text": "What is in the image?"},
    ]
    body = {"model": EYES, "messages": [{"role": "user", "content": content}], **GREEDY}
    for _ in range(2):
        response = through.post(CHAT, json=body)
        assert response.status_code == 200, response.text
        said = response.json()["choices"][0]["message"]["content"]
        assert "red" in said
        assert "circle" in said
    broken = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    body["messages"] = [{"role": "user", "content": [broken]}]
    assert error_of(through.post(CHAT, json=body), 400)["code"] == "invalid_image"


def test_models_of_the_other_server_are_listed_with_what_it_tells(through: httpx.Client) -> None:
    listed = {model["id"]: model["meta"] for model in through.get("/v1/models").json()["data"]}
    assert listed[MODEL]["loader"] == "upstream"
    assert listed[MODEL]["loaded"]
    assert listed[MODEL]["context_length"] == 2048
    assert listed[EYES]["loader"] == "upstream"
    info = through.get("/v1/internal/model/info", params={"model": MODEL}).json()
    assert info["vocabulary_size"] == 1536
    assert info["chat_template_source"] is None
    assert info["memory"]["total"] == 0


def test_a_reply_is_stopped_by_its_id(front: Server, back: Server) -> None:
    with front.client() as client, client.stream("POST", CHAT, json={**ENDLESS, "max_tokens": 1900, "stream": True}) as response:  # fmt: skip
        lines = (line for line in response.iter_lines() if line.startswith("data:"))
        first = json.loads(next(lines).removeprefix("data:"))
        next(lines)
        with front.client() as other:
            answer = other.post("/v1/internal/stop-generation", json={"id": first["id"]})
        assert answer.json() == {"stopped": 1}
        *_, end, done = lines
    assert done == "data: [DONE]"
    assert json.loads(end.removeprefix("data:"))["choices"][0]["finish_reason"] == "stop"
    eventually(lambda: is_idle(back) and is_idle(front))


def is_idle(server: Server) -> bool:
    health = server.health()
    return (health["running"], health["waiting"]) == (0, 0)


@pytest.mark.parametrize("streams", [False, True])
def test_a_client_that_leaves_frees_the_slot_behind(
    front: Server, back: Server, streams: bool
) -> None:
    body = json.dumps({**ENDLESS, "max_tokens": 1900, "n": 3, "stream": streams}).encode()
    with socket.create_connection(("127.0.0.1", front.port), timeout=60) as raw:
        head = f"POST {CHAT} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        raw.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        eventually(lambda: not is_idle(back) or not is_idle(front))
    eventually(lambda: is_idle(back) and is_idle(front))


def test_counts_of_tokens_are_kept_in_front_too(front: Server, through: httpx.Client) -> None:
    def generations() -> float:
        pattern = rf'hearth_generations_total\{{model="{MODEL}"\}} (\S+)'
        found = re.search(pattern, through.get("/metrics").text)
        return float(found[1]) if found else 0.0

    before = generations()
    usage = through.post(CHAT, json={"model": MODEL, "messages": SKY, **GREEDY}).json()["usage"]
    assert usage["completion_tokens"] == 9
    assert generations() == before + 1


# -- keys, addresses, circles ------------------------------------------------------------------


def refused(folder: Any, *flags: str, port: int = 0, **options: Any) -> str:
    """What a start says that ends by itself, though the other server is asked only when this one listens already."""
    server = spawn(
        folder, "--nowebui", "--api", "--api-port", str(port), *flags, models={}, **options
    )
    try:
        eventually(lambda: server.process.poll() is not None)
    finally:
        server.end()
    assert server.process.returncode in (1, 2)
    assert "Traceback" not in server.logged
    return server.logged


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (["--loader", "upstream"], "upstream-url"),
        (["--upstream-url", "ftp://x"], "upstream_url"),
        (["--upstream-url", "http://user:secret@x/v1"], "password"),
        (["--upstream-url", "http://127.0.0.1:99999"], "not a URL"),
        (["--upstream-url", "http://127.0.0.1/v1?key=secret"], "no ?"),
        (["--upstream-url", "http://127.0.0.1", "--upstream-key", "a b"], "upstream_key"),
        (["--upstream-url", "http://127.0.0.1", "--upstream-key", ""], "empty"),
        (["--upstream-url", "http://127.0.0.1", "--upstream-params", "some"], "upstream_params"),
        (["--upstream-url", "http://127.0.0.1", "--upstream-proxy", "socks5://x"], "upstream_proxy"),
    ],
)  # fmt: skip
def test_wrong_settings_end_the_start(tmp_path: Any, flags: list[str], word: str) -> None:
    said = refused(tmp_path, *flags)
    assert word in said
    assert "secret" not in said


def test_a_wrong_key_ends_the_start_and_is_not_shown(tmp_path: Any, back: Server) -> None:
    said = refused(
        tmp_path, "--loader", "upstream", "--upstream-url", back.url, "--upstream-key", "WrongKey1"
    )
    assert "refused the key" in said
    assert "WrongKey1" not in said


def test_a_model_that_is_not_there_ends_the_start(tmp_path: Any, back: Server) -> None:
    flags = ("--loader", "upstream", "--model", "other", "--upstream-url", back.url)
    said = refused(tmp_path, *flags, env={"OPENEDAI_UPSTREAM_KEY": "behind"})
    assert "no model 'other'" in said
    assert MODEL in said


def test_a_server_that_passes_on_to_itself_says_so(tmp_path: Any) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    said = refused(tmp_path, "--loader", "upstream", "--upstream-url", url, port=port)
    assert "leads back to this server" in said


def test_requests_are_not_passed_on_twice(launch: Callable[..., Server], front: Server) -> None:
    """A circle of servers would have no end: models that the other one has from elsewhere are not listed."""
    third = launch("--upstream-url", front.url, models={"own.gguf": DEMO})
    with third.client() as client:
        assert [m["id"] for m in text_models(client)] == ["own.gguf"]
    with front.client(headers={"x-hearth-via": "somebody"}) as client:
        assert text_models(client) == []
        response = client.post(CHAT, json={"messages": SKY})
        assert error_of(response, 404)["code"] == "model_not_found"


def text_models(client: httpx.Client) -> list[dict[str, Any]]:
    listed = client.get("/v1/models").json()["data"]
    ours = [m for m in listed if m["meta"]["loader"] in ("llamacpp", "upstream")]
    return [m for m in ours if "embedding" not in m["meta"]["capabilities"]]


# -- beside models of this machine -------------------------------------------------------------


def test_models_of_both_servers_are_loaded_by_name(
    launch: Callable[..., Server], back: Server
) -> None:
    both = launch("--upstream-url", back.url, "--upstream-key", "behind", models={"own.gguf": DEMO})
    with both.client() as client:
        names = [model["id"] for model in text_models(client)]
        assert set(names) == {"own.gguf", MODEL, EYES}
        for name, loader in (("own.gguf", "llamacpp"), (MODEL, "upstream"), ("own.gguf", "llamacpp")):  # fmt: skip
            reply = client.post(CHAT, json={"model": name, "messages": SKY, **GREEDY}).json()
            assert reply["model"] == name
            assert reply["choices"][0]["message"]["content"] == "The sky is blue."
            assert client.get("/v1/internal/model/info").json()["loader"] == loader
        loaded = client.post("/v1/internal/model/load", json={"model_name": MODEL, "args": {"upstream_ctx_size": 100}})  # fmt: skip
        assert loaded.json()["context_length"] == 100


def test_of_two_with_one_name_the_file_of_this_machine_counts(
    launch: Callable[..., Server], back: Server
) -> None:
    server = launch("--upstream-url", back.url, "--upstream-key", "behind")
    with server.client() as client:
        assert client.get("/v1/internal/model/info").json()["loader"] == "llamacpp"
        metas = {m["id"]: m["meta"]["loader"] for m in text_models(client)}
        assert metas == {MODEL: "llamacpp", EYES: "upstream"}


def test_a_dead_server_leaves_the_rest_working_and_is_found_when_it_is_back(
    launch: Callable[..., Server],
) -> None:
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        front = launch("--upstream-url", f"http://127.0.0.1:{port}", models={"own.gguf": DEMO})
        client = stack.enter_context(front.client())
        assert [m["id"] for m in text_models(client)] == ["own.gguf"]
        reply = client.post(CHAT, json={"messages": SKY, "model": MODEL, **GREEDY}).json()
        assert reply["model"] == "own.gguf"  # as with any unknown name
        assert front.logged.count("lists no models") == 1
        listener.close()
        launch("--api-port", str(port))
        eventually(lambda: len(text_models(client)) == 2)
        reply = client.post(CHAT, json={"messages": SKY, "model": MODEL, **GREEDY}).json()
        assert reply["model"] == MODEL


def test_a_front_that_starts_first_waits(launch: Callable[..., Server]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    front = launch("--loader", "upstream", "--upstream-url", url, models={}, is_ready=False)
    with front.client() as client:
        assert (
            error_of(client.post(CHAT, json={"messages": SKY}), 503)["code"] == "model_not_loaded"
        )
        eventually(lambda: "tried again" in front.printed)
        launch("--api-port", str(port))
        front.wait_until_ready()
        reply = client.post(CHAT, json={"messages": SKY, **GREEDY}).json()
        assert reply["choices"][0]["message"]["content"] == "The sky is blue."


def test_a_server_that_dies_in_mid_reply_is_one_error_event(launch: Callable[..., Server]) -> None:
    behind = launch("--ctx-size", "32768")
    front = launch("--loader", "upstream", "--upstream-url", behind.url, models={})
    with front.client() as client:
        with client.stream("POST", CHAT, json={**ENDLESS, "stream": True}) as response:
            lines = response.iter_lines()
            while '"content":"1' not in next(lines):
                pass
            behind.process.kill()
            rest = "\n".join(["", *lines, ""])
        *_, last = [json.loads(each) for each in events_of(rest.lstrip("\n") + "\n")]
        assert set(last) == {"error"}
        assert last["error"]["code"] == "upstream_broken"
        response = client.post(CHAT, json={"messages": SKY})
        assert error_of(response, 503)["code"] == "upstream_unreachable"
        assert int(response.headers["retry-after"]) >= 1
        assert front.health()["running"] == 0


def test_tls_is_checked(
    launch: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory
) -> None:
    import trustme

    authority, folder = trustme.CA(), tmp_path_factory.mktemp("tls")
    issued = authority.issue_cert("localhost", "127.0.0.1")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    key, cert = str(folder / "key.pem"), str(folder / "cert.pem")
    behind = launch("--ssl-keyfile", key, "--ssl-certfile", cert)
    flags = ("--loader", "upstream", "--upstream-url", behind.url)
    trusting = launch(*flags, models={}, env={"SSL_CERT_FILE": str(folder / "ca.pem")})
    with trusting.client() as client:
        chunks = chunks_of(client.post(CHAT, json={"messages": SKY, "stream": True, **GREEDY}))
        assert text_of(chunks) == "The sky is blue."
    wary = launch(*flags, models={}, is_ready=False)
    eventually(lambda: "certificate is not trusted" in wary.printed)
