"""The blocking API of 2023: its parameters and histories in today's words."""

from typing import Any

import pytest

from extensions.openai.legacy.old_chat import NOBODY, OldTurn
from extensions.openai.legacy.old_parameters import (
    AS_MANY_AS_FIT,
    DEFAULT_MAX_NEW_TOKENS,
    to_new_fields,
)
from extensions.openai.legacy.old_types import OldChatRequest, OldGenerateRequest, OldHistory
from extensions.openai.typing import ChatCompletionRequest, CompletionRequest
from modules.core.errors import RequestError

PARAMETERS_OF_2023: dict[str, Any] = {
    "max_new_tokens": 250,
    "auto_max_new_tokens": False,
    "max_tokens_second": 0,
    "preset": "None",
    "do_sample": True,
    "temperature": 0.7,
    "top_p": 0.1,
    "typical_p": 1,
    "epsilon_cutoff": 0,
    "eta_cutoff": 0,
    "tfs": 1,
    "top_a": 0,
    "repetition_penalty": 1.18,
    "repetition_penalty_range": 0,
    "top_k": 40,
    "min_length": 0,
    "no_repeat_ngram_size": 0,
    "num_beams": 1,
    "penalty_alpha": 0,
    "length_penalty": 1,
    "early_stopping": False,
    "mirostat_mode": 0,
    "mirostat_tau": 5,
    "mirostat_eta": 0.1,
    "grammar_string": "",
    "guidance_scale": 1,
    "negative_prompt": "",
    "seed": -1,
    "add_bos_token": True,
    "truncation_length": 2048,
    "ban_eos_token": False,
    "custom_token_bans": "",
    "skip_special_tokens": True,
    "stopping_strings": [],
}


def fields(**body: Any) -> dict[str, Any]:
    request = OldGenerateRequest.model_validate({"prompt": "x", **body})
    return to_new_fields(request, CompletionRequest)


def test_all_parameters_of_then_are_understood() -> None:
    found = fields(**PARAMETERS_OF_2023)
    request = CompletionRequest.model_validate(
        {name: value for name, value in found.items() if value is not None}
    )
    assert not request.model_extra
    assert (found["temperature"], found["top_k"], found["max_tokens"]) == (0.7, 40, 250)
    assert (found["stop"], found["preset"], found["grammar_string"]) == ([], None, None)


def test_what_is_switched_on_but_not_there_reaches_the_list_of_ignored_fields() -> None:
    found = fields(num_beams=4, tfs=0.9, top_a=0, made_up=1)
    assert {"num_beams": 4, "tfs": 0.9, "made_up": 1}.items() <= found.items()
    assert "top_a" not in found


def test_fields_of_the_newer_api_are_not_let_through() -> None:
    found = fields(stream=True, n=5, echo=True)
    assert not {"stream", "n", "echo"} & found.keys()


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        ({}, DEFAULT_MAX_NEW_TOKENS),
        ({"max_length": 7}, 7),
        ({"max_length": 7, "max_new_tokens": 8}, 8),
        ({"max_new_tokens": 8, "auto_max_new_tokens": True}, AS_MANY_AS_FIT),
    ],
)
def test_how_long_a_reply_may_be(body: dict[str, Any], tokens: int) -> None:
    assert fields(**body)["max_tokens"] == tokens


def test_other_names_of_samplers_count_where_the_usual_ones_are_missing() -> None:
    found = fields(rep_pen=1.5, typical=0.4)
    assert (found["repetition_penalty"], found["typical_p"]) == (1.5, 0.4)
    found = fields(rep_pen=1.5, repetition_penalty=1.2, typical=0.4, typical_p=0.5)
    assert (found["repetition_penalty"], found["typical_p"]) == (1.2, 0.5)


def test_stops_come_from_a_list_or_from_a_line_of_strings() -> None:
    found = fields(stopping_strings=["a"], custom_stopping_strings='"\\n", "###"')
    assert found["stop"] == ["a", "\n", "###"]
    assert fields(custom_stopping_strings=["b"])["stop"] == ["b"]


@pytest.mark.parametrize("text", ["###", '"a" "b"', "1", '"a", 2', "[" * 50_000, '"\\ud800'])
def test_a_line_that_holds_no_strings_is_refused(text: str) -> None:
    with pytest.raises(RequestError) as caught:
        fields(custom_stopping_strings=text)
    assert caught.value.param == "custom_stopping_strings"


def test_too_many_stops_are_refused_under_their_own_name() -> None:
    with pytest.raises(RequestError) as caught:
        fields(stopping_strings=["x"] * 1000)
    assert caught.value.param == "stopping_strings"


def turn(pairs: list[list[str]] | None = None, **body: Any) -> OldTurn:
    history = None
    if pairs is not None:
        history = {"internal": pairs, "visible": [list(pair) for pair in pairs]}
    return OldTurn(OldChatRequest.model_validate({"history": history, **body}))


def said(request: ChatCompletionRequest) -> list[tuple[str, Any]]:
    return [(message.role, message.content) for message in request.messages]


def test_pairs_become_messages_and_the_input_the_last_one() -> None:
    request = turn([["Hi", "Hello!"]], user_input="Who?").to_chat_request()
    assert said(request) == [("user", "Hi"), ("assistant", "Hello!"), ("user", "Who?")]
    assert (request.mode, request.continue_) == ("chat", False)


def test_a_character_that_speaks_first_has_no_user_before_it() -> None:
    request = turn([[NOBODY, "Welcome!"]], user_input="Hi").to_chat_request()
    assert said(request) == [("assistant", "Welcome!"), ("user", "Hi")]


def test_regenerate_asks_again_without_the_last_reply() -> None:
    asked = turn([["Hi", "Hello!"], ["Who?", "Me"]], user_input="ignored", regenerate=True)
    assert said(asked.to_chat_request())[-1] == ("user", "Who?")
    assert asked.with_reply("You").internal == [["Hi", "Hello!"], ["Who?", "You"]]


def test_continue_goes_on_from_the_last_reply() -> None:
    asked = turn([["Hi", "Hel"]], _continue=True)
    request = asked.to_chat_request()
    assert said(request)[-1] == ("assistant", "Hel")
    assert request.continue_ is True
    assert asked.with_reply("lo!") == OldHistory(
        internal=[["Hi", "Hello!"]], visible=[["Hi", "Hello!"]]
    )


@pytest.mark.parametrize("way", ["regenerate", "_continue"])
def test_without_a_history_there_is_nothing_to_repeat(way: str) -> None:
    assert turn([], **{way: True}).has_nothing_to_do
    assert not turn([["a", "b"]], **{way: True}).has_nothing_to_do


def test_a_reply_is_visible_as_html_and_kept_as_text() -> None:
    history = turn(user_input="1 < 2?").with_reply("<b> & so on")
    assert history.internal == [["1 < 2?", "<b> & so on"]]
    assert history.visible == [["1 &lt; 2?", "&lt;b&gt; &amp; so on"]]


def test_the_given_history_is_not_changed() -> None:
    asked = turn([["Hi", "Hello!"]], user_input="x", regenerate=True)
    asked.with_reply("other")
    assert asked.history.internal == [["Hi", "Hello!"]]


def test_names_and_characters_belong_to_chats_and_templates_to_instructions() -> None:
    body = {
        "user_input": "x",
        "character": "Example",
        "your_name": "Ann",
        "name1": "Bob",
        "instruction_template": "Alpaca",
        "context_instruct": "Be kind.",
    }
    chat = turn(**body).to_chat_request()
    assert (chat.character, chat.name1, chat.instruction_template) == ("Example", "Ann", None)
    instruct = turn(**body, mode="instruct").to_chat_request()
    assert (instruct.character, instruct.instruction_template) == (None, "Alpaca")
    assert said(instruct)[0] == ("system", "Be kind.")
    nothing = turn(user_input="x", character="None", your_name="").to_chat_request()
    assert (nothing.character, nothing.name1) == (None, None)


def test_a_line_break_can_end_the_reply() -> None:
    assert turn(user_input="x", stop_at_newline=True).to_chat_request().stop == ["\n"]


def test_a_reply_of_no_tokens_is_refused() -> None:
    with pytest.raises(RequestError) as caught:
        turn(user_input="x", max_new_tokens=0).to_chat_request()
    assert caught.value.param == "max_new_tokens"
