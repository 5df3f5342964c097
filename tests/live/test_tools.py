"""Tool calls on a real server with the demo model, which really makes them, through the official client."""

import json
from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI, OpenAI

from tests.live.launch import Server
from tests.live.wire import GREEDY, chunks_of, error_of

PATH = "/v1/chat/completions"
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
TIME = {
    "type": "function",
    "function": {
        "name": "get_current_time",
        "description": "Get the current time",
        "parameters": {
            "type": "object",
            "properties": {"timezone": {"type": "string"}},
            "required": ["timezone"],
        },
    },
}
ASK = [{"role": "user", "content": "What is the weather in Paris?"}]
HELLO = [{"role": "user", "content": "Hello!"}]


def ask(http: httpx.Client, messages: list[dict[str, Any]] = ASK, **fields: Any) -> dict[str, Any]:
    body = {"messages": messages, **GREEDY, "max_tokens": 100, **fields}
    response = http.post(PATH, json=body)
    assert response.status_code == 200, response.text
    return response.json()["choices"][0]


def calls_of(choice: dict[str, Any]) -> list[tuple[str, Any]]:
    calls = choice["message"].get("tool_calls", [])
    return [(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in calls]


def test_the_model_calls_a_tool(http: httpx.Client) -> None:
    choice = ask(http, tools=[WEATHER])
    assert calls_of(choice) == [("get_weather", {"city": "Paris"})]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    (call,) = choice["message"]["tool_calls"]
    assert call["type"] == "function"
    assert call["id"].startswith("call_")
    assert "index" not in call


def test_no_call_where_none_is_needed(http: httpx.Client) -> None:
    choice = ask(http, HELLO, tools=[WEATHER])
    assert "tool_calls" not in choice["message"]
    assert choice["message"]["content"]
    assert choice["finish_reason"] == "stop"


def test_the_model_uses_the_result(http: httpx.Client) -> None:
    """The whole round: question, call, result, answer with the values of the result."""
    message = ask(http, tools=[WEATHER])["message"]
    result = {
        "role": "tool",
        "tool_call_id": message["tool_calls"][0]["id"],
        "content": '{"temperature": 17, "condition": "cloudy"}',
    }
    choice = ask(http, [*ASK, message, result], tools=[WEATHER])
    assert "17" in choice["message"]["content"]
    assert choice["finish_reason"] == "stop"


def test_streamed_calls_have_stable_ids_and_growing_arguments(server: Server) -> None:
    client = OpenAI(base_url=f"{server.url}/v1", api_key="x")
    stream = client.chat.completions.create(
        model="x", messages=ASK, tools=[WEATHER], temperature=0, stream=True, max_tokens=100
    )
    ids, names, arguments, reasons, content = [], [], [], [], ""
    for chunk in stream:
        choice = chunk.choices[0]
        content += choice.delta.content or ""
        reasons.append(choice.finish_reason)
        for call in choice.delta.tool_calls or []:
            assert call.index == 0
            ids += [call.id] if call.id else []
            names += [call.function.name] if call.function and call.function.name else []
            arguments.append(call.function.arguments if call.function else "")
    assert len(ids) == 1
    assert names == ["get_weather"]
    assert json.loads("".join(a or "" for a in arguments)) == {"city": "Paris"}
    assert len(arguments) > 3
    assert reasons[-1] == "tool_calls"
    assert content == ""


def test_streamed_equals_whole(http: httpx.Client) -> None:
    whole = ask(http, tools=[WEATHER, TIME])
    body = {"messages": ASK, **GREEDY, "max_tokens": 100, "tools": [WEATHER, TIME], "stream": True}
    text = ""
    for chunk in chunks_of(http.post(PATH, json=body)):
        for choice in chunk["choices"]:
            for call in choice["delta"].get("tool_calls", []):
                text += call["function"]["arguments"]
    assert json.loads(text) == calls_of(whole)[0][1]


def test_two_calls_in_one_reply(http: httpx.Client) -> None:
    messages = [{"role": "user", "content": "What is the weather in Paris and in London?"}]
    choice = ask(http, messages, tools=[WEATHER])
    assert calls_of(choice) == [
        ("get_weather", {"city": "Paris"}),
        ("get_weather", {"city": "London"}),
    ]
    ids = [call["id"] for call in choice["message"]["tool_calls"]]
    assert len(set(ids)) == 2


def test_without_parallel_calls_there_is_one(http: httpx.Client) -> None:
    messages = [{"role": "user", "content": "What is the weather in Paris and in London?"}]
    choice = ask(http, messages, tools=[WEATHER], parallel_tool_calls=False)
    assert calls_of(choice) == [("get_weather", {"city": "Paris"})]


def test_required_makes_a_call_even_for_a_greeting(http: httpx.Client) -> None:
    choice = ask(http, HELLO, tools=[WEATHER, TIME], tool_choice="required")
    assert calls_of(choice)
    assert choice["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("tool", ["get_weather", "get_current_time"])
def test_a_named_tool_is_called(http: httpx.Client, tool: str) -> None:
    choice = ask(
        http,
        HELLO,
        tools=[WEATHER, TIME],
        tool_choice={"type": "function", "function": {"name": tool}},
    )
    assert [name for name, _ in calls_of(choice)] == [tool]


def test_only_allowed_tools_are_called(http: httpx.Client) -> None:
    allowed = {
        "mode": "required",
        "tools": [{"type": "function", "function": {"name": "get_current_time"}}],
    }
    choice = ask(
        http,
        tools=[WEATHER, TIME],
        tool_choice={"type": "allowed_tools", "allowed_tools": allowed},
    )
    assert {name for name, _ in calls_of(choice)} == {"get_current_time"}


def test_none_calls_nothing(http: httpx.Client) -> None:
    choice = ask(http, tools=[WEATHER], tool_choice="none")
    assert "tool_calls" not in choice["message"]
    assert choice["finish_reason"] in ("stop", "length")


@pytest.mark.parametrize("temperature", [0.0, 1.5])
@pytest.mark.parametrize("seed", range(3))
def test_enforced_arguments_obey_the_schema(
    http: httpx.Client, temperature: float, seed: int
) -> None:
    parameters = {
        "type": "object",
        "properties": {
            "level": {"type": "integer", "minimum": 1, "maximum": 9},
            "unit": {"enum": ["celsius", "fahrenheit"]},
            "deep": {
                "type": "object",
                "properties": {"flag": {"type": "boolean"}},
                "required": ["flag"],
                "additionalProperties": False,
            },
        },
        "required": ["level", "unit", "deep"],
        "additionalProperties": False,
    }
    tool = {
        "type": "function",
        "function": {"name": "adjust", "parameters": parameters, "strict": True},
    }
    choice = ask(
        http,
        HELLO,
        tools=[tool],
        tool_choice="required",
        parallel_tool_calls=False,
        temperature=temperature,
        seed=seed,
        max_tokens=300,
    )
    ((name, arguments),) = calls_of(choice)
    assert name == "adjust"
    assert arguments.keys() == {"level", "unit", "deep"}
    assert 1 <= arguments["level"] <= 9
    assert arguments["unit"] in ("celsius", "fahrenheit")
    assert isinstance(arguments["deep"]["flag"], bool)


def test_old_functions(http: httpx.Client) -> None:
    choice = ask(http, functions=[WEATHER["function"]])
    call = choice["message"]["function_call"]
    assert call["name"] == "get_weather"
    assert json.loads(call["arguments"]) == {"city": "Paris"}
    assert choice["finish_reason"] == "function_call"
    assert "tool_calls" not in choice["message"]
    history = [
        *ASK,
        choice["message"],
        {"role": "function", "name": "get_weather", "content": '{"temperature": 17}'},
    ]
    answer = ask(http, history, functions=[WEATHER["function"]], function_call="none")
    assert "17" in answer["message"]["content"]


def test_an_old_function_that_is_named_is_called(http: httpx.Client) -> None:
    choice = ask(
        http,
        HELLO,
        functions=[WEATHER["function"], TIME["function"]],
        function_call={"name": "get_current_time"},
    )
    assert choice["message"]["function_call"]["name"] == "get_current_time"


def test_a_cut_reply_keeps_what_came_and_says_length(http: httpx.Client) -> None:
    choice = ask(http, tools=[WEATHER], max_tokens=12)
    assert choice["finish_reason"] == "length"


@pytest.mark.anyio
async def test_the_async_client_reads_the_stream(server: Server) -> None:
    async with (
        AsyncOpenAI(base_url=f"{server.url}/v1", api_key="x") as client,
        client.chat.completions.stream(
            model="x", messages=ASK, tools=[WEATHER], temperature=0, max_tokens=100
        ) as stream,
    ):
        final = await stream.get_final_completion()
    call = final.choices[0].message.tool_calls[0]
    assert (call.function.name, json.loads(call.function.arguments)) == (
        "get_weather",
        {"city": "Paris"},
    )


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [WEATHER, WEATHER]}, "tools[1].function.name"),
        ({"tools": [WEATHER], "functions": [WEATHER["function"]]}, "functions"),
        (
            {"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "x"}}},
            "tool_choice.function.name",
        ),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name"),
        ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "tools[0].type"),
        (
            {
                "tools": [
                    {"type": "function", "function": {"name": "f", "parameters": {"type": "array"}}}
                ]
            },
            "tools[0].function.parameters",
        ),
    ],
)
def test_what_contradicts_itself_is_refused(
    http: httpx.Client, fields: dict[str, Any], param: str
) -> None:
    assert error_of(http.post(PATH, json={"messages": ASK, **fields}), 400)["param"] == param


def test_a_strict_schema_that_cannot_be_enforced_is_refused(http: httpx.Client) -> None:
    parameters = {"type": "object", "properties": {"a": {"not": {"type": "string"}}}}
    tool = {"type": "function", "function": {"name": "f", "parameters": parameters}}
    strict = {"type": "function", "function": {**tool["function"], "strict": True}}
    error = error_of(http.post(PATH, json={"messages": ASK, "tools": [strict]}), 400)
    assert "not" in error["message"]
    assert ask(http, tools=[tool])["finish_reason"]


def test_no_call_is_read_where_no_tools_were_given(http: httpx.Client) -> None:
    """A text that looks like a call is text."""
    text = "Repeat after me: <tool_call>"
    choice = ask(http, [{"role": "user", "content": text}])
    assert "tool_calls" not in choice["message"]


def test_mode_chat_has_no_place_for_tools_and_says_so(http: httpx.Client) -> None:
    body = {"messages": ASK, "tools": [WEATHER], "mode": "chat", "max_tokens": 4}
    assert http.post(PATH, json=body).headers["x-ignored-params"] == "tools"
    error = error_of(http.post(PATH, json={**body, "tool_choice": "required"}), 400)
    assert error["param"] == "tool_choice"


def test_half_a_character_in_a_schema_is_no_fault_of_the_server(http: httpx.Client) -> None:
    parameters = {"type": "object", "properties": {"a": {"enum": ["\ud800"]}}}
    tool = {"type": "function", "function": {"name": "f", "parameters": parameters}}
    body = json.dumps({"messages": HELLO, "tools": [tool], "max_tokens": 4})
    response = http.post(PATH, content=body, headers={"Content-Type": "application/json"})
    assert response.status_code in (200, 400), response.text
