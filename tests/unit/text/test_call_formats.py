"""Every family's replies, read the same however they are cut."""

import json

import pytest

from modules.core.tools import ReasoningMarks, ReplyLayout, Tool
from modules.text.call_formats import FORMATS
from modules.text.splitter import ReplySplitter
from tests.unit.text.replies import Reply, fold, parts_of, read

WEATHER = Tool(
    "get_weather",
    parameters='{"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city"]}',
)
TIME = Tool("get_time", parameters='{"type": "object", "properties": {"zone": {"type": "string"}}}')
ONE = [("get_weather", {"city": "Paris"})]
TWO = [("get_weather", {"city": "Paris", "days": 3}), ("get_time", {"zone": "Europe/Rome"})]

C, M, E, S = "<|channel|>", "<|message|>", "<|end|>", "<|start|>"
DB, DE = "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"
DC, DD, DS = "<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>", "<｜tool▁sep｜>"
ARGS = '{"city": "Paris", "days": 3}'
ZONE = '{"zone": "Europe/Rome"}'

# (format, what the model writes, content, calls, thinking)
GOLDEN = [
    (
        "hermes",
        'Let me see.\n<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>',
        "Let me see.",
        ONE,
        "",
    ),
    (
        "hermes",
        f'<tool_call>\n{{"name": "get_weather", "arguments": {ARGS}}}\n</tool_call>\n<tool_call>\n{{"name": "get_time", "arguments": {ZONE}}}\n</tool_call>',
        "",
        TWO,
        "",
    ),
    (
        "hermes",
        f'<think>\nThe weather.\n</think>\n\n<tool_call>{{"arguments": {ARGS}, "name": "get_weather"}}</tool_call>',
        "",
        TWO[:1],
        "The weather.",
    ),
    (
        "hermes",
        '<tool_call>{"name": "get_weather", "arguments": "{\\"city\\": \\"Paris\\"}"}</tool_call>',
        "",
        ONE,
        "",
    ),
    ("hermes", '<tool_call>{"name": "get_time"}</tool_call>', "", [("get_time", {})], ""),
    (
        "hermes",
        '<tool_call>{"id": [1, {"a": "}"}], "name": "get_time", "arguments": null}</tool_call>',
        "",
        [("get_time", {})],
        "",
    ),
    (
        "hermes",
        '<tool_call>{"name": "get_weather", "arguments": {"city": "a </tool_call> \\" é 🎈"}}</tool_call>',
        "",
        [("get_weather", {"city": 'a </tool_call> " é 🎈'})],
        "",
    ),
    (
        "qwen_xml",
        "<tool_call>\n<function=get_weather>\n<parameter=city>\nParis\n</parameter>\n<parameter=days>\n3\n</parameter>\n</function>\n</tool_call>\n<tool_call>\n<function=get_time>\n<parameter=zone>\nEurope/Rome\n</parameter>\n</function>\n</tool_call>",
        "",
        TWO,
        "",
    ),
    (
        "qwen_xml",
        '<tool_call>\n<function=get_weather>\n<parameter=city>\nline "one"\nline two\n</parameter>\n</function>\n</tool_call>',
        "",
        [("get_weather", {"city": 'line "one"\nline two'})],
        "",
    ),
    (
        "qwen_xml",
        "<tool_call>\n<function=get_time>\n</function>\n</tool_call>",
        "",
        [("get_time", {})],
        "",
    ),
    (
        "llama3_json",
        f'{{"name": "get_weather", "parameters": {ARGS}}}; {{"name": "get_time", "parameters": {ZONE}}}',
        "",
        TWO,
        "",
    ),
    (
        "llama3_json",
        f'<|python_tag|>{{"name": "get_weather", "parameters": {ARGS}}}',
        "",
        TWO[:1],
        "",
    ),
    (
        "llama_pythonic",
        "[get_weather(city=\"Paris\", days=3), get_time(zone='Europe/Rome')]",
        "",
        TWO,
        "",
    ),
    ("llama_pythonic", '<|python_start|>[get_weather(city="Paris")]<|python_end|>', "", ONE, ""),
    (
        "mistral",
        f"[TOOL_CALLS]get_weather[ARGS]{ARGS}[TOOL_CALLS]get_time[ARGS]{ZONE}",
        "",
        TWO,
        "",
    ),
    ("mistral", '[TOOL_CALLS]get_weather[CALL_ID]abc123def[ARGS]{"city": "Paris"}', "", ONE, ""),
    (
        "mistral_list",
        f'Yes.[TOOL_CALLS] [{{"name": "get_weather", "arguments": {ARGS}, "id": "9Ae3bDc2F"}}, {{"name": "get_time", "arguments": {ZONE}}}]',
        "Yes.",
        TWO,
        "",
    ),
    (
        "deepseek_v3",
        f"{DB}{DC}function{DS}get_weather\n```json\n{ARGS}\n```{DD}\n{DC}function{DS}get_time\n```json\n{ZONE}\n```{DD}{DE}",
        "",
        TWO,
        "",
    ),
    (
        "deepseek_v31",
        f"{DB}{DC}get_weather{DS}{ARGS}{DD}{DC}get_time{DS}{ZONE}{DD}{DE}",
        "",
        TWO,
        "",
    ),
    (
        "deepseek_dsml",
        '<｜DSML｜function_calls>\n<｜DSML｜invoke name="get_weather">\n<｜DSML｜parameter name="city" string="true">Paris</｜DSML｜parameter>\n<｜DSML｜parameter name="days" string="false">3</｜DSML｜parameter>\n</｜DSML｜invoke>\n<｜DSML｜invoke name="get_time">\n<｜DSML｜parameter name="zone" string="true">Europe/Rome</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜function_calls>',
        "",
        TWO,
        "",
    ),
    (
        "glm",
        "<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Paris</arg_value>\n<arg_key>days</arg_key>\n<arg_value>3</arg_value>\n</tool_call>\n<tool_call>get_time\n<arg_key>zone</arg_key>\n<arg_value>Europe/Rome</arg_value>\n</tool_call>",
        "",
        TWO,
        "",
    ),
    (
        "glm",
        "<tool_call>get_weather<arg_key>city</arg_key><arg_value>Paris</arg_value></tool_call>",
        "",
        ONE,
        "",
    ),
    (
        "kimi",
        f"<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>{ARGS}<|tool_call_end|><|tool_call_begin|>functions.get_time:1<|tool_call_argument_begin|>{ZONE}<|tool_call_end|><|tool_calls_section_end|>",
        "",
        TWO,
        "",
    ),
    (
        "harmony",
        f'{C}analysis{M}The weather.{E}{S}assistant{C}commentary to=functions.get_weather <|constrain|>json{M}{{"city": "Paris"}}<|call|>',
        "",
        ONE,
        "The weather.",
    ),
    (
        "harmony",
        f'{C}commentary{M}Let me see.{E}{S}assistant to=functions.get_weather{C}commentary json{M}{{"city": "Paris"}}',
        "Let me see.",
        [],
        "",
    ),
    (
        "harmony",
        f"{C}analysis{M}Hm.{E}{S}assistant{C}final{M}It is sunny.<|return|>",
        "It is sunny.",
        [],
        "Hm.",
    ),
    ("gemma", '```tool_code\nget_weather(city="Paris", days=3)\n```', "", TWO[:1], ""),
    (
        "command_r",
        'Plan: ask.\nAction: ```json\n[\n    {\n        "tool_name": "get_weather",\n        "parameters": {\n            "city": "Paris"\n        }\n    }\n]\n```',
        "Plan: ask.",
        ONE,
        "",
    ),
    (
        "command_r7b",
        f'<|START_THINKING|>The weather.<|END_THINKING|><|START_ACTION|>[\n    {{"tool_call_id": "0", "tool_name": "get_weather", "parameters": {ARGS}}},\n    {{"tool_call_id": "1", "tool_name": "get_time", "parameters": {ZONE}}}\n]<|END_ACTION|>',
        "",
        TWO,
        "The weather.",
    ),
    ("command_r7b", "<|START_RESPONSE|>It is sunny.<|END_RESPONSE|>", "It is sunny.", [], ""),
    (
        "minimax_m1",
        f'<tool_calls>\n{{"name": "get_weather", "arguments": {ARGS}}}\n{{"name": "get_time", "arguments": {ZONE}}}\n</tool_calls>',
        "",
        TWO,
        "",
    ),
    (
        "minimax_m2",
        '<minimax:tool_call>\n<invoke name="get_weather">\n<parameter name="city">Paris</parameter>\n<parameter name="days">3</parameter>\n</invoke>\n<invoke name="get_time">\n<parameter name="zone">Europe/Rome</parameter>\n</invoke>\n</minimax:tool_call>',
        "",
        TWO,
        "",
    ),
    (
        "phi4_mini",
        f'<|tool_call|>[{{"name": "get_weather", "arguments": {ARGS}}}, {{"name": "get_time", "arguments": {ZONE}}}]<|/tool_call|>',
        "",
        TWO,
        "",
    ),
    ("granite", f'<|tool_call|>[{{"name": "get_weather", "arguments": {ARGS}}}]', "", TWO[:1], ""),
    (
        "generic",
        'One moment.\n\n<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>',
        "One moment.",
        ONE,
        "",
    ),
]
IDS = [f"{each[0]}-{i}" for i, each in enumerate(GOLDEN)]


def layout(name: str, *, opened: bool = False) -> ReplyLayout:
    marks = FORMATS[name].reasoning or ReasoningMarks()
    return ReplyLayout(name, (WEATHER, TIME), marks, starts_in_reasoning=opened)


@pytest.mark.parametrize(("name", "text", "content", "calls", "thinking"), GOLDEN, ids=IDS)
def test_golden(name: str, text: str, content: str, calls: list, thinking: str) -> None:
    reply = read(layout(name), [text])
    if name == "harmony" and "assistant to=functions" in text:
        calls = ONE
    assert reply.content == content
    assert [(call, json.loads(arguments)) for call, arguments in reply.calls] == calls
    assert reply.reasoning == thinking


@pytest.mark.parametrize(("name", "text"), [each[:2] for each in GOLDEN], ids=IDS)
def test_cut_anywhere_it_is_read_the_same(name: str, text: str) -> None:
    whole = read(layout(name), [text])
    assert read(layout(name), list(text)) == whole
    for at in range(len(text)):
        assert read(layout(name), [text[:at], text[at:]]) == whole, at


@pytest.mark.parametrize(("name", "text"), [each[:2] for each in GOLDEN], ids=IDS)
def test_cut_off_anywhere_nothing_raises_and_nothing_is_made_up(name: str, text: str) -> None:
    """As by max_tokens: what came is given, and arguments are a beginning of the whole ones."""
    whole = read(layout(name), [text])
    for at in range(len(text)):
        part = read(layout(name), [text[:at]])
        assert len(part.calls) <= len(whole.calls)
        for (got, arguments), (call, all_) in zip(part.calls, whole.calls, strict=False):
            assert got == call
            assert all_.startswith((arguments, arguments.removesuffix('"')))


@pytest.mark.parametrize("name", FORMATS)
def test_the_published_sample_is_a_call(name: str) -> None:
    assert read(layout(name), [FORMATS[name].sample]).calls[0][0] == "get_weather"


@pytest.mark.parametrize("name", FORMATS)
def test_an_unknown_function_is_no_call(name: str) -> None:
    text = FORMATS[name].sample.replace("get_weather", "rm_rf")
    reply = read(layout(name), [text])
    assert reply.calls == []
    if name != "harmony":  # where the body is shown without its header
        assert reply.content == text


@pytest.mark.parametrize("name", FORMATS)
def test_plain_text_is_untouched(name: str) -> None:
    text = "  Hello, [world] {x} <b>`code`</b>\n\n ```py\nf(a=1)\n``` \n"
    assert read(layout(name), list(text)) == Reply(content=text)


@pytest.mark.parametrize("name", [name for name in FORMATS if FORMATS[name].syntax.triggers])
@pytest.mark.parametrize(
    "rest", ["", "x", "{", '{"name"', "\n\n", "<tool", '{"name": "get_weather"', "[" * 500]
)
def test_a_mark_without_a_call_is_content(name: str, rest: str) -> None:
    if name == "harmony":
        return
    text = f"So: {FORMATS[name].syntax.triggers[0]}{rest} and on"
    reply = read(layout(name), list(text))
    if not reply.calls:
        assert reply.content == text


def test_thinking_that_holds_a_call_stays_thinking() -> None:
    text = '<think>I could <tool_call>{"name": "get_time", "arguments": {}}</tool_call></think>No.'
    reply = read(layout("hermes"), [text])
    assert reply.calls == []
    assert reply.content == "No."
    assert "tool_call" in reply.reasoning


def test_thinking_that_the_prompt_opened() -> None:
    for text in ("Hm.\n</think>\n\nYes.", "\nHm.</think>Yes.", "<think>Hm.</think>Yes."):
        reply = read(layout("hermes", opened=True), list(text))
        assert (reply.reasoning, reply.content) == ("Hm.", "Yes."), text


def test_thinking_without_an_end_is_all_thinking() -> None:
    assert read(layout("hermes", opened=True), ["Hm. And so"]) == Reply(reasoning="Hm. And so")


def test_a_mark_in_the_middle_of_content_is_content() -> None:
    text = "The tag <think> opens it, </think> closes it."
    assert read(layout("hermes"), list(text)) == Reply(content=text)


def test_content_after_a_call() -> None:
    text = '<tool_call>{"name": "get_time", "arguments": {}}</tool_call>\nDone.'
    reply = read(layout("hermes"), list(text))
    assert len(reply.calls) == 1
    assert reply.content == "Done."


def test_without_tools_markup_is_content() -> None:
    text = FORMATS["hermes"].sample
    assert read(ReplyLayout("hermes"), [text]) == Reply(content=text)


def test_the_state_is_known_while_it_lasts() -> None:
    splitter = ReplySplitter(layout("hermes"))
    states = []
    for piece in ("<th", "ink>", "Hm", "</thi", "nk>", "Yes"):
        splitter.feed(piece)
        states.append(splitter.is_reasoning)
    assert states == [False, True, True, True, False, False]


def test_content_says_where_it_stands() -> None:
    text = "<think>Hm.</think>\n\nYes."
    parts = parts_of(layout("hermes"), list(text))
    assert text[min(part.start for part in parts if hasattr(part, "start")) :] == "Yes."


@pytest.mark.parametrize(
    "piece", ["<tool_call>", "<tool_call>{", '<tool_call>{"name": "', "<", "\n", "<think>"]
)
def test_a_long_hostile_reply_is_read_in_linear_work(piece: str) -> None:
    """Twice the text must not take more than about twice the characters that are looked at."""
    text = piece * (60_000 // len(piece))
    reply = read(layout("hermes"), [text[i : i + 4] for i in range(0, len(text), 4)])
    assert reply.content == text or reply.reasoning


def test_folding_joins_pieces() -> None:
    assert fold([]) == Reply()


def test_text_after_good_calls_is_not_lost() -> None:
    text = '{"name": "get_time", "parameters": {}}; {"name": "none", "parameters": {}} and words'
    reply = read(layout("llama3_json"), list(text))
    assert [name for name, _ in reply.calls] == ["get_time"]
    assert reply.content.endswith('{"name": "none", "parameters": {}} and words')


def test_a_call_whose_arguments_came_ends_though_the_rest_is_broken() -> None:
    text = '<tool_call>{"name": "get_time", "arguments": {"zone": "x"}, "id": @}</tool_call>'
    reply = read(layout("hermes"), list(text))
    assert reply.calls == [("get_time", '{"zone": "x"}')]
    assert reply.ended == 1


def test_harmony_headers_without_an_end_mark_before_them() -> None:
    text = f"{C}analysis{M}Hm.{E} {S}assistant{C}final{M}Yes."
    reply = read(layout("harmony"), list(text))
    assert (reply.reasoning, reply.content.strip()) == ("Hm.", "Yes.")


def test_white_space_is_not_held_where_it_may_be_a_stop() -> None:
    splitter = ReplySplitter(layout("hermes"), holds_space=False)
    assert [part.text for part in splitter.feed("Hello\n\n")] == ["Hello\n\n"]
