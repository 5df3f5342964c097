"""The parts of the upstream loader that need no server: addresses, events cut anywhere, answers of all shapes."""

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from modules.core.errors import (
    AppError,
    Busy,
    ConfigError,
    NotFound,
    NotReady,
    RequestError,
    Unreachable,
    Unsupported,
)
from modules.core.messages import Image, Message
from modules.core.requests import GenerationRequest, Grammar
from modules.core.sampling import SamplingParams
from modules.core.tools import Tool
from modules.core.unrendered import ChatPrompt
from modules.loaders.upstream.address import parse_address
from modules.loaders.upstream.bodies import grammar_fields, to_chat_body, to_completion_body
from modules.loaders.upstream.calls import CallReader
from modules.loaders.upstream.dialects import (
    ALL,
    HEARTH,
    LLAMA_SERVER,
    OPENAI,
    PLAIN,
    SGLANG,
    VLLM,
    Dialect,
    dialect_of,
)
from modules.loaders.upstream.faults import Complaint, fault_of, read_complaint
from modules.loaders.upstream.sse import EventReader

SKY = ChatPrompt((Message("user", "What color is the sky?"),))


@pytest.mark.parametrize(
    ("text", "base", "root", "authority"),
    [
        ("http://a", "/v1", "", "a"),
        ("http://a/", "/v1", "", "a"),
        ("https://a:8443/v1/", "/v1", "", "a:8443"),
        ("https://a/api/v1", "/api/v1", "/api", "a"),
        ("https://a/v1beta/openai", "/v1beta/openai", "/v1beta/openai", "a"),
        ("http://[::1]:5000", "/v1", "", "[::1]:5000"),
        ("http://bücher.example", "/v1", "", "xn--bcher-kva.example"),
    ],
)
def test_an_address_is_read_as_clients_read_base_url(
    text: str, base: str, root: str, authority: str
) -> None:
    address = parse_address(text)
    assert (address.base, address.root, address.authority) == (base, root, authority)


@pytest.mark.parametrize(
    "text",
    [
        "", "a", "a:80", "ftp://a", "http://", "http:///v1", "http://a:x", "http://a:99999", "http://u:p@a",
        "http://u@a", "http://a?b", "http://a#b", "http://a/\x7f", "http://a/é", "http://a b/", "http://a\\b",
        "http://" + "x" * 300 + ".example",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_address(text)


STREAM = (
    b': hi\r\n\r\ndata: {"a": 1}\r\n\r\nevent: x\ndata:two\ndata: lines\n\n\n\ndata: [DONE]\n\n'
)
EVENTS = [b'{"a": 1}', b"two\nlines", b"[DONE]"]


@pytest.mark.parametrize("size", range(1, len(STREAM) + 1))
def test_events_are_read_however_they_are_cut(size: int) -> None:
    reader = EventReader()
    found = [
        event
        for start in range(0, len(STREAM), size)
        for event in reader.feed(STREAM[start : start + size])
    ]
    assert [*found, *reader.finish()] == EVENTS


def test_an_event_without_an_end_is_the_last() -> None:
    reader = EventReader()
    assert list(reader.feed(b"data: a\n\ndata: b")) == [b"a"]
    assert list(reader.finish()) == [b"b"]


@pytest.mark.parametrize("piece", [b"x" * 2**20, b"data: " + b"x" * 2**20 + b"\n"])
def test_an_event_has_a_bound(piece: bytes) -> None:
    reader = EventReader()

    def read() -> None:
        for _ in range(70):
            list(reader.feed(piece))

    with pytest.raises(Unreachable):
        read()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "index", "function", "name", "arguments", "error", "message"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(json_values)
def test_calls_of_any_shape_are_read_or_refused(value: Any) -> None:
    reader = CallReader(None)
    try:
        found = reader.read({"tool_calls": value})
        json.dumps([[each.index, each.arguments, each.id, each.name] for each in found])
    except Unreachable:
        pass


@given(json_values, st.integers(100, 599))
def test_every_answer_that_is_not_200_becomes_an_error_of_ours(body: Any, status: int) -> None:
    error = fault_of(status, read_complaint(body, "secret"), "soon")
    assert isinstance(error, AppError)
    assert error.message
    assert "secret" not in error.message


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RequestError), (404, Unreachable), (401, Unreachable), (403, Unreachable), (429, Busy),
        (500, Unreachable), (503, NotReady), (302, Unreachable), (508, ConfigError), (418, Unreachable),
    ],
)  # fmt: skip
def test_a_status_says_who_can_mend_it(status: int, kind: type[AppError]) -> None:
    assert type(fault_of(status, Complaint())) is kind


def test_only_a_server_of_this_kind_can_say_that_a_model_is_missing() -> None:
    assert isinstance(fault_of(404, Complaint("No model.", is_told=True)), NotFound)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("", 1), ("7", 7), ("0", 1), ("9999999999999", 3600), ("x", 1), ("²", 1)],
)
def test_retry_after_is_bounded(header: str, seconds: int) -> None:
    error = fault_of(429, Complaint("Slow."), header)
    assert isinstance(error, Busy)
    assert error.retry_after_s == seconds


@pytest.mark.parametrize(
    ("entry", "host", "wanted", "expected"),
    [
        ({}, "h", "auto", PLAIN),
        ({}, "api.openai.com", "auto", OPENAI),
        ({}, "x.openai.azure.com", "all", ALL),
        ({"owned_by": "vllm"}, "h", "auto", VLLM),
        ({"owned_by": "vllm"}, "h", "openai", PLAIN),
        ({"owned_by": "sglang"}, "h", "auto", SGLANG),
        ({"owned_by": "llamacpp", "meta": {"n_vocab": 3}}, "h", "auto", LLAMA_SERVER),
        ({"owned_by": "local", "meta": {"loaded": False, "loader": "llamacpp"}}, "h", "auto", HEARTH),
        ({"meta": []}, "h", "auto", PLAIN),
        ({}, "h", "all", ALL),
    ],
)  # fmt: skip
def test_kinds_of_servers_are_told_apart_by_what_they_list(
    entry: dict[str, Any], host: str, wanted: str, expected: Dialect
) -> None:
    assert dialect_of(entry, host, wanted) is expected


def body_of(dialect: Dialect, chat: ChatPrompt = SKY, **fields: Any) -> dict[str, Any]:
    sampling = SamplingParams().updated(fields.pop("sampling", {}))
    request = GenerationRequest((), 9, sampling, unrendered=chat, **fields)
    return to_chat_body("m", request, chat, dialect)


def test_only_what_was_said_or_differs_is_sent() -> None:
    sampling = {"temperature": 1, "top_p": 0.5, "top_k": 7, "seed": -1}
    body = body_of(PLAIN, sampling=sampling, given=frozenset(("temperature", "seed")))
    assert (body["temperature"], body["top_p"]) == (1, 0.5)
    assert body.keys().isdisjoint({"top_k", "seed", "presence_penalty"})
    assert body_of(VLLM, sampling=sampling)["top_k"] == 7


def test_greedy_without_a_word_for_it_is_temperature_0() -> None:
    assert body_of(PLAIN, sampling={"do_sample": False, "temperature": 2})["temperature"] == 0
    body = body_of(HEARTH, sampling={"do_sample": False, "temperature": 2})
    assert (body["do_sample"], body["temperature"]) == (False, 2)


def test_names_differ_between_servers() -> None:
    sampling = {"repetition_penalty": 1.2, "ban_eos_token": True}
    assert body_of(LLAMA_SERVER, sampling=sampling)["repeat_penalty"] == 1.2
    assert body_of(VLLM, sampling=sampling)["ignore_eos"] is True
    assert body_of(OPENAI)["max_completion_tokens"] == 9
    assert body_of(PLAIN)["max_tokens"] == 9


def test_a_developer_is_a_system_where_templates_are_at_work() -> None:
    chat = ChatPrompt((Message("developer", "Be brief."), *SKY.messages))
    roles = {d.name: body_of(d, chat)["messages"][0]["role"] for d in (OPENAI, PLAIN, HEARTH, VLLM)}
    assert roles == {
        "openai": "developer",
        "plain": "developer",
        "hearth": "developer",
        "vllm": "system",
    }


def test_pictures_go_along_as_files() -> None:
    image = Image(1, 1, b"", file=b"GIF8", media_type="image/gif")
    chat = ChatPrompt((Message("user", ("Look: ", image)),))
    content = body_of(PLAIN, chat)["messages"][0]["content"]
    assert content == [
        {"type": "text", "text": "Look: "},
        {"type": "image_url", "image_url": {"url": "data:image/gif;base64,R0lGOA=="}},
    ]


def test_a_tool_that_must_be_called_is_named() -> None:
    chat = ChatPrompt(SKY.messages, tools=(Tool("f"), Tool("g", is_strict=True)), called="f")
    body = body_of(PLAIN, chat, max_calls=1)
    assert body["tool_choice"] == {"type": "function", "function": {"name": "f"}}
    assert body["parallel_tool_calls"] is False
    assert [tool["function"].get("strict") for tool in body["tools"]] == [None, True]


@pytest.mark.parametrize(
    ("dialect", "kind", "expected"),
    [
        (VLLM, "regex", {"structured_outputs": {"regex": "x"}}),
        (LLAMA_SERVER, "gbnf", {"grammar": "x"}),
        (SGLANG, "gbnf", {"ebnf": "x"}),
        (HEARTH, "lark", {"grammar_string": "x"}),
    ],
)
def test_a_grammar_has_its_place_in_each_dialect(
    dialect: Dialect, kind: Any, expected: dict[str, Any]
) -> None:
    assert grammar_fields(Grammar(kind, "x"), dialect) == expected


def test_a_schema_always_has_a_way_and_other_grammars_may_not() -> None:
    fields = grammar_fields(Grammar("json_schema", '{"type": "null"}'), PLAIN)
    assert fields["response_format"]["json_schema"]["schema"] == {"type": "null"}
    for dialect, kind in ((PLAIN, "regex"), (LLAMA_SERVER, "lark"), (OPENAI, "gbnf")):
        with pytest.raises(Unsupported):
            grammar_fields(Grammar(kind, "x", "regex"), dialect)


def test_ids_are_a_prompt_of_their_own_kind() -> None:
    request = GenerationRequest((5, 6), 0, prompt_logprobs=3)
    body = to_completion_body("m", request, HEARTH)
    assert body["prompt"] == [5, 6]
    assert (body["echo"], body["logprobs"], body["max_tokens"]) == (True, 3, 0)
    assert body["return_tokens_as_token_ids"] is True
    assert "return_tokens_as_token_ids" not in to_completion_body("m", request, PLAIN)
