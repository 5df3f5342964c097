"""Decisions: inputs as messages, labels in a vocabulary, answers from probabilities."""

from typing import Any

import pytest

from extensions.openai.decisions.inputs import named_by_source, to_chat_messages
from extensions.openai.decisions.labels import (
    choose_labels,
    letter_labels,
    number_labels,
    word_labels,
)
from extensions.openai.decisions.questions import confidence, ending_of, labels_for, to_answer
from extensions.openai.decisions.typing import DecisionRequest
from modules.core.errors import RequestError
from tests.unit.engine.fake_runner import FakeTokenizer

BYTES = FakeTokenizer()
PREDICATE = {"type": "predicate", "instructions": "It rains."}


def request(**fields: Any) -> DecisionRequest:
    return DecisionRequest.model_validate({"input": "x", "questions": [PREDICATE], **fields})


def messages(*items: dict[str, Any]) -> list[dict[str, Any]]:
    found = to_chat_messages(request(input=list(items)).input)
    return [each.message.model_dump(exclude_none=True) for each in found]


def choice(*values: str | bool, **fields: Any):
    choices = [{"value": value} for value in values]
    question = {"type": "choice", "instructions": "Which?", "choices": choices, **fields}
    return request(questions=[question]).questions[0]


def test_a_text_is_what_the_user_says() -> None:
    (found,) = to_chat_messages("It rains.")
    assert (found.message.role, found.message.content) == ("user", "It rains.")


def test_messages_keep_their_roles_and_parts() -> None:
    found = messages(
        {"role": "system", "content": "Be fair."},
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "a"},
                {"type": "input_json", "data": {"b": [1, None, "ä"]}},
                {"type": "input_image", "image_url": "data:image/png;base64,AA"},
            ],
        },
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
    )
    assert [message["role"] for message in found] == ["system", "user", "assistant"]
    texts = [part.get("text") for part in found[1]["content"]]
    assert texts == ["a", '{"b":[1,null,"ä"]}', None]
    assert found[1]["content"][2]["image_url"] == "data:image/png;base64,AA"
    assert found[2]["content"][0]["text"] == "no"


def test_calls_in_a_row_are_one_message_and_outputs_answer_them() -> None:
    found = messages(
        {"role": "assistant", "content": "Let me see."},
        {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"},
        {"type": "custom_tool_call", "call_id": "2", "name": "g", "input": "a b"},
        {"type": "custom_tool_call_output", "call_id": "2", "output": "two"},
        {"type": "function_call_output", "call_id": "1", "output": "one"},
    )
    assert [message["role"] for message in found] == ["assistant", "tool", "tool"]
    calls = found[0]["tool_calls"]
    assert [(call["id"], call["function"]["arguments"]) for call in calls] == [
        ("1", "{}"),
        ("2", '{"input": "a b"}'),
    ]
    assert [(m["tool_call_id"], m["content"]) for m in found[1:]] == [("2", "two"), ("1", "one")]


def test_errors_about_a_message_name_its_place_in_the_request() -> None:
    items = [
        {"role": "user", "content": "a"},
        {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"},
        {"type": "function_call", "call_id": "2", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "2", "output": "two"},
    ]
    sourced = to_chat_messages(request(input=items).input)
    assert [each.source for each in sourced] == [
        "input[0].content",
        "input[1].content",
        "input[3].output",
    ]
    with pytest.raises(RequestError) as caught, named_by_source(sourced):
        raise RequestError("x", param="messages[2].content[0].image_url")
    assert caught.value.param == "input[3].output[0].image_url"


def nested(depth: int) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for _ in range(depth - 1):
        data = {"a": data}
    return data


def as_json(data: Any) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "input_json", "data": data}]}


@pytest.mark.parametrize(
    ("item", "param"),
    [
        ({"type": "function_call_output", "call_id": "9", "output": "x"}, "input[0].call_id"),
        ({"type": "function_call", "call_id": "9", "name": "f"}, "input[0].arguments"),
        ({"type": "custom_tool_call", "call_id": "9", "name": "f"}, "input[0].input"),
        ({"role": "user", "content": [{"type": "input_text"}]}, "input[0].content[0].text"),
        ({"role": "user", "content": [{"type": "refusal"}]}, "input[0].content[0].refusal"),
        (as_json(None), "input[0].content[0].data"),
        (as_json(nested(33)), "input[0].content[0].data"),
        (as_json({"a": [0] * 10_000}), "input[0].content[0].data"),
        (as_json({"a": "x" * 262_144}), "input[0].content[0].data"),
        (as_json({"a": "\ud800"}), "input[0].content[0].data"),
    ],
)
def test_what_is_missing_or_too_large_is_named(item: dict[str, Any], param: str) -> None:
    with pytest.raises(RequestError) as caught:
        messages(item)
    assert caught.value.param == param


def test_json_up_to_its_bounds_is_taken() -> None:
    assert messages(as_json(nested(32)), as_json({"a": [0] * 9_990}))


def test_words_that_begin_apart_are_their_own_labels() -> None:
    labels = word_labels(["red", "green"], BYTES)
    assert labels is not None
    assert labels.are_words
    assert labels.shown == ("red", "green")
    # A space alone begins every word, so it tells nothing.
    assert labels.paths == (((ord("R"),), (ord("r"),)), ((ord("G"),), (ord("g"),)))


def test_words_that_differ_only_in_case_stay_apart() -> None:
    labels = word_labels(["Red", "red"], BYTES)
    assert labels is not None
    assert labels.paths == (((ord("R"),),), ((ord("r"),),))


@pytest.mark.parametrize(
    "words",
    [["red", "rose"], ["", "a"], [" a", "b"], ["a\nb", "c"], ["a", "b" * 41], ["a", "a"]],
)
def test_other_words_need_letters(words: list[str]) -> None:
    assert word_labels(words, BYTES) is None
    assert choose_labels(words, BYTES).shown == ("A", "B")


def test_more_answers_than_letters_are_numbered() -> None:
    assert letter_labels(27, BYTES) is None
    labels = choose_labels(["x"] * 120, BYTES)
    assert (labels.shown[0], labels.shown[-1]) == ("000", "119")
    assert labels.paths[17] == (tuple(b"017"),)
    assert len({path for paths in labels.paths for path in paths}) == 120


def test_ten_answers_take_one_digit() -> None:
    assert number_labels(10, BYTES).shown == tuple("0123456789")


def test_a_text_and_a_truth_value_that_look_alike_are_two_answers() -> None:
    question = choice(True, False, "true")
    assert labels_for(question, BYTES).shown == ("A", "B", "C")
    answer = to_answer(question, [0.2, 0.3, 0.5]).model_dump()
    assert answer["choice"] == "true"
    assert [p["value"] for p in answer["probabilities"]] == [True, False, "true"]


def test_what_the_instructions_name_is_not_listed_again() -> None:
    question = choice("red", "green")
    labels = labels_for(question, BYTES)
    assert "red" in ending_of(question, labels, "Which?")
    assert "red" not in ending_of(question, labels, "Is it Red or green?")


def test_descriptions_are_always_listed() -> None:
    choices = [{"value": "red", "description": "as blood"}, {"value": "green"}]
    question = choice(choices=choices)
    ending = ending_of(question, labels_for(question, BYTES), "Is it red or green?")
    assert "red (as blood)" in ending


def test_a_score_is_the_mean_of_its_levels() -> None:
    levels = [{"label": "low"}, {"label": "middle"}, {"label": "high"}]
    score = {"type": "score", "instructions": "How high?", "levels": levels, "name": "height"}
    answer = to_answer(request(questions=[score]).questions[0], [0.1, 0.2, 0.7]).model_dump()
    assert answer["score"] == pytest.approx(1.6)
    assert answer["name"] == "height"
    assert [(p["label"], p["value"]) for p in answer["probabilities"]] == [
        ("low", 0),
        ("middle", 1),
        ("high", 2),
    ]


def test_confidence_goes_from_chance_to_certainty() -> None:
    assert confidence([0.25] * 4) == 0
    assert confidence([0.0, 1.0]) == 1
    assert confidence([0.75, 0.25]) == pytest.approx(0.5)
