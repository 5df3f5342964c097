"""One grammar for a whole reply, compiled by llguidance over single bytes and control tokens: what it allows, the reader reads."""

import json
import random
import re

import numpy as np
import pytest
from llguidance import LLTokenizer, TokenizerWrapper

from modules.core.requests import Grammar
from modules.core.tools import ReasoningMarks, ReplyLayout, Tool
from modules.engine.constraints import GrammarCompiler, GrammarMatcher
from modules.text.call_formats import FORMATS
from modules.text.call_formats.grammar import build_reply_grammar
from tests.unit.text.replies import read

WEATHER = Tool(
    "get_weather",
    parameters=json.dumps(
        {
            "type": "object",
            "properties": {
                "city": {"type": "string", "maxLength": 8},
                "days": {"type": "integer", "minimum": 0, "maximum": 9},
                "unit": {"type": "string", "enum": ["c", "f"]},
                "deep": {"type": "boolean"},
            },
            "required": ["city", "unit"],
            "additionalProperties": False,
        }
    ),
)
PING = Tool(
    "ping", parameters='{"type": "object", "properties": {}, "additionalProperties": false}'
)
TOOLS = (WEATHER, PING)
ALL_MARKS = sorted(
    mark
    for mark in {"<think>", "</think>"}.union(*(each.marks for each in FORMATS.values()))
    if re.fullmatch(r"<[^<>\n]+>|\[[A-Z_/]+\]", mark) and '"' not in mark
)


class Vocabulary:
    """One token for each byte, then the control tokens, the last of which ends the text."""

    bos_token_id = None

    def __init__(self, controls: list[str]) -> None:
        self.controls = controls
        self.eos_token_id = 256 + len(controls)
        self.tokens = [bytes([value]) for value in range(256)]
        self.tokens += [mark.encode() for mark in controls] + [b"<end>"]
        self.special_token_ids = list(range(256, self.eos_token_id + 1))

    def __call__(self, data: bytes | str) -> list[int]:
        text = data.decode(errors="surrogateescape") if isinstance(data, bytes) else data
        return self.encode(text) if text in self.controls else list(text.encode())

    def encode(self, text: str) -> list[int]:
        ids: list[int] = []
        at = 0
        while at < len(text):
            mark = next(
                (m for m in sorted(self.controls, key=len, reverse=True) if text.startswith(m, at)),
                None,
            )
            ids += [256 + self.controls.index(mark)] if mark else text[at].encode()
            at += len(mark) if mark else 1
        return ids

    def decode(self, ids: list[int]) -> str:
        return b"".join(self.tokens[i] for i in ids).decode(errors="replace")


PLAIN, SPECIAL = Vocabulary([]), Vocabulary(ALL_MARKS)


class Compiler(GrammarCompiler):
    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__(
            lambda: LLTokenizer(
                TokenizerWrapper(vocabulary),
                n_vocab=vocabulary.eos_token_id + 1,
                eos_token=vocabulary.eos_token_id,
                slices=[],
            )
        )
        self.vocabulary = vocabulary


@pytest.fixture(scope="module", params=[PLAIN, SPECIAL], ids=["text", "control"])
def compiler(request: pytest.FixtureRequest) -> Compiler:
    """The marks as plain text, and as control tokens of the vocabulary."""
    return Compiler(request.param)


def layout(name: str, tools: tuple[Tool, ...] = TOOLS) -> ReplyLayout:
    return ReplyLayout(name, tools, FORMATS[name].reasoning or ReasoningMarks(), may_reason=True)


def allowed(matcher: GrammarMatcher, size: int) -> list[int]:
    bits = np.unpackbits(matcher.bitmask().view(np.uint8), bitorder="little", count=size)
    return np.flatnonzero(bits).tolist()


def accepts(compiler: Compiler, grammar: Grammar, text: str) -> bool:
    matcher, end = compiler.compile(grammar), compiler.vocabulary.eos_token_id
    for token_id in compiler.vocabulary.encode(text):
        if matcher.is_finished or token_id not in allowed(matcher, end + 1):
            return False
        matcher.accept(token_id)
    return matcher.is_finished or end in allowed(matcher, end + 1)


def walk(compiler: Compiler, grammar: Grammar, seed: int, steps: int = 1500) -> str | None:
    """A random text that the grammar allows; None when it did not come to an end."""
    draw = random.Random(seed)
    matcher, end = compiler.compile(grammar), compiler.vocabulary.eos_token_id
    ids: list[int] = []
    letters = set(range(97, 123))
    for _ in range(steps):
        if matcher.is_finished:
            break
        choices = allowed(matcher, end + 1)
        if end in choices and draw.random() < 0.5:
            break
        choices = [each for each in choices if each != end]
        plain = [
            each for each in choices if each >= 256 or each in letters or chr(each) in '"}],)<\n'
        ]
        token_id = draw.choice(plain or choices)
        matcher.accept(token_id)
        ids.append(token_id)
    else:
        return None
    return compiler.vocabulary.decode(ids)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("choice", ["auto", "required"])
def test_the_published_sample_is_allowed(compiler: Compiler, name: str, choice) -> None:
    city = Tool(
        "get_weather",
        parameters='{"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}',
    )
    grammar = build_reply_grammar(layout(name, (city,)), tool_choice=choice)
    if grammar is None:
        assert choice == "auto"
        assert not FORMATS[name].syntax.triggers
        return
    sample = FORMATS[name].sample.removesuffix("<|call|>")  # there it is the end of the reply
    assert accepts(compiler, grammar, sample)
    assert not accepts(compiler, grammar, sample.replace("get_weather", "get_wether"))
    assert not accepts(compiler, grammar, sample.replace("city", "town"))


@pytest.mark.parametrize("name", FORMATS)
def test_required_allows_no_text_alone(compiler: Compiler, name: str) -> None:
    grammar = build_reply_grammar(layout(name), tool_choice="required")
    assert grammar is not None
    for text in ("", "Hello!", "{}", "<think>Hm.</think>"):
        assert not accepts(compiler, grammar, text)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("seed", range(6))
def test_what_is_allowed_is_read_as_calls_that_obey_the_schema(
    compiler: Compiler, name: str, seed: int
) -> None:
    grammar = build_reply_grammar(layout(name), tool_choice="required", max_calls=1)
    assert grammar is not None
    text = walk(compiler, grammar, seed)
    if text is None:
        return
    reply = read(layout(name), [text])
    assert len(reply.calls) == 1, text
    called, arguments = reply.calls[0]
    values = json.loads(arguments, strict=False)
    if called == "ping":
        assert values == {}
        return
    assert called == "get_weather"
    assert {"city", "unit"} <= values.keys() <= {"city", "unit", "days", "deep"}
    assert values["unit"] in ("c", "f")
    assert isinstance(values["city"], str)
    assert values.get("days", 0) in range(10)
    assert values.get("deep", True) in (True, False)


@pytest.mark.parametrize("name", ["hermes", "qwen_xml", "mistral", "kimi", "deepseek_v31"])
def test_auto_allows_text_calls_and_both(compiler: Compiler, name: str) -> None:
    city = Tool(
        "get_weather",
        parameters='{"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}',
    )
    grammar = build_reply_grammar(layout(name, (city,)))
    assert grammar is not None
    sample = FORMATS[name].sample
    for text in (
        "",
        "Hello!",
        sample,
        f"Let me see.\n{sample}",
        f"<think>\nHm.\n</think>\n\n{sample}",
    ):
        assert accepts(compiler, grammar, text), text
    trigger = FORMATS[name].syntax.triggers[0]
    assert not accepts(compiler, grammar, f"{trigger}rubbish")


def test_thinking_that_the_prompt_opened_must_end(compiler: Compiler) -> None:
    opened = ReplyLayout("hermes", TOOLS, ReasoningMarks(), starts_in_reasoning=True)
    grammar = build_reply_grammar(opened, tool_choice="required")
    assert grammar is not None
    call = '<tool_call>\n{"name": "ping", "arguments": {}}\n</tool_call>'
    assert accepts(compiler, grammar, f"Hm.\n</think>\n\n{call}")
    assert not accepts(compiler, grammar, call)


def test_a_body_holds_after_the_thinking(compiler: Compiler) -> None:
    plain = ReplyLayout(None, (), ReasoningMarks(), may_reason=True)
    grammar = build_reply_grammar(plain, body='%json {"type": "integer"}')
    assert grammar is not None
    for text in ("5", "<think>Hm { </think>\n5"):
        assert accepts(compiler, grammar, text)
    for text in ("x", "<think>Hm</think>x", "<think>5"):
        assert not accepts(compiler, grammar, text)


def test_a_body_or_a_call(compiler: Compiler) -> None:
    grammar = build_reply_grammar(layout("hermes"), body='%json {"type": "integer"}')
    assert grammar is not None
    assert accepts(compiler, grammar, "5")
    assert accepts(
        compiler, grammar, '<tool_call>\n{"name": "ping", "arguments": {}}\n</tool_call>'
    )
    assert not accepts(compiler, grammar, "five")


def test_a_body_on_the_final_channel(compiler: Compiler) -> None:
    harmony = ReplyLayout("harmony", (), FORMATS["harmony"].reasoning)
    grammar = build_reply_grammar(harmony, body='%json {"type": "integer"}')
    assert grammar is not None
    thinking = "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant"
    assert accepts(compiler, grammar, f"{thinking}<|channel|>final<|message|>5")
    assert not accepts(compiler, grammar, f"{thinking}<|channel|>final<|message|>x")


def test_without_tools_and_body_everything_is_allowed() -> None:
    assert build_reply_grammar(ReplyLayout(None, (), ReasoningMarks(), may_reason=True)) is None


def test_who_does_not_think_by_itself_is_not_offered_to(compiler: Compiler) -> None:
    grammar = build_reply_grammar(ReplyLayout(None, (), ReasoningMarks()), body='("yes" | "no")')
    assert grammar is not None
    assert accepts(compiler, grammar, "yes")
    assert not accepts(compiler, grammar, "<think>Hm.</think>yes")
