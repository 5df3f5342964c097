"""Servers of other makes, and servers that fail: what becomes of their answers, and what they are asked."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from starlette.responses import JSONResponse, Response, StreamingResponse

from tests.live.fake_upstream import (
    FakeUpstream,
    chunk,
    error,
    failing,
    fake_upstream,
    saying,
    streaming,
)
from tests.live.launch import Server, eventually, running
from tests.live.wire import SKY, checked_chat, chunks_of, error_of, events_of, text_of

CHAT, TEXT = "/v1/chat/completions", "/v1/completions"
KEY = "sk-very-secret-key"
GRAMMAR = 'root ::= "a"'


@pytest.fixture(scope="module")
def fakes() -> Iterator[FakeUpstream]:
    with fake_upstream() as fake:
        yield fake


@pytest.fixture
def fake(fakes: FakeUpstream) -> FakeUpstream:
    fakes.seen.clear()
    return fakes


@pytest.fixture(scope="module")
def front(fakes: FakeUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """In front of a server that nothing is known of. The proxy of the environment is not to be asked."""
    with running(
        tmp_path_factory.mktemp("front"), "--loader", "upstream", "--upstream-url", fakes.url,
        "--upstream-timeout-s", "1.5", "--verbose", "--api-keep-alive-s", "60", models={},
        env={"OPENEDAI_UPSTREAM_KEY": KEY, "HTTP_PROXY": "http://127.0.0.1:9", "ALL_PROXY": "http://127.0.0.1:9"},
    ) as server:  # fmt: skip
        yield server
        assert KEY not in server.logged + server.printed


@pytest.fixture(scope="module")
def client(front: Server) -> Iterator[httpx.Client]:
    with front.client() as client:
        yield client


def ask(client: httpx.Client, **fields: Any) -> dict[str, Any]:
    response = client.post(CHAT, json={"messages": SKY, **fields})
    assert response.status_code == 200, response.text
    return response.json()


# -- answers in other forms --------------------------------------------------------------------


def test_a_plain_server_is_asked_with_openais_fields_only(
    client: httpx.Client, fake: FakeUpstream
) -> None:
    fake.script = saying("ok")
    response = client.post(
        CHAT, json={"messages": SKY, "temperature": 1, "top_k": 5, "seed": 3, "max_tokens": 9}
    )
    assert response.headers["x-ignored-params"] == "top_k"
    path, headers, body = fake.seen[-1]
    assert path == CHAT
    assert body == {
        "model": "fake", "messages": SKY, "temperature": 1, "seed": 3, "max_tokens": 9,
        "stream": True, "stream_options": {"include_usage": True},
    }  # fmt: skip
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["accept-encoding"] == "identity"
    assert "cookie" not in headers


def test_what_is_not_said_is_left_to_the_other_server(
    client: httpx.Client, fake: FakeUpstream
) -> None:
    fake.script = saying("ok")
    ask(client)
    assert set(fake.last_body) == {"model", "messages", "stream", "stream_options"}


def test_fields_without_a_place_there_are_named(client: httpx.Client, fake: FakeUpstream) -> None:
    fake.script = saying("ok")
    for fields in (
        {"enable_thinking": True},
        {"reasoning": {"max_tokens": 5}},
        {"truncation": "auto"},
        {"skip_special_tokens": False},
        {"chat_template_kwargs": {"a": 1}},
    ):
        response = client.post(CHAT, json={"messages": SKY, **fields})
        assert response.headers["x-ignored-params"] == next(iter(fields))


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"regex": "a"}, "regex"),
        ({"grammar_string": 'root ::= "a"'}, "grammar_string"),
        ({"choice": ["a", "b"]}, "choice"),
        ({"post_sampling_probs": True, "logprobs": True}, "post_sampling_probs"),
        ({"messages": [*SKY, {"role": "assistant", "content": "T"}], "continue_": True}, "continue_"),
    ],
)  # fmt: skip
def test_what_would_change_the_reply_is_refused(
    client: httpx.Client, fake: FakeUpstream, fields: dict[str, Any], param: str
) -> None:
    response = client.post(CHAT, json={"messages": SKY, **fields})
    assert error_of(response, 400)["param"] == param
    assert not fake.seen


def test_openais_formats_go_on_as_they_came(client: httpx.Client, fake: FakeUpstream) -> None:
    fake.script = saying("{}")
    schema = {"type": "object", "properties": {"a": {"enum": [None, "x"], "default": None}}}
    wanted = {"type": "json_schema", "json_schema": {"name": "n", "strict": False, "schema": schema}}  # fmt: skip
    ask(client, response_format=wanted)
    assert fake.last_body["response_format"] == wanted
    ask(client, response_format={"type": "json_object"})
    assert fake.last_body["response_format"] == {"type": "json_object"}
    ask(client, json_schema=schema)
    assert fake.last_body["response_format"]["json_schema"]["schema"] == schema


def test_schemas_with_numbers_of_any_length_go_along(
    client: httpx.Client, fake: FakeUpstream
) -> None:
    fake.script = saying("ok")
    schema = {"type": "object", "properties": {"\ud800": {"maximum": 10**40}}}
    tools = [{"type": "function", "function": {"name": "f", "parameters": schema}}]
    data = json.dumps({"messages": SKY, "tools": tools})
    response = client.post(CHAT, content=data, headers={"Content-Type": "application/json"})
    assert response.status_code == 200, response.text
    sent = fake.last_body["tools"][0]["function"]["parameters"]
    assert sent["properties"] == schema["properties"]


def test_a_server_without_a_tokenizer_cannot_count(
    client: httpx.Client, fake: FakeUpstream
) -> None:
    fake.script = saying("ok")
    for path, body in (
        ("/v1/internal/token-count", {"text": "a"}),
        ("/v1/internal/decode", {"tokens": [1]}),
        (TEXT, {"prompt": [1, 2], "echo": True}),
    ):
        found = error_of(client.post(path, json=body), 400)
        assert "no /tokenize" in found["message"]
    assert not fake.seen


def test_usage_is_counted_in_pieces_where_none_is_told(
    client: httpx.Client, fake: FakeUpstream
) -> None:
    fake.script = streaming(*(chunk({"content": c}) for c in "abc"), chunk(reason="length"))
    body = ask(client)
    assert body["choices"][0]["message"]["content"] == "abc"
    assert body["choices"][0]["finish_reason"] == "length"
    assert body["usage"]["completion_tokens"] == 3


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_thinking_is_read_under_both_names(
    client: httpx.Client, fake: FakeUpstream, name: str
) -> None:
    fake.script = streaming(
        chunk({name: "Hm"}), chunk({name: "."}), chunk({"content": "Yes."}), chunk(reason="stop")
    )
    message = ask(client)["choices"][0]["message"]
    assert (message["reasoning_content"], message["content"]) == ("Hm.", "Yes.")


CALL = {"function": {"name": "f", "arguments": '{"a": 1}'}}
CUT = [
    {"index": 0, "id": "call_x", "type": "function", "function": {"name": "f", "arguments": ""}},
    {"index": 0, "function": {"arguments": '{"a":'}},
    {"index": 0, "function": {"arguments": " 1}"}},
]


@pytest.mark.parametrize(
    ("pieces", "ids"),
    [
        ([CUT[:1], CUT[1:2], CUT[2:]], ["call_x"]),
        ([CUT], ["call_x"]),
        ([[CALL]], [None]),
        ([[{**CALL, "id": "a"}, {**CALL, "id": "b"}]], ["a", "b"]),
        ([[{**CALL, "index": 0, "id": "a"}], [{**CALL, "index": 0, "id": "b"}]], ["a", "b"]),
        ([[{**CALL, "index": "0", "id": "a"}], [{**CALL, "index": "1", "id": "b"}]], ["a", "b"]),
        ([[CALL], [CALL]], [None, None]),
        ([[{"function": {"name": "f", "arguments": {"a": 1}}}]], [None]),
        ([[{"id": "a", "function": {"name": "f"}}], [{"function": {"arguments": '{"a": 1}'}}]], ["a"]),
        ([[{"index": 7, "id": "", "function": {"name": "f", "arguments": '{"a": 1}'}}]], [None]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("streams", [False, True])
def test_calls_are_read_however_they_are_cut_and_numbered(
    client: httpx.Client, fake: FakeUpstream, pieces: Any, ids: list[str | None], streams: bool
) -> None:
    fake.script = streaming(
        *(chunk({"tool_calls": piece}) for piece in pieces), chunk(reason="stop")
    )
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    if streams:
        response = client.post(CHAT, json={"messages": SKY, "tools": tools, "stream": True})
        found: dict[int, dict[str, Any]] = {}
        for each in chunks_of(response):
            for call in each["choices"][0]["delta"].get("tool_calls", []):
                known = found.setdefault(call["index"], {"function": {"arguments": ""}})
                known["function"]["arguments"] += call["function"].pop("arguments")
                known["function"] |= call.pop("function")
                known |= call
        calls = [found[index] for index in range(len(found))]
    else:
        body = ask(client, tools=tools)
        checked_chat(body)
        assert body["choices"][0]["finish_reason"] == "tool_calls"
        calls = body["choices"][0]["message"]["tool_calls"]
    assert len(calls) == len(ids)
    for call, call_id in zip(calls, ids, strict=True):
        assert call["function"]["name"] == "f"
        assert json.loads(call["function"]["arguments"]) == {"a": 1}
        assert call["id"] == call_id or (call_id is None and call["id"].startswith("call_"))
    assert len({call["id"] for call in calls}) == len(calls)


def test_more_calls_than_allowed_are_left_out(client: httpx.Client, fake: FakeUpstream) -> None:
    fake.script = streaming(chunk({"tool_calls": [CALL, CALL]}), chunk(reason="tool_calls"))
    tools = [{"type": "function", "function": {"name": "f"}}]
    body = ask(client, tools=tools, parallel_tool_calls=False)
    assert len(body["choices"][0]["message"]["tool_calls"]) == 1
    assert fake.last_body["parallel_tool_calls"] is False


def test_the_old_form_of_a_call_is_read(client: httpx.Client, fake: FakeUpstream) -> None:
    fake.script = streaming(
        chunk({"function_call": {"name": "f", "arguments": "{"}}),
        chunk({"function_call": {"arguments": "}"}}),
        chunk(reason="function_call"),
    )
    body = ask(client, tools=[{"type": "function", "function": {"name": "f"}}])
    (call,) = body["choices"][0]["message"]["tool_calls"]
    assert call["function"] == {"name": "f", "arguments": "{}"}


def test_a_server_that_does_not_stream_is_read_too(
    client: httpx.Client, fake: FakeUpstream
) -> None:
    message = {"role": "assistant", "content": "Hi.", "reasoning": "Hm.", "tool_calls": [CALL]}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
    fake.script = lambda _r, _b: JSONResponse({"choices": [choice], "usage": usage})
    body = ask(client)
    assert body["choices"][0]["message"]["content"] == "Hi."
    assert body["choices"][0]["message"]["reasoning_content"] == "Hm."
    assert body["choices"][0]["finish_reason"] == "tool_calls"
    assert body["usage"]["total_tokens"] == 12


def test_odd_streams_are_read(client: httpx.Client, fake: FakeUpstream) -> None:
    """Comments, other fields, CRLF, null choices, content in parts, no [DONE], no empty line at the end."""
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    end = json.dumps(chunk(reason="stop")).encode()
    fake.script = streaming(
        ": keep-alive", "event: x\nid: 4", {"choices": []}, {"choices": None}, chunk({"content": None}),
        chunk({"content": parts}), b"data:" + json.dumps(chunk({"content": "c"})).encode() + b"\r\n\r\n",
        b"data: " + end, is_done=False,
    )  # fmt: skip
    body = ask(client)
    assert body["choices"][0]["message"]["content"] == "abc"
    assert body["choices"][0]["finish_reason"] == "stop"


def test_a_filter_of_content_is_told(client: httpx.Client, fake: FakeUpstream) -> None:
    fake.script = streaming(chunk({"content": "N"}), chunk(reason="content_filter"))
    assert ask(client)["choices"][0]["finish_reason"] == "content_filter"


def test_a_refusal_is_content(client: httpx.Client, fake: FakeUpstream) -> None:
    fake.script = streaming(chunk({"refusal": "I will not."}), chunk(reason="stop"))
    assert ask(client)["choices"][0]["message"]["content"] == "I will not."


def test_a_stop_string_is_told_where_the_server_tells_it(
    client: httpx.Client, fake: FakeUpstream
) -> None:
    fake.script = streaming(chunk({"content": "a"}), chunk(reason="stop", stop_reason="END"))
    assert ask(client)["choices"][0]["stop_reason"] == "END"
    fake.script = streaming(chunk({"content": "a"}), chunk(reason="stop", stop_reason=151645))
    assert "stop_reason" not in ask(client)["choices"][0]


def test_logprobs_of_text_are_passed_on(client: httpx.Client, fake: FakeUpstream) -> None:
    top = [{"token": "a", "logprob": -0.1, "bytes": [97]}, {"token": "é", "logprob": -2.0}]
    logprobs = {"content": [{**top[0], "top_logprobs": top}]}
    fake.script = streaming(chunk({"content": "a"}, logprobs=logprobs), chunk(reason="stop"))
    body = ask(client, logprobs=True, top_logprobs=2)
    assert fake.last_body["top_logprobs"] == 2
    (token,) = body["choices"][0]["logprobs"]["content"]
    assert [each["token"] for each in token["top_logprobs"]] == ["a", "é"]
    assert token["top_logprobs"][1]["bytes"] == list("é".encode())


def test_the_old_logprobs_are_passed_on(client: httpx.Client, fake: FakeUpstream) -> None:
    told = {
        "tokens": [" b"], "token_logprobs": [-0.5], "text_offset": [3],
        "top_logprobs": [{" c": -0.4, " b": -0.5}],
    }  # fmt: skip
    choice = {"index": 0, "text": " b", "logprobs": told, "finish_reason": "length"}
    fake.script = streaming({"choices": [choice]})
    body = client.post(TEXT, json={"prompt": "x", "logprobs": 1, "max_tokens": 1}).json()
    assert fake.last_body["logprobs"] == 1
    assert "return_tokens_as_token_ids" not in fake.last_body
    assert body["choices"][0]["logprobs"]["tokens"] == [" b"]
    assert body["choices"][0]["logprobs"]["top_logprobs"] == [{" c": -0.4, " b": -0.5}]


@pytest.mark.parametrize("cut", [1, 2])
def test_a_prompt_that_comes_back_is_no_part_of_the_reply(
    client: httpx.Client, fake: FakeUpstream, cut: int
) -> None:
    """Some servers send the prompt in a chunk of its own, others with the first words of the reply."""
    rows = [("ab", None, 0), (" c", -1.0, 2), (" d", -2.0, 4), (" e", -3.0, 6)]

    def part(rows: list[Any]) -> dict[str, Any]:
        told = {
            "tokens": [row[0] for row in rows],
            "token_logprobs": [row[1] for row in rows],
            "text_offset": [row[2] for row in rows],
            "top_logprobs": None,
        }
        text = "".join(row[0] for row in rows)
        return {"choices": [{"index": 0, "text": text, "logprobs": told, "finish_reason": None}]}

    end = {"choices": [{"index": 0, "text": "", "finish_reason": "length"}]}
    fake.script = streaming(part(rows[: cut + 1]), part(rows[cut + 1 :]), end)
    body = {"prompt": "ab c", "logprobs": 0, "echo": True, "max_tokens": 2}
    choice = client.post(TEXT, json=body).json()["choices"][0]
    assert choice["text"] == "ab c d e"
    assert choice["logprobs"]["token_logprobs"] == [None, -1.0, -2.0, -3.0]
    chunks = chunks_of(client.post(TEXT, json={**body, "stream": True}))
    assert text_of(chunks) == "ab c d e"


# -- faults ------------------------------------------------------------------------------------

FAULTS: dict[str, tuple[Any, int, str | None, str]] = {
    "bad request": (failing(400, error("No such thing.", param="messages", code="c")), 400, "c", "No such thing."),
    "unprocessable": (failing(422, {"detail": [{"loc": ["body"]}]}), 400, None, "status 422"),
    "too large": (failing(413, error("Too large.")), 400, None, "Too large."),
    "old vllm": (failing(400, {"object": "error", "message": "Old.", "code": 40001}), 400, "40001", "Old."),
    "text error": (failing(400, {"error": "Just text."}), 400, None, "Just text."),
    "key": (failing(401, error(f"Wrong key {KEY[:9]}…")), 502, "upstream_refused_key", "refused the key"),
    "forbidden": (failing(403, error(KEY)), 502, "upstream_refused_key", "does not allow"),
    "model": (failing(404, error("No model fake.", code="model_not_found")), 404, "model_not_found", "No model fake."),
    "route": (failing(404, {"detail": "Not Found"}), 502, "upstream_no_route", "does not have this route"),
    "busy": (failing(429, error("Slow down.", code="rate_limited"), retry_after="7"), 429, "rate_limited", "Slow down."),
    "starting": (failing(503, error("Loading."), retry_after="9"), 503, "upstream_not_ready", "Loading."),
    "broken": (failing(500, "<html>oops</html>"), 502, "upstream_failed", "status 500"),
    "told 500": (failing(500, error("Out of memory.")), 502, "upstream_failed", "Out of memory."),
    "gateway": (failing(502, ""), 502, "upstream_failed", "status 502"),
    "redirect": (failing(307, "", location="http://127.0.0.1:9/"), 502, "upstream_failed", "redirect"),
    "key in words": (failing(400, error(f"Your key {KEY} is fine.")), 400, None, "Your key … is fine."),
}  # fmt: skip


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("name", FAULTS)
def test_a_refusal_is_a_status_also_for_streams(
    client: httpx.Client, fake: FakeUpstream, name: str, streams: bool
) -> None:
    fake.script, status, code, words = FAULTS[name]
    response = client.post(CHAT, json={"messages": SKY, "stream": streams, "n": 2})
    found = error_of(response, status)
    assert found["code"] == code
    assert words in found["message"]
    assert KEY not in response.text
    assert KEY[:9] not in response.text
    if name in ("busy", "starting"):
        assert response.headers["retry-after"] == ("7" if name == "busy" else "9")


def test_what_is_no_json_is_said(client: httpx.Client, fake: FakeUpstream) -> None:
    fake.script = lambda _r, _b: Response("hello", media_type="application/json")
    response = client.post(CHAT, json={"messages": SKY})
    assert error_of(response, 502)["code"] == "upstream_garbled"


FIRST = chunk({"content": "One"})
BROKEN: dict[str, tuple[Any, str | None]] = {
    "garbage": (streaming(FIRST, "data: {nonsense"), "upstream_garbled"),
    "no object": (streaming(FIRST, "data: [1]"), "upstream_garbled"),
    "wrong choices": (streaming(FIRST, {"choices": [1]}), "upstream_garbled"),
    "wrong delta": (streaming(FIRST, {"choices": [{"delta": "x"}]}), "upstream_garbled"),
    "wrong content": (streaming(FIRST, chunk({"content": 5})), "upstream_garbled"),
    "wrong calls": (streaming(FIRST, chunk({"tool_calls": [5]})), "upstream_garbled"),
    "wrong logprobs": (streaming(FIRST, chunk({}, logprobs={"content": [5]})), "upstream_garbled"),
    "cut": (streaming(FIRST, is_done=False), "upstream_broken"),
    "error": (streaming(FIRST, error("It failed.", type="server_error")), "upstream_failed"),
    "invalid": (streaming(FIRST, error("Bad.", type="invalid_request_error", code="c")), "c"),
    "busy": (streaming(FIRST, error("Busy.", type="rate_limit_error")), "rate_limit_exceeded"),
    "long event": (streaming(FIRST, b"data: " + b"x" * (2**26 + 9)), "upstream_garbled"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_fault_in_mid_reply_is_one_error_event(
    client: httpx.Client, fake: FakeUpstream, name: str
) -> None:
    fake.script, code = BROKEN[name]
    response = client.post(CHAT, json={"messages": SKY, "stream": True})
    assert response.status_code == 200
    *chunks, last = [json.loads(each) for each in events_of(response.text)]
    assert text_of(chunks) == "One"
    assert set(last) == {"error"}
    assert last["error"]["code"] == code
    whole = client.post(CHAT, json={"messages": SKY})
    assert whole.status_code >= 400
    assert whole.json()["error"] == last["error"]


def silent(*events: dict[str, Any], seconds: float) -> Any:
    async def send() -> Any:
        for event in events:
            yield f"data: {json.dumps(event)}\n\n".encode()
        await asyncio.sleep(seconds)
        yield b"data: [DONE]\n\n"

    return lambda _request, _body: StreamingResponse(send(), media_type="text/event-stream")


def test_a_server_that_falls_silent_is_given_up(client: httpx.Client, fake: FakeUpstream) -> None:
    fake.script = silent(seconds=30)
    assert error_of(client.post(CHAT, json={"messages": SKY}), 502)["code"] == "upstream_timeout"
    fake.script = silent(FIRST, seconds=30)
    response = client.post(CHAT, json={"messages": SKY, "stream": True})
    assert json.loads(events_of(response.text)[-1])["error"]["code"] == "upstream_timeout"


def test_a_slow_server_is_waited_for(client: httpx.Client, fake: FakeUpstream) -> None:
    fake.script = silent(FIRST, chunk(reason="stop"), seconds=0.7)
    assert ask(client)["choices"][0]["message"]["content"] == "One"


def test_nothing_is_left_behind(front: Server, client: httpx.Client, fake: FakeUpstream) -> None:
    fake.script = silent(FIRST, seconds=1.2)
    for _ in range(3):
        with client.stream("POST", CHAT, json={"messages": SKY, "stream": True}) as response:
            lines = response.iter_lines()
            while "One" not in next(lines):
                pass
            lines.close()
    eventually(lambda: front.health()["running"] == 0)
    fake.script = saying("ok")
    assert ask(client)["choices"][0]["message"]["content"] == "ok"


# -- other settings ----------------------------------------------------------------------------


def test_all_fields_go_to_a_server_that_takes_all(
    launch: Callable[..., Server], fake: FakeUpstream
) -> None:
    flags = ("--loader", "upstream", "--upstream-url", fake.url, "--upstream-params", "all")
    front = launch(*flags, "--temperature", "0.3", models={})
    fake.script = saying("ok")
    with front.client() as client:
        response = client.post(
            CHAT,
            json={
                "messages": SKY, "top_k": 5, "enable_thinking": False, "regex": "a",
                "reasoning_effort": "low", "dry_multiplier": 0,
            },
        )  # fmt: skip
    assert "x-ignored-params" not in response.headers
    body = fake.last_body
    assert (body["top_k"], body["regex"], body["temperature"]) == (5, "a", 0.3)
    assert body["chat_template_kwargs"]["enable_thinking"] is False
    assert body["reasoning_effort"] == "low"
    assert body["dry_multiplier"] == 0


def test_the_kind_of_a_server_decides_about_names(
    launch: Callable[..., Server], fake: FakeUpstream
) -> None:
    listed = [
        {"id": "of-vllm", "object": "model", "owned_by": "vllm", "max_model_len": 4096},
        {"id": "of-llama", "object": "model", "owned_by": "llamacpp", "meta": {"n_vocab": 7}},
    ]
    known, fake.listed = fake.listed, listed
    try:
        front = launch(
            "--loader", "upstream", "--upstream-url", fake.url, models={}, is_ready=False
        )
        with front.client() as client:
            fake.script = answering_props
            eventually(lambda: front.health()["model"] == "of-vllm")
            info = client.get("/v1/internal/model/info").json()
            assert (info["context_length"], info["slots"]) == (4096, 256)
            fields = {"messages": SKY, "regex": "a+", "top_k": 3, "ban_eos_token": True}
            assert client.post(CHAT, json=fields).status_code == 200
            body = fake.last_body
            assert body["structured_outputs"] == {"regex": "a+"}
            assert (body["top_k"], body["ignore_eos"]) == (3, True)
            fields = {
                "messages": SKY,
                "model": "of-llama",
                "grammar_string": GRAMMAR,
                "repetition_penalty": 1.2,
            }
            assert client.post(CHAT, json=fields).status_code == 200
            body = fake.last_body
            assert (body["grammar"], body["repeat_penalty"]) == (GRAMMAR, 1.2)
            info = client.get("/v1/internal/model/info").json()
            assert (info["context_length"], info["slots"], info["vocabulary_size"]) == (2048, 4, 7)
            assert "vision" in info["capabilities"]
    finally:
        fake.listed = known  # fmt: skip


def answering_props(request: Any, body: dict[str, Any]) -> Any:
    if request.url.path == "/props":
        settings = {"n_ctx": 2048}
        return JSONResponse(
            {
                "default_generation_settings": settings,
                "total_slots": 4,
                "modalities": {"vision": True},
            }
        )
    return saying("ok")(request, body)


def test_a_proxy_is_used_where_it_is_set(launch: Callable[..., Server], fake: FakeUpstream) -> None:
    fake.script = saying("by proxy")
    front = launch(
        "--loader", "upstream", "--upstream-url", "http://other.invalid/v1",
        "--upstream-proxy", fake.url, models={},
    )  # fmt: skip
    with front.client() as client:
        assert ask(client)["choices"][0]["message"]["content"] == "by proxy"
    assert fake.seen[-1][1]["host"] == "other.invalid"


def test_a_server_without_a_list_serves_the_model_that_is_named(
    launch: Callable[..., Server], fake: FakeUpstream
) -> None:
    def script(request: Any, body: dict[str, Any]) -> Any:
        if request.url.path.endswith("/models"):
            return JSONResponse({"detail": "Not Found"}, 404)
        return saying("ok")(request, body)

    fake.script = script
    url = f"{fake.url}/other"
    front = launch("--loader", "upstream", "--model", "unlisted", "--upstream-url", url, models={})
    with front.client() as client:
        assert ask(client)["choices"][0]["message"]["content"] == "ok"
    assert fake.last_body["model"] == "unlisted"


@pytest.mark.parametrize(
    "listing", [{}, {"data": 5}, [], {"data": [5, {"id": 7}, {"id": "a\nb"}]}], ids=str
)
def test_a_listing_that_is_none_lists_nothing(
    launch: Callable[..., Server], fake: FakeUpstream, listing: Any
) -> None:
    from tests.live.launch import DEMO

    def script(*_: Any) -> Any:
        return JSONResponse(listing)

    fake.script = script
    front = launch("--upstream-url", f"{fake.url}/other", models={"own.gguf": DEMO})
    with front.client() as client:
        names = [model["id"] for model in client.get("/v1/models").json()["data"]]
    assert names[0] == "own.gguf"
