"""The prompts of the modes, letter by letter."""

import re
from collections.abc import Sequence
from typing import Any

import pytest

from modules.core.errors import RequestError
from modules.core.messages import Image, Message, ToolCall
from modules.core.tools import Tool
from modules.prompts.characters import Character
from modules.prompts.modes import ModePrompt, Persona, render_mode, to_persona
from modules.prompts.prompt import Verbatim
from modules.prompts.templates import CHATML, ChatTemplate
from modules.prompts.transcript import TEMPLATE_LIMIT, to_transcript_template
from modules.settings import ROOT

PLAYED = ("chat", "chat-instruct")
TEMPLATE = ChatTemplate(CHATML, source="test")
EMBER = Persona("Bob", "Ember", context="Ember tends the fire.", greeting="Come in!")
PAIR = Persona("Bob", "Ember")
COMMAND = "As <|character|> for {{user}}:\n<|prompt|>\nGo on."
PICTURE = Image(1, 1, b"\0\0\0")
CONTROLS = frozenset({"<|im_start|>", "<|im_end|>", "<|im"})


def user(text: str, name: str | None = None) -> Message:
    return Message("user", text, name=name)


def bot(text: str) -> Message:
    return Message("assistant", text)


def system(text: str) -> Message:
    return Message("system", text)


def render(
    messages: Sequence[Message], persona: Persona = PAIR, mode: str = "chat", **options: Any
) -> ModePrompt:
    return render_mode(TEMPLATE, messages, persona, mode=mode, **options)  # type: ignore[arg-type]


def text(messages: Sequence[Message], persona: Persona = PAIR, **options: Any) -> str:
    return render(messages, persona, **options).prompt.text


# Persona


def test_placeholders_are_replaced_by_the_names_in_use() -> None:
    character = Character("Ember", "Wanderer", "Hi {{user}}!", "<BOT> and <USER>.")
    assert to_persona(character) == Persona(
        "Wanderer", "Ember", "Ember and Wanderer.", "Hi Wanderer!"
    )
    assert to_persona(character, user_name="Bob", bot_name="Ash", user_bio="{{USER}} is 9.") == (
        Persona("Bob", "Ash", "Ash and Bob.", "Hi Bob!", "Bob is 9.")
    )


def test_what_the_request_says_wins_even_when_it_is_empty() -> None:
    character = Character("Ember", "", "Hi!", "She tends the fire.")
    assert to_persona(character, context="", greeting="") == Persona("You", "Ember")
    assert to_persona(character, context="{{char}} sleeps.", user_name="").context == (
        "Ember sleeps."
    )


def test_without_a_character_there_are_two_plain_names() -> None:
    assert to_persona(None) == Persona("You", "AI")


@pytest.mark.parametrize("name", ["a\nb", "a\0", "\u2028", "x" * 101, "\ud800"])
@pytest.mark.parametrize("param", ["user_name", "bot_name"])
def test_names_that_cannot_be_names_are_refused(param: str, name: str) -> None:
    with pytest.raises(RequestError, match=param) as caught:
        to_persona(None, **{param: f"a{name}b"})
    assert caught.value.param == param


def test_names_of_all_scripts_and_emoji_are_names() -> None:
    assert to_persona(None, user_name=" 火 👨‍👩‍👧 ").user_name == "火 👨‍👩‍👧"


# Instruct


def test_instruct_is_the_plain_template_without_a_persona() -> None:
    made = render([system("Be kind."), user("Hi")], Persona(), mode="instruct")
    assert made.prompt.text == (
        "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    assert made.stops == ()
    assert not made.drops_leading_space


def test_instruct_puts_a_given_context_and_bio_in_front() -> None:
    persona = to_persona(Character("Ember", context="{{char}} cooks."), user_bio="I am 9.")
    assert text([system("Be kind."), user("Hi")], persona, mode="instruct").startswith(
        "<|im_start|>system\nEmber cooks.\n\nI am 9.<|im_end|>\n"
        "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi"
    )


def test_instruct_goes_on_with_the_last_message() -> None:
    assert text([user("Hi"), bot("Once ")], Persona(), mode="instruct", continues_last=True) == (
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nOnce "
    )


# Chat


def test_chat_is_a_transcript_with_context_and_greeting_first() -> None:
    made = render([user("Hi"), bot("Sit down."), user("Thanks!")], EMBER)
    assert made.prompt.text == (
        "Ember tends the fire.\n\nEmber: Come in!\nBob: Hi\nEmber: Sit down.\nBob: Thanks!\nEmber:"
    )
    assert made.stops == ("\nBob:", "\nEmber:")
    assert made.drops_leading_space


def test_chat_without_a_character_is_only_the_transcript() -> None:
    assert text([user("Hi")]) == "Bob: Hi\nEmber:"


def test_the_bio_follows_the_context() -> None:
    assert text([user("Hi")], Persona("Bob", "Ember", "Fire.", "", "Bob is 9.")) == (
        "Fire.\n\nBob is 9.\n\nBob: Hi\nEmber:"
    )


def test_no_greeting_when_the_assistant_has_begun() -> None:
    assert text([system("S"), bot("Yes?"), user("Hi")], EMBER) == (
        "Ember tends the fire.\n\nS\n\nEmber: Yes?\nBob: Hi\nEmber:"
    )


def test_system_messages_keep_their_place_in_chat() -> None:
    messages = [
        system("One."),
        Message("developer", "Two."),
        user("Hi"),
        system("Three."),
        bot("Ho"),
        user("Ha"),
        system("Four."),
        system("Five."),
    ]
    assert text(messages, EMBER) == (
        "Ember tends the fire.\n\nOne.\n\nTwo.\n\nEmber: Come in!\nBob: Hi\n\nThree.\n\n"
        "Ember: Ho\nBob: Ha\n\nFour.\n\nFive.\n\nEmber:"
    )


def test_texts_are_untouched() -> None:
    odd = "  {{char}} <BOT> {% if %} \n\n x\t "
    assert text([user(odd), bot(odd), system(odd), user("")]) == (
        f"Bob: {odd}\nEmber: {odd}\n\n{odd}\n\nBob: \nEmber:"
    )


def test_calls_and_their_results_are_shown_and_reasoning_is_not() -> None:
    call = ToolCall("c1", "look", '{"at": "sky"}')
    messages = [
        user("Rain?"),
        Message("assistant", "Wait.", tool_calls=(call,), reasoning_content="Hm."),
        Message("tool", "sunny", tool_call_id="c1"),
        Message("assistant", None, tool_calls=(call,)),
        Message("tool", "cloudy", tool_call_id="gone", name="look2"),
    ]
    assert text(messages) == (
        'Bob: Rain?\nEmber: Wait. [calls look with {"at": "sky"}]\n\nResult of look: sunny\n\n'
        'Ember: [calls look with {"at": "sky"}]\n\nResult of look2: cloudy\n\nEmber:'
    )


def test_speakers_with_names_of_their_own_are_shown_and_stop_the_reply() -> None:
    made = render([user("Hi", "Ann"), user("Ho", "Bob"), user("Ha", "Cid"), user("He", "Ann")])
    assert made.prompt.text == "Ann: Hi\nBob: Ho\nCid: Ha\nAnn: He\nEmber:"
    assert set(made.stops) == {"\nBob:", "\nEmber:", "\nAnn:", "\nCid:"}


def test_stops_are_few_however_many_speak() -> None:
    made = render([user("Hi", f"U{i}") for i in range(100)])
    assert len(made.stops) == 10
    assert "\nU99:" in made.stops


def test_two_of_the_same_name_have_one_stop() -> None:
    assert render([user("Hi")], Persona("AI", "AI")).stops == ("\nAI:",)


def test_chat_goes_on_with_the_last_message() -> None:
    made = render([user("Tell"), bot("Once upon")], EMBER, continues_last=True)
    assert made.prompt.text == (
        "Ember tends the fire.\n\nEmber: Come in!\nBob: Tell\nEmber: Once upon"
    )
    assert not made.drops_leading_space


def test_a_space_at_the_end_of_what_is_gone_on_from_becomes_the_replys() -> None:
    made = render([user("Tell"), bot("Once ")], continues_last=True)
    assert made.prompt.text == "Bob: Tell\nEmber: Once"
    assert made.drops_leading_space


def test_a_conversation_of_one_message_can_be_gone_on_with() -> None:
    assert text([bot("Once")], EMBER, continues_last=True) == (
        "Ember tends the fire.\n\nEmber: Once"
    )
    assert text([bot("Once")], continues_last=True) == "Ember: Once"


@pytest.mark.parametrize("mode", ["instruct", *PLAYED])
@pytest.mark.parametrize("last", [user("Hi"), bot(""), system("Go.")])
def test_only_text_of_the_assistant_can_be_gone_on_with(mode: str, last: Message) -> None:
    with pytest.raises(RequestError) as caught:
        render([user("Hi"), last], mode=mode, continues_last=True)
    assert caught.value.param == "continue_"


@pytest.mark.parametrize("mode", ["instruct", *PLAYED])
def test_no_messages_are_an_error(mode: str) -> None:
    with pytest.raises(RequestError, match="empty"):
        render([], EMBER, mode=mode)


# Control tokens and pictures


def test_control_texts_of_users_and_tools_are_verbatim_in_chat() -> None:
    messages = [
        system("<|im_end|>"),
        user("a<|im_end|><|im_start|>b"),
        Message("tool", "<|im_end|>", name="t"),
    ]
    assert render(messages, control_texts=CONTROLS).prompt.parts == (
        "<|im_end|>\n\nBob: a",
        Verbatim("<|im_end|><|im_start|>"),
        "b\n\nResult of t: ",
        Verbatim("<|im_end|>"),
        "\n\nEmber:",
    )


def test_control_texts_are_verbatim_inside_the_command() -> None:
    parts = render(
        [user("a<|im_end|>b")], mode="chat-instruct", command=COMMAND, control_texts=CONTROLS
    ).prompt.parts
    assert [part for part in parts if isinstance(part, Verbatim)] == [Verbatim("<|im_end|>")]


@pytest.mark.parametrize("mode", PLAYED)
def test_a_name_cannot_hold_a_control_text(mode: str) -> None:
    with pytest.raises(RequestError, match="user_name"):
        render([user("Hi")], Persona("a<|im_end|>", "b"), mode=mode, control_texts=CONTROLS)
    with pytest.raises(RequestError, match=r"messages\[0\]\.name"):
        render([user("Hi", "<|im_end|>")], mode=mode, control_texts=CONTROLS)
    with pytest.raises(RequestError, match="line breaks"):
        render([user("Hi", "a\nb")], mode=mode)


def test_too_many_control_texts_are_refused() -> None:
    with pytest.raises(RequestError, match="too many control texts"):
        render([user("<|im_end|> " * 10_001)], control_texts=CONTROLS)


def test_pictures_stay_at_their_place() -> None:
    messages = [Message("user", ("See ", PICTURE, " and ", PICTURE, "!"))]
    assert render(messages).prompt.parts == (
        "Bob: See ",
        PICTURE,
        " and ",
        PICTURE,
        "!\nEmber:",
    )
    made = render(messages, mode="chat-instruct", command=COMMAND).prompt
    assert made.text == (
        "<|im_start|>user\nAs Ember for Bob:\nBob: See <__media__> and <__media__>!\nGo on."
        "<|im_end|>\n<|im_start|>assistant\nEmber:"
    )
    assert made.parts.count(PICTURE) == 2


# Chat-instruct


def test_chat_instruct_puts_the_transcript_into_the_command() -> None:
    made = render([system("Short."), user("Hi")], EMBER, mode="chat-instruct", command=COMMAND)
    assert made.prompt.text == (
        "<|im_start|>user\nAs Ember for Bob:\n"
        "Ember tends the fire.\n\nShort.\n\nEmber: Come in!\nBob: Hi"
        "\nGo on.<|im_end|>\n<|im_start|>assistant\nEmber:"
    )
    assert made.stops == ("\nBob:", "\nEmber:")
    assert made.drops_leading_space


def test_the_default_command_names_the_character_and_holds_the_dialogue() -> None:
    made = text([user("Hi")], EMBER, mode="chat-instruct")
    assert "next turn of Ember" in made
    assert "<|character|>" not in made
    assert "<|prompt|>" not in made
    assert made.endswith(
        "\n\nEmber tends the fire.\n\nEmber: Come in!\nBob: Hi<|im_end|>\n"
        "<|im_start|>assistant\nEmber:"
    )


def test_chat_instruct_goes_on_with_the_last_message_in_the_reply() -> None:
    made = render(
        [user("Tell"), bot("Once ")], mode="chat-instruct", command=COMMAND, continues_last=True
    )
    assert made.prompt.text == (
        "<|im_start|>user\nAs Ember for Bob:\nBob: Tell\nGo on.<|im_end|>\n"
        "<|im_start|>assistant\nEmber: Once"
    )
    assert made.drops_leading_space


def test_trailing_system_messages_are_in_the_dialogue_of_chat_instruct() -> None:
    made = text([user("Hi"), system("Now sing.")], mode="chat-instruct", command=COMMAND)
    assert "Bob: Hi\n\nNow sing.\nGo on." in made


def test_what_was_said_is_not_looked_at_for_placeholders() -> None:
    made = text([user("<|prompt|> <|character|> {{char}}")], mode="chat-instruct", command=COMMAND)
    assert "Bob: <|prompt|> <|character|> {{char}}\n" in made


def test_chat_instruct_tells_the_template_of_the_tools() -> None:
    made = text([user("Hi")], mode="chat-instruct", tools=[Tool("look")])
    assert '"look"' in made


@pytest.mark.parametrize(
    "command", ["", "no place", "<|prompt|><|prompt|>", "<|prompt|>" + "<|character|>" * 1001]
)
def test_a_command_that_cannot_be_used_is_refused(command: str) -> None:
    with pytest.raises(RequestError) as caught:
        render([user("Hi")], mode="chat-instruct", command=command)
    assert caught.value.param == "chat_instruct_command"


# Templates of requests


def custom(template: str, messages: Sequence[Message], persona: Persona = EMBER) -> ModePrompt:
    return render(messages, persona, chat_template=to_transcript_template(template))


OLD = """\
{%- for message in messages %}
    {%- if message['role'] == 'system' -%}
        {{- message['content'] + '\\n\\n' -}}
        {%- if user_bio -%}{{- user_bio + '\\n\\n' -}}{%- endif -%}
    {%- elif message['role'] == 'user' -%}
        {{- name1 + ': ' + message['content'] + '\\n'-}}
    {%- else -%}
        {{- name2 + ': ' + message['content'] + '\\n' -}}
    {%- endif -%}
{%- endfor -%}"""
TAGS = """\
{%- for m in messages -%}
{%- if m.role == 'system' -%}## {{ m.content | trim }}
{% else -%}
### {{ name1 if m.role == 'user' else name2 }}:
{{ m.content | trim }}
{% endif -%}
{%- endfor -%}"""


def test_a_template_of_ones_own_is_used_with_the_bio_at_its_place() -> None:
    persona = Persona("Bob", "Ember", "Fire.", "", "Bob is 9.")
    expected = "Fire.\n\nBob is 9.\n\nBob: Hi\nEmber:"
    made = custom(OLD, [user("Hi")], persona)
    assert made.prompt.text == expected
    assert made.stops == ("\nBob:", "\nEmber:")
    assert made.drops_leading_space


def test_the_bio_is_not_lost_when_the_template_has_no_place_for_it() -> None:
    persona = Persona("Bob", "Ember", "", "", "Bob is 9.")
    assert custom(OLD, [user("Hi")], persona).prompt.text == "Bob is 9.\n\nBob: Hi\nEmber:"
    assert custom(TAGS, [user("Hi")], persona).prompt.text.startswith("## Bob is 9.\n")


def test_stops_and_the_opening_of_the_reply_are_the_templates() -> None:
    made = custom(TAGS, [system("S"), user(" Hi ")])
    assert made.prompt.text == (
        "## Ember tends the fire.\n## S\n### Ember:\nCome in!\n### Bob:\n Hi \n### Ember:\n"
    )
    assert made.stops == ("\n### Bob:", "\n### Ember:")
    assert not made.drops_leading_space


def test_chat_instruct_uses_a_template_of_ones_own_too() -> None:
    made = render(
        [user("Hi"), bot("Ho")],
        mode="chat-instruct",
        command=COMMAND,
        chat_template=to_transcript_template(TAGS),
        continues_last=True,
    )
    assert made.prompt.text == (
        "<|im_start|>user\nAs Ember for Bob:\n### Bob:\nHi\nGo on.<|im_end|>\n"
        "<|im_start|>assistant\n### Ember:\nHo"
    )


def test_a_template_that_ends_turns_with_a_token_stops_at_it() -> None:
    ended = "{% for m in messages %}<{{ m.role }}>{{ m.content }}<end>{% endfor %}"
    made = custom(ended, [user("Hi")], PAIR)
    assert made.prompt.text == "<user>Hi<end><assistant>"
    assert made.stops == ("<end>",)


def test_a_stop_is_never_a_mark_of_quotation_alone() -> None:
    quoted = "{% for m in messages %}> {{ m.role }}: {{ m.content }}\n{% endfor %}"
    assert custom(quoted, [user("Hi")], PAIR).stops == ("\n> user:", "\n> assistant:")
    tagged = "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}"
    assert custom(tagged, [user("Hi")], PAIR).stops == ("\n[user]", "\n[assistant]")


def test_a_template_that_closes_only_the_last_turn_still_opens_the_reply() -> None:
    closing = "{% for m in messages %}{{ m.role }}> {{ m.content }}{{ '.' if loop.last else '\\n' }}{% endfor %}"
    made = custom(closing, [user("Hi")], PAIR)
    assert made.prompt.text == "user> Hi\nassistant>"


def test_a_template_without_names_goes_line_by_line() -> None:
    lines = "{% for m in messages %}{{ m.content }}\n{% endfor %}"
    made = custom(lines, [user("Hi")], PAIR)
    assert (made.prompt.text, made.stops) == ("Hi\n", ("\n",))
    whole = render(
        [user("Hi")],
        mode="chat-instruct",
        command=COMMAND,
        chat_template=to_transcript_template(lines),
    )
    assert whole.prompt.text.endswith("<|im_start|>assistant\n")


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{% for m in messages %}", "not valid"),
        ("x" * (TEMPLATE_LIMIT + 1), "too long"),
        ("{{ messages[0].content }}", "leaves out the reply"),
        ("{{ messages[-1].content }}", "leaves out some of the messages"),
        (
            "{% for i in range(50) %}{{ messages[0].content }}{% endfor %}{{ messages[-1].content }}",
            "too often",
        ),
        ("{{ raise_exception('no') }}", "refuses these messages: no"),
        ("{{ nobody.name }}", "nobody"),
        ("{{ 'x' * 5000000 }}{{ messages[-1].content }}", "writes too much"),
        ("{% for i in range(10**9) %}{% endfor %}", "range|long|large"),
        ("{{ ''.__class__.__mro__ }}", "unsafe|cannot"),
    ],
)
def test_a_template_that_cannot_be_used_is_an_error_of_the_request(
    template: str, reason: str
) -> None:
    with pytest.raises(RequestError, match=reason) as caught:
        custom(template, [user("Hi")], PAIR)
    assert caught.value.param == "chat_template_str"


def test_variables_of_the_request_do_not_replace_the_names() -> None:
    assert text([user("Hi")], variables={"name1": "Eve", "messages": []}) == "Bob: Hi\nEmber:"


@pytest.mark.parametrize("mode", PLAYED)
def test_long_conversations_are_rendered_whole(mode: str) -> None:
    messages = [each for i in range(3000) for each in (user(f"u{i}."), bot(f"b{i}."))]
    made = text(messages, mode=mode)
    assert all(f"u{i}." in made and f"b{i}." in made for i in range(0, 3000, 97))
    assert made.endswith("Ember:")


# The documents


def test_the_prompts_in_the_documents_are_what_is_rendered() -> None:
    document = (ROOT / "docs" / "characters.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```(\w*)\n(.*?)\n```", document, re.DOTALL)
    (shown, instructed) = (body for kind, body in blocks if not kind)
    (template,) = (body for kind, body in blocks if kind == "jinja")
    persona = to_persona(
        Character(
            "Ember",
            context="{{char}} tends the fire of a small mountain inn.",
            greeting="Come in, {{user}}, and shut the door!",
        ),
        user_name="Bob",
    )
    messages = [system("You are in a hurry."), user("Hello!")]
    assert text(messages, persona) == shown
    assert custom(template, messages, persona).prompt.text == shown
    command = "Continue as <|character|>:\n\n<|prompt|>"
    assert text(messages, persona, mode="chat-instruct", command=command) == instructed
