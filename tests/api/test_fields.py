"""Every field of every request: wrong types, null, values out of range. Derived from the schemas, so that none is left out."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from extensions.openai import typing as wire
from modules.core.sampling import SAMPLERS_BY_NAME
from tests.live.launch import MODEL, Server, running
from tests.live.wire import GREEDY, SKY, error_of

ROUTES: dict[type[BaseModel], tuple[str, dict[str, Any]]] = {
    wire.ChatCompletionRequest: ("/v1/chat/completions", {"messages": SKY, "max_tokens": 2}),
    wire.CompletionRequest: ("/v1/completions", {"prompt": "The sky", "max_tokens": 2}),
    wire.EncodeRequest: ("/v1/internal/encode", {"text": "The sky"}),
    wire.DecodeRequest: ("/v1/internal/decode", {"tokens": [1, 2]}),
    wire.LogitsRequest: ("/v1/internal/logits", {"prompt": "The sky"}),
    wire.StopRequest: ("/v1/internal/stop-generation", {}),
    wire.LoadRequest: ("/v1/internal/model/load", {"model_name": MODEL}),
}
REQUIRED = {
    (wire.ChatCompletionRequest, "messages"),
    (wire.CompletionRequest, "prompt"),
    (wire.EncodeRequest, "text"),
    (wire.DecodeRequest, "tokens"),
    (wire.LogitsRequest, "prompt"),
    (wire.LoadRequest, "model_name"),
}
FIELDS = [(owner, name) for owner in ROUTES for name in sorted(owner.model_fields)]
NAN, INF = float("nan"), float("inf")
NO_TEXT: list[Any] = [5, 1.5, True, [], {}, [5], {"a": 1}]
NO_NUMBER: list[Any] = ["5", "", True, [], {}, [1], {"a": 1}, NAN, INF, -INF]
NO_BOOL: list[Any] = ["true", "", 0, 1, 1.0, [], {}, NAN]
NO_LIST: list[Any] = ["text", 5, True, {}, {"0": 1}]
NO_OBJECT: list[Any] = ["text", 5, True, [], [1], NAN]
NO_WHOLE: list[Any] = [*NO_NUMBER, 1.5, 10**400]

# What a field does not take, where its kind in the sampler table does not say it.
WRONG: dict[str, list[Any]] = {
    "messages": [
        *NO_LIST,
        [],
        [[]],
        [5],
        [None],
        [{}],
        [{"role": "user"}],
        [{"role": "user", "content": 5}],
        [{"role": "user", "content": [5]}],
        [{"role": "user", "content": [{}]}],
        [{"role": "user", "content": [{"type": "text"}]}],
        [{"role": "user", "content": [{"type": "text", "text": 5}]}],
        [{"role": "user", "content": {"type": "text", "text": "a"}}],
        [{"role": "robot", "content": "a"}],
        [{"role": 5, "content": "a"}],
        [{"role": None, "content": "a"}],
        [{"content": "a"}],
        [{"role": "user", "content": None}],
        [{"role": "tool", "content": None}],
        [{"role": "user", "content": "a", "name": 5}],
        [{"role": "assistant", "tool_calls": "a"}],
        [{"role": "assistant", "tool_calls": [{}]}],
        [{"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "f"}}]}],
        [{"role": "assistant", "tool_calls": [{"id": 1, "function": {"name": "f", "arguments": ""}}]}],
        [{"role": "assistant", "content": "a", "reasoning_content": 5}],
    ],
    "prompt": [5, True, {}, [], [True], [1.5], ["a", 5], [[1], "a"], [["a"]], [-1], [2**31], [10**400], [NAN]],
    "tokens": ["1", 5, {}, ["1"], [1.5], [True], [-1], [2**31], [10**400], [[1]], [None]],
    "text": NO_TEXT,
    "model": NO_TEXT,
    "model_name": NO_TEXT,
    "loader": [*NO_TEXT, "", "none"],
    "user": NO_TEXT,
    "suffix": NO_TEXT,
    "id": NO_TEXT,
    "grammar_string": [*NO_TEXT, "root ::= ("],
    "mode": [*NO_TEXT, "", "nonsense"],
    "stop": [5, True, {}, [5], [None], [["a"]], ["a"] * 65, "a" * 1025],
    "n": [*NO_WHOLE, 0, -1, 129, 10**30],
    "best_of": [*NO_WHOLE, 0, -1, 129, 10**30],
    "max_tokens": [*NO_NUMBER, 1.5, -1],
    "max_completion_tokens": [*NO_NUMBER, 1.5, 0, -1],
    "top_logprobs": [*NO_WHOLE, -1, 21, 3],
    "top_logits": [*NO_WHOLE, -1, 1001, 10**30],
    "stream_options": [*NO_OBJECT, {"include_usage": "yes"}, {"include_usage": 1}],
    "response_format": [*NO_OBJECT, {}, {"type": None}, {"type": "xml"}, {"type": "json_schema"}],
    "args": [*NO_OBJECT, {"none": 1}, {"ctx_size": "a"}, {"ctx_size": NAN}, {"ctx_size": 10**400}],
    "tools": [*NO_LIST, [{"type": "function"}], [{"type": "x"}], [{"type": "function", "function": {"name": "a b"}}], [{"type": "function", "function": {"name": "f", "parameters": []}}]],
    "functions": [*NO_LIST, [{}], [{"name": ""}], [{"name": "f", "parameters": "x"}]],
    "reasoning": [*NO_OBJECT, {"max_tokens": -1}, {"max_tokens": "1"}, {"effort": "lots"}, {"enabled": 1}],
    "reasoning_effort": [*NO_TEXT, "lots"],
    "chat_template_kwargs": NO_OBJECT,
    "truncation": [*NO_TEXT, "some"],
    "instruction_template": [*NO_TEXT, "../x", "none such"],
    "instruction_template_str": [*NO_TEXT, "{% if %}"],
    "character": [*NO_TEXT, "../x", "none such"],
    "preset": [*NO_TEXT, "../x", "none such"],
    "grammar": [*NO_TEXT, "../x", "none such", "root ::= ("],
    "regex": [*NO_TEXT, "("],
    "choice": [*NO_LIST, [], [5], [""]],
    "json_schema": [5, 1.5, "text", [], {"type": "nonsense"}, {"$ref": "#/none"}],
    "guided_json": [5, 1.5, "text", [], {"type": "nonsense"}],
    "guided_regex": [*NO_TEXT, "("],
    "guided_choice": [*NO_LIST, [], [5]],
    "guided_grammar": [*NO_TEXT, "root ::= ("],
    "structured_outputs": [*NO_OBJECT, {"regex": 5}, {"regex": "("}, {"choice": []}, {"json": 5}],
    "chat_template_str": NO_TEXT,
    "chat_instruct_command": NO_TEXT,
    "context": NO_TEXT,
    "greeting": NO_TEXT,
    "user_bio": NO_TEXT,
    "name1": NO_TEXT,
    "name2": NO_TEXT,
    "user_name": NO_TEXT,
    "bot_name": NO_TEXT,
    "tool_choice": [5, True, [], {}, NAN, "x", "required", {"type": "function"}],
    "function_call": [5, True, [], NAN],
    "lora": [*NO_LIST, [5], ["a"], [{}], [{"name": 5}], [{"name": ""}], [{"name": "a" * 257}], [{"name": "a", "scale": "1"}], [{"name": "a", "scale": NAN}], [{"name": "a"}] * 100],
    "modalities": [*NO_LIST, [5], ["audio"], ["text", "audio"]],
    "logit_bias": [*NO_OBJECT, {"a": 1}, {"1": "a"}, {"1": True}, {"1": 101}, {"1": -101}, {"1": NAN}, {"-1": 1}, {"99999": 1}, {"1": 10**400}, {"1.5": 1}],
    "custom_token_bans": [5, True, {}, "a", ["1"], [1.5], [-1], [99999], "99999", "1,-1", [10**400], "9" * 5000],
    "sampler_priority": [5, True, {}, [5], "nonsense", ["nonsense"], [None]],
    "dry_sequence_breakers": [5, True, {}, [5], "no json", "[5]", "[" * 100_000, ["a" * 65], ["a"] * 65],
}  # fmt: skip
FLAGS = {"stream", "echo", "add_special", "parse_special", "use_samplers", "continue_", "add_bos_token", "skip_special_tokens", "enable_thinking", "parallel_tool_calls", "post_sampling_probs", "return_tokens_as_token_ids", "save", "force"}  # fmt: skip


def wrong_values(owner: type[BaseModel], name: str) -> list[Any]:
    if name == "logprobs":
        return NO_BOOL if owner is wire.ChatCompletionRequest else [*NO_WHOLE, -1, 101, 10**30]
    if name in WRONG:
        return WRONG[name]
    if name in FLAGS:
        return NO_BOOL
    sampler = SAMPLERS_BY_NAME[name]
    if sampler.kind is bool:
        return NO_BOOL
    values = NO_NUMBER if sampler.kind is float else NO_WHOLE
    low, high = sampler.minimum, sampler.maximum
    step = 1 if sampler.kind is int else 0.001
    outside = [] if low is None else [low - step, -(10**30), -(10**400)]
    return [*values, *outside, *([] if high is None else [high + step, 10**30, 10**400])]


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with running(tmp_path_factory.mktemp("fields")) as server, server.client() as client:
        yield client


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("strict"), "--strict-params") as server:
        yield server


def post(http: httpx.Client, path: str, body: dict[str, Any]) -> httpx.Response:
    """`json=` would refuse NaN before the server can."""
    return http.post(path, content=json.dumps(body), headers={"Content-Type": "application/json"})


def serves(http: httpx.Client) -> None:
    body = http.post("/v1/chat/completions", json={"messages": SKY, **GREEDY}).json()
    assert body["choices"][0]["message"]["content"] == "The sky is blue."


def label(part: Any) -> str:
    return part if isinstance(part, str) else part.__name__.removesuffix("Request")


@pytest.mark.parametrize(("owner", "name"), FIELDS, ids=label)
def test_wrong_values_are_refused_and_named(
    http: httpx.Client, owner: type[BaseModel], name: str
) -> None:
    path, good = ROUTES[owner]
    faults: list[str] = []
    for value in wrong_values(owner, name):
        for streams in (
            (False, True) if "stream" in owner.model_fields and name != "stream" else (False,)
        ):
            body = {**good, **({"stream": True} if streams else {}), name: value}
            try:
                response = post(http, path, body)
                error = error_of(response, 400)
                assert (error["param"] or "").startswith(name.rstrip("_")), error
                assert len(error["message"]) < 2000
            except (AssertionError, httpx.HTTPError) as fault:
                faults.append(f"{name} = {repr(value)[:60]} stream={streams}: {str(fault)[:250]}")
    assert not faults, "\n".join(faults)
    serves(http)


@pytest.mark.parametrize(("owner", "name"), FIELDS, ids=label)
def test_null_is_the_default(http: httpx.Client, owner: type[BaseModel], name: str) -> None:
    path, good = ROUTES[owner]
    response = post(http, path, {**good, name: None})
    if (owner, name) in REQUIRED:
        error = error_of(response, 400)
        assert error["param"] == name
        missing = error_of(post(http, path, {k: v for k, v in good.items() if k != name}), 400)
        assert missing["param"] == name
        assert "issing" in missing["message"]
    else:
        assert response.status_code == 200, response.text
        assert "x-ignored-params" not in response.headers


NUMBERS = sorted(
    name for name in wire.SamplingFields.model_fields if SAMPLERS_BY_NAME[name].kind in (int, float)
    and SAMPLERS_BY_NAME[name].wire is None
)  # fmt: skip


@pytest.mark.parametrize("name", NUMBERS)
def test_the_ends_of_a_range_are_inside_it(http: httpx.Client, name: str) -> None:
    sampler = SAMPLERS_BY_NAME[name]
    for value in (sampler.minimum, sampler.maximum, sampler.default):
        if value is None:
            continue
        for path, good in (ROUTES[wire.ChatCompletionRequest], ROUTES[wire.LogitsRequest]):
            response = post(http, path, {**good, name: sampler.kind(value), "use_samplers": True})
            assert response.status_code == 200, response.text
            assert "NaN" not in response.text
    serves(http)


LIMITS = {
    wire.ChatCompletionRequest: {
        "n": (1, 128),
        "max_tokens": (1, 10**30),
        "max_completion_tokens": (1, 10**30),
        "stop": ("", [], "a" * 1024, ["a"] * 64),
        "logit_bias": ({}, {"1": 100}, {"1": -100}, {"1535": 0.5}),
        "custom_token_bans": ("", [], "1, 2", [1, 2]),
        "sampler_priority": ("", [], "top_k,temperature", "top_k\ntop_p", ["quadratic_sampling"]),
        "dry_sequence_breakers": ("", [], '"a", "b"', '["a"]', ["a" * 64], ["a"] * 16),
        "messages": (
            [{"role": "user", "content": ""}],
            [{"role": "user", "content": []}],
            [{"role": "assistant", "content": None}, *SKY],
            [{"role": "user", "content": "a", "unknown": 5}],
        ),
        "tool_choice": ("none", "auto"),
        "tools": ([],),
        "functions": ([],),
        "modalities": (["text"], []),
        "mode": ("instruct", "chat", "chat-instruct"),
        "stream_options": ({}, {"include_usage": None, "include_obfuscation": False}),
        "response_format": ({"type": "text"},),
        "model": ("", "x", "a" * 10_000),
    },
    wire.CompletionRequest: {
        "prompt": ("", [""], ["a"], [1], [[1], [2]], [0, 1535]),
        "logprobs": (0, 100),
        "best_of": (1, 128),
        "max_tokens": (0, 1, 10**30),
        "suffix": ("",),
        "echo": (True, False),
        "add_bos_token": (True, False),
    },
    wire.EncodeRequest: {"text": ("", "a" * 200_000)},
    wire.DecodeRequest: {"tokens": ([], [0, 1535], [1] * 50_000)},
    wire.LogitsRequest: {"top_logits": (0, 1, 1000), "prompt": ("",)},
    wire.StopRequest: {},
    wire.LoadRequest: {"args": ({}, {"ctx_size": None}, {"ctx-size": 256}, {"flash_attn": False})},
}  # fmt: skip
GOOD = [(owner, name) for owner, fields in LIMITS.items() for name in fields]


@pytest.mark.parametrize(("owner", "name"), GOOD, ids=label)
def test_unusual_values_that_are_right(
    http: httpx.Client, owner: type[BaseModel], name: str
) -> None:
    path, good = ROUTES[owner]
    for value in LIMITS[owner][name]:
        short = {"grammar_string": 'root ::= "a"'} if name.startswith("max_") else {}
        response = post(http, path, {**good, **short, name: value})
        assert response.status_code == 200, (repr(value)[:80], response.text[:300])
    serves(http)


@pytest.mark.parametrize("owner", ROUTES, ids=label)
def test_unknown_fields_are_accepted_and_named(http: httpx.Client, owner: type[BaseModel]) -> None:
    path, good = ROUTES[owner]
    response = post(http, path, {**good, "frobnicate": {"a": [1]}})
    assert response.status_code == 200, response.text
    assert response.headers["x-ignored-params"] == "frobnicate"


@pytest.mark.parametrize("owner", ROUTES, ids=label)
def test_strict_params_refuse_unknown_fields(strict: Server, owner: type[BaseModel]) -> None:
    path, good = ROUTES[owner]
    with strict.client() as client:
        error = error_of(post(client, path, {**good, "frobnicate": 1}), 400)
        assert error["param"] == "frobnicate"
        assert post(client, path, good).status_code == 200


@pytest.mark.parametrize("owner", ROUTES, ids=label)
def test_every_field_has_wrong_values_to_test(owner: type[BaseModel]) -> None:
    for name in owner.model_fields:
        assert wrong_values(owner, name), name
