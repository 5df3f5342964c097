"""Modes and characters on a real server."""

from typing import Any

import httpx
import pytest

from tests.live.wire import GREEDY

PATH = "/v1/chat/completions"
ASK = [{"role": "user", "content": "What color is the sky?"}]


def reply(http: httpx.Client, **fields: Any) -> str:
    body = {"messages": ASK, **GREEDY, "max_tokens": 60, **fields}
    response = http.post(PATH, json=body)
    assert response.status_code == 200, response.text
    return response.json()["choices"][0]["message"]["content"]


def prompt_tokens(http: httpx.Client, **fields: Any) -> int:
    response = http.post(PATH, json={"messages": ASK, **GREEDY, "max_tokens": 1, **fields})
    assert response.status_code == 200, response.text
    return response.json()["usage"]["prompt_tokens"]


@pytest.mark.parametrize("mode", ["chat", "chat-instruct"])
@pytest.mark.parametrize("character", ["Example", "Assistant", "Example.png"])
def test_every_character_answers_within_its_turn(
    http: httpx.Client, mode: str, character: str
) -> None:
    said = reply(http, mode=mode, character=character, user_name="Bob")
    assert "\nBob:" not in said
    assert not said.startswith(" ")
    assert "<|im_end|>" not in said


@pytest.mark.parametrize("mode", ["chat", "chat-instruct"])
def test_system_messages_greeting_and_bio_are_in_the_prompt(http: httpx.Client, mode: str) -> None:
    plain = prompt_tokens(http, mode=mode)
    for more in (
        {"context": "The sky is what we talk about."},
        {"greeting": "Good day to you!"},
        {"user_bio": "A painter of skies."},
        {"messages": [{"role": "system", "content": "Answer in one word."}, *ASK]},
        {"messages": [*ASK, {"role": "system", "content": "Answer in one word."}]},
    ):
        assert prompt_tokens(http, mode=mode, **more) > plain


def test_both_spellings_of_names_count(http: httpx.Client) -> None:
    long = "Maximilian the Second of Somewhere"
    plain = prompt_tokens(http, mode="chat")
    for name in ("name1", "user_name", "name2", "bot_name"):
        assert prompt_tokens(http, mode="chat", **{name: long}) > plain


@pytest.mark.parametrize("mode", ["instruct", "chat", "chat-instruct"])
def test_every_mode_goes_on_with_the_last_message(http: httpx.Client, mode: str) -> None:
    begun = [*ASK, {"role": "assistant", "content": "The sky is "}]
    asked = {"messages": begun, "mode": mode, "continue_": True}
    assert not reply(http, **asked).startswith("The sky is")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"character": "../../settings"}, "character"),
        ({"character": "Nobody"}, "character"),
        ({"user_name": "a\nb"}, "user_name"),
        ({"chat_template_str": "{% for %}"}, "chat_template_str"),
        ({"chat_instruct_command": "no place", "mode": "chat-instruct"}, "chat_instruct_command"),
        ({"continue_": True}, "continue_"),
    ],
)
def test_what_cannot_be_used_is_a_400_that_names_the_field(
    http: httpx.Client, fields: dict[str, Any], param: str
) -> None:
    response = http.post(PATH, json={"messages": ASK, "mode": "chat", **fields})
    assert response.status_code == 400
    assert response.json()["error"]["param"] == param
