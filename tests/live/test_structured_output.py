"""Structured output on a real server: in every way to ask for it, the whole reply obeys, also at a high temperature."""

import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from openai import OpenAI
from pydantic import BaseModel, Field

from tests.live.launch import MODEL, Server
from tests.live.wire import SKY, chunks_of, error_of
from tests.unit.engine.random_schemas import rooted, validate

CHAT, TEXT = "/v1/chat/completions", "/v1/completions"
WILD = {"temperature": 1.5, "top_p": 1.0}
PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 12},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "born": {"type": "string", "format": "date"},
        "mood": {"enum": ["good", "bad", None]},
        "friend": {"anyOf": [{"$ref": "#/$defs/friend"}, {"type": "null"}]},
    },
    "required": ["name", "age", "born", "mood", "friend"],
    "additionalProperties": False,
    "$defs": {"friend": {"type": "array", "items": {"type": "boolean"}, "maxItems": 2}},
}
NAMED = {"type": "json_schema", "json_schema": {"name": "person", "schema": PERSON}}
GRAMMAR = 'root ::= "id-" [0-9] [0-9] "!"'
LARK = 'start: "id-" /[0-9]{2}/ "!"'
ID = "id-[0-9]{2}!"


def ask(http: httpx.Client, path: str = CHAT, **fields: Any) -> dict[str, Any]:
    subject = {"messages": SKY} if path == CHAT else {"prompt": "The sky is"}
    response = http.post(path, json={**subject, "max_tokens": 300, **WILD, **fields})
    assert response.status_code == 200, response.text
    return response.json()["choices"][0]


def text_of(choice: dict[str, Any]) -> str:
    return choice["text"] if "text" in choice else choice["message"]["content"]


def is_person(text: str) -> bool:
    validate(PERSON, text)
    return True


def is_id(text: str) -> bool:
    return bool(re.fullmatch(ID, text))


def is_yes_or_no(text: str) -> bool:
    return text in ("yes", "no")


FIELDS: list[tuple[dict[str, Any], Callable[[str], bool]]] = [
    ({"json_schema": PERSON}, is_person),
    ({"guided_json": PERSON}, is_person),
    ({"guided_json": json.dumps(PERSON)}, is_person),
    ({"structured_outputs": {"json": PERSON}}, is_person),
    ({"regex": ID}, is_id),
    ({"guided_regex": f"^{ID}$"}, is_id),
    ({"structured_outputs": {"regex": ID}}, is_id),
    ({"choice": ["yes", "no"]}, is_yes_or_no),
    ({"guided_choice": ["yes", "no"]}, is_yes_or_no),
    ({"structured_outputs": {"choice": ["yes", "no"]}}, is_yes_or_no),
    ({"grammar": GRAMMAR}, is_id),
    ({"grammar_string": GRAMMAR}, is_id),
    ({"grammar_string": LARK}, is_id),
    ({"guided_grammar": LARK}, is_id),
    ({"structured_outputs": {"grammar": GRAMMAR}}, is_id),
]
FORMATS: list[tuple[dict[str, Any], Callable[[str], bool]]] = [
    (NAMED, is_person),
    ({"type": "json_schema", "json_schema": {"name": "p", "strict": True, "schema": PERSON}}, is_person),
    ({"type": "json_object"}, lambda text: isinstance(json.loads(text), dict)),
    ({"type": "regex", "pattern": ID}, is_id),
    ({"type": "choice", "choices": ["yes", "no"]}, is_yes_or_no),
    ({"type": "grammar", "grammar": GRAMMAR}, is_id),
    ({"type": "grammar", "grammar": LARK, "syntax": "lark"}, is_id),
]  # fmt: skip


@pytest.mark.parametrize("thinks", [False, True])
@pytest.mark.parametrize(("wanted", "holds"), [*(({"response_format": f}, h) for f, h in FORMATS), *FIELDS])  # fmt: skip
def test_a_chat_reply_obeys_with_and_without_thinking(
    http: httpx.Client, wanted: dict[str, Any], holds: Callable[[str], bool], thinks: bool
) -> None:
    """Thinking is cold, since a hot demo model does not find the end of it."""
    heat = {"temperature": 0} if thinks else WILD
    choice = ask(http, **wanted, **heat, enable_thinking=thinks, seed=5)
    assert bool(choice["message"].get("reasoning_content")) == thinks
    if choice["finish_reason"] == "length":  # "any object" may be as large as it likes
        assert wanted == {"response_format": {"type": "json_object"}}
    else:
        assert holds(text_of(choice)), text_of(choice)


@pytest.mark.parametrize(("wanted", "holds"), FIELDS)
def test_a_completion_obeys_too(
    http: httpx.Client, wanted: dict[str, Any], holds: Callable[[str], bool]
) -> None:
    choice = ask(http, TEXT, **wanted, seed=1)
    assert choice["finish_reason"] == "stop"
    assert holds(text_of(choice)), text_of(choice)


def test_the_pieces_of_a_stream_are_the_whole(http: httpx.Client) -> None:
    body = {"messages": SKY, "response_format": NAMED, "stream": True, "max_tokens": 300, "temperature": 0}  # fmt: skip
    chunks = chunks_of(http.post(CHAT, json=body))
    text = "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks)
    assert is_person(text)
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"


def test_a_reply_that_is_cut_says_so(http: httpx.Client) -> None:
    choice = ask(http, response_format=NAMED, max_tokens=5)
    assert choice["finish_reason"] == "length"
    assert text_of(choice).startswith("{")


def test_text_is_free(http: httpx.Client) -> None:
    free = ask(http, response_format={"type": "text"}, temperature=0)
    assert text_of(free) == "The sky is blue."


@pytest.mark.parametrize("thinks", [False, True])
def test_content_may_have_the_text_of_a_control_token(http: httpx.Client, thinks: bool) -> None:
    choice = ask(http, json_schema={"const": "<think>"}, enable_thinking=thinks, temperature=0)
    assert choice["finish_reason"] == "stop"
    assert json.loads(text_of(choice)) == "<think>"


def test_the_official_client_parses_a_pydantic_model(server: Server) -> None:
    class Point(BaseModel):
        x: int = Field(ge=0, le=9)
        label: str = Field(max_length=5)
        tags: list[bool] = Field(max_length=3)

    with OpenAI(base_url=f"{server.url}/v1", api_key="none") as client:
        done = client.chat.completions.parse(
            model=MODEL, messages=SKY, response_format=Point, max_tokens=200, temperature=1.5, seed=3
        )  # fmt: skip
    assert isinstance(done.choices[0].message.parsed, Point)


@pytest.mark.parametrize(
    ("fields", "param", "words"),
    [
        ({"json_schema": PERSON, "regex": "a"}, "regex", ["json_schema", "regex"]),
        ({"response_format": NAMED, "choice": ["a"]}, "choice", ["response_format", "choice"]),
        ({"structured_outputs": {"json": {}, "regex": "a"}}, "structured_outputs.regex", []),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema", []),
        ({"response_format": {"type": "regex"}}, "response_format.pattern", []),
        ({"response_format": {"type": "choice", "choices": []}}, "response_format.choices", []),
        ({"response_format": {"type": "xml"}}, "response_format.type", []),
        ({"json_schema": {"properties": {"a": {"not": {}}}}}, "json_schema.properties.a.not", ["`not`"]),
        ({"guided_json": '{"uniqueItems": true}'}, "guided_json.uniqueItems", ["`uniqueItems`"]),
        ({"guided_json": "[" * 100_000}, "guided_json", ["JSON"]),
        ({"guided_json": "{"}, "guided_json", ["JSON"]),
        ({"guided_json": '{"const": "\\ud800"}'}, "guided_json.const", ["`const`"]),
        ({"json_schema": {"$ref": "http://169.254.169.254/x"}}, "json_schema.$ref", ["`$ref`"]),
        ({"json_schema": {"minimum": 1e999}}, "json_schema.minimum", ["`minimum`"]),
        ({"regex": "("}, "regex", []),
        ({"regex": "(?=a)"}, "regex", ["look-around"]),
        ({"choice": []}, "choice", []),
        ({"grammar": "root ::= ("}, "grammar", []),
        ({"grammar": "../secret"}, "grammar", []),
        ({"grammar_string": "start: %json {\"if\": {}, \"then\": {}}"}, "grammar_string.if", ["`if`"]),
    ],
)  # fmt: skip
def test_what_cannot_be_obeyed_is_refused_by_name(
    http: httpx.Client, fields: dict[str, Any], param: str, words: list[str]
) -> None:
    body = json.dumps({"messages": SKY, **fields})
    head = {"Content-Type": "application/json"}
    error = error_of(http.post(CHAT, content=body, headers=head), 400)
    assert error["param"] == param
    assert all(word in error["message"] for word in words), error["message"]


def check_random_schemas(http: httpx.Client, examples: int) -> None:
    done: list[str] = []

    @settings(
        max_examples=examples, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(sample=rooted())
    def every_reply_is_valid(sample: Any) -> None:
        schema, _ = sample
        choice = ask(http, json_schema=schema, enable_thinking=False, seed=1, max_tokens=120)
        if choice["finish_reason"] == "stop":
            validate(schema, text_of(choice))
            done.append(text_of(choice))

    every_reply_is_valid()
    assert len(done) > examples / 2


def test_every_reply_to_a_random_schema_is_valid(http: httpx.Client) -> None:
    check_random_schemas(http, 25)


@pytest.mark.slow
def test_very_many_replies_to_random_schemas_are_valid(http: httpx.Client) -> None:
    check_random_schemas(http, 600)


@pytest.mark.parametrize("fields", [{"regex": "a{1000000}"}, {"grammar": 'root ::= "a" root'}])
def test_a_grammar_that_cannot_be_followed_is_the_callers_fault(
    http: httpx.Client, fields: dict[str, Any]
) -> None:
    body = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 20, **fields}
    response = http.post("/v1/chat/completions", json=body)
    assert response.status_code in (200, 400), response.text
