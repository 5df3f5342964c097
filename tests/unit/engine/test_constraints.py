"""Grammars over a vocabulary of single bytes: what each allows, and how wrong ones are refused."""

import json

import numpy as np
import pytest
from llguidance import LLTokenizer, TokenizerWrapper

from modules.core.errors import RequestError
from modules.core.requests import Grammar, GrammarKind
from modules.engine import constraints
from modules.engine.constraints import MAX_GRAMMAR_CHARS, GrammarCompiler, GrammarMatcher

END = 256


class ByteVocabulary:
    """One token for each byte, and one that ends the text."""

    eos_token_id = END
    bos_token_id = None
    tokens = [bytes([value]) for value in range(256)] + [b"<end>"]
    special_token_ids = [END]  # noqa: RUF012

    def __call__(self, data: bytes) -> list[int]:
        return list(data)


@pytest.fixture(scope="module")
def compiler() -> GrammarCompiler:
    return GrammarCompiler(build_tokenizer)


def build_tokenizer() -> LLTokenizer:
    return LLTokenizer(TokenizerWrapper(ByteVocabulary()), n_vocab=257, eos_token=END, slices=[])


def allowed(matcher: GrammarMatcher) -> set[int]:
    bits = np.unpackbits(matcher.bitmask().view(np.uint8), bitorder="little", count=257)
    return set(np.flatnonzero(bits).tolist())


def accepts(matcher: GrammarMatcher, text: str) -> bool:
    """Whether the whole text may come, and then the end."""
    for token_id in text.encode():
        if matcher.is_finished or token_id not in allowed(matcher):
            return False
        matcher.accept(token_id)
    return matcher.is_finished or END in allowed(matcher)


CHOICE = 'root ::= "yes" | "no"'
PERSON = json.dumps(
    {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"],
        "additionalProperties": False,
    }
)


@pytest.mark.parametrize(
    ("kind", "text", "good", "bad"),
    [
        ("gbnf", CHOICE, ["yes", "no"], ["maybe", "yesno", "ye"]),
        ("regex", "[0-9]{2}-[a-c]+", ["12-a", "00-abc"], ["1-a", "12-d", "12-"]),
        ("lark", 'start: "a" "b"+', ["ab", "abbb"], ["a", "b", "abc"]),
        (
            "json_schema",
            PERSON,
            ['{"name": "Bo", "age": 4}', '{"name":"","age":-1}'],
            ['{"name": "Bo"}', "[]", '{"name": "Bo", "age": "4"}'],
        ),
        ("json_schema", '{"enum": ["a", 1, null]}', ['"a"', "1", "null"], ['"b"', "2"]),
        ("json_schema", "true", ["{}", "[1]", '"x"'], ["x", "{"]),
    ],
)
def test_a_grammar_allows_its_texts_and_no_other(
    compiler: GrammarCompiler, kind: GrammarKind, text: str, good: list[str], bad: list[str]
) -> None:
    for sample in good:
        assert accepts(compiler.compile(Grammar(kind, text)), sample), sample
    for sample in bad:
        assert not accepts(compiler.compile(Grammar(kind, text)), sample), sample


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("json_schema", "{"),
        ("json_schema", ""),
        ("json_schema", "[]"),
        ("json_schema", '{"type": "nonsense"}'),
        ("json_schema", '{"type": "string", "pattern": "("}'),
        ("json_schema", '{"$ref": "#/nowhere"}'),
        ("json_schema", '{"$ref": "https://example.invalid/x.json"}'),
        ("json_schema", '{"type": "integer", "minimum": 5, "maximum": 1}'),
        ("json_schema", "[" * 100_000),
        ("regex", "("),
        ("regex", "[z-a]"),
        ("regex", "a{3,1}"),
        ("regex", r"(?=x)"),
        ("regex", r"(a)\1"),
        ("gbnf", 'root ::= "a" undefined-rule'),
        ("gbnf", "root ::= ("),
        ("gbnf", "nonsense"),
        ("gbnf", ""),
        ("lark", "start: other"),
        ("lark", 'start: "a'),
        ("lark", ""),
        ("lark", 'nostart: "a"'),
        ("lark", "x" * (MAX_GRAMMAR_CHARS + 1)),
    ],
)
def test_a_wrong_grammar_is_refused_with_a_reason_and_its_field(
    compiler: GrammarCompiler, kind: GrammarKind, text: str
) -> None:
    with pytest.raises(RequestError) as caught:
        compiler.compile(Grammar(kind, text, param="guided"))
    assert (caught.value.param or "").split(".")[0] == "guided"
    assert caught.value.code == "invalid_grammar"
    reason = caught.value.message.split("cannot be used: ")[1]
    assert 0 < len(reason) <= 300
    assert "\n" not in reason


def test_a_grammar_is_compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def count(grammar: Grammar, tokenizer: LLTokenizer) -> str:
        seen.append(grammar.text)
        return original(grammar, tokenizer)

    original = constraints._to_lark
    monkeypatch.setattr(constraints, "_to_lark", count)
    compiler = GrammarCompiler(build_tokenizer)
    for _ in range(3):
        compiler.compile(Grammar("regex", "a"))
    compiler.compile(Grammar("regex", "b"))
    assert seen == ["a", "b"]


def test_only_so_many_grammars_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constraints, "KEPT_GRAMMARS", 3)
    compiler = GrammarCompiler(build_tokenizer)
    for number in range(10):
        assert accepts(compiler.compile(Grammar("regex", f"a{number}")), f"a{number}")
    assert len(compiler._compiled) == 3


def test_only_so_long_grammars_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constraints, "KEPT_CHARS", 100)
    compiler = GrammarCompiler(build_tokenizer)
    for letter in "abc":
        assert accepts(compiler.compile(Grammar("regex", letter * 45)), letter * 45)
    assert [grammar.text[0] for grammar in compiler._compiled] == ["b", "c"]


def test_the_vocabulary_is_built_once_and_only_when_it_is_needed() -> None:
    built: list[int] = []

    def build() -> LLTokenizer:
        built.append(1)
        return build_tokenizer()

    compiler = GrammarCompiler(build)
    assert built == []
    for text in ("a", "b"):
        compiler.compile(Grammar("regex", text))
    assert built == [1]


def test_matchers_of_one_grammar_do_not_share_their_place(compiler: GrammarCompiler) -> None:
    first, second = (compiler.compile(Grammar("gbnf", CHOICE)) for _ in range(2))
    first.accept(ord("y"))
    assert allowed(first) == {ord("e")}
    assert allowed(second) == {ord("y"), ord("n")}
    second.accept(ord("n"))
    assert allowed(first) == {ord("e")}
    third = compiler.compile(Grammar("gbnf", CHOICE))
    assert allowed(third) == {ord("y"), ord("n")}


def test_a_grammar_is_finished_when_nothing_may_follow(compiler: GrammarCompiler) -> None:
    matcher = compiler.compile(Grammar("gbnf", CHOICE))
    for character in b"no":
        assert not matcher.is_finished
        matcher.accept(character)
    assert matcher.is_finished


def test_a_grammar_that_may_go_on_is_not_finished(compiler: GrammarCompiler) -> None:
    matcher = compiler.compile(Grammar("regex", "a+"))
    matcher.accept(ord("a"))
    assert not matcher.is_finished
    assert allowed(matcher) == {ord("a"), END}


def test_a_token_outside_the_grammar_is_an_error_of_this_reply_only(
    compiler: GrammarCompiler,
) -> None:
    matcher = compiler.compile(Grammar("gbnf", CHOICE))
    with pytest.raises(RequestError, match="grammar"):
        matcher.accept(ord("x"))
    assert accepts(compiler.compile(Grammar("gbnf", CHOICE)), "yes")


CHAIN = 6000


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("lark", "start: a0\n" + "".join(f"a{i}:a{i + 1}\n" for i in range(1_400)) + 'a1400: "a"'),
        ("lark", 'start: A0\n' + "".join(f'A{i}:"a"A{i + 1}\n' for i in range(1_400)) + 'A1400: "a"'),
        ("gbnf", "root ::= r0\n" + "".join(f"r{i}::=r{i + 1}\n" for i in range(900)) + 'r900 ::= "a"'),
        (
            "json_schema",
            json.dumps(
                {
                    "$ref": "#/$defs/0",
                    "$defs": {str(i): {"$ref": f"#/$defs/{i + 1}"} for i in range(CHAIN)}
                    | {str(CHAIN): {"type": "array"}},
                },
                separators=(",", ":"),
            ),
        ),
        (
            "json_schema",
            json.dumps(
                {
                    "$ref": "#/$defs/0",
                    "$defs": {
                        str(i): {"items": {"items": {"$ref": f"#/$defs/{i + 1}"}}} for i in range(2000)
                    }
                    | {"2000": {"type": "array"}},
                },
                separators=(",", ":"),
            ),
        ),
    ],
)  # fmt: skip
def test_long_chains_of_rules_and_references_do_not_end_the_process(
    compiler: GrammarCompiler, kind: GrammarKind, text: str
) -> None:
    """On the usual stack, llguidance overflows with some 1,200 links."""
    assert len(text) <= MAX_GRAMMAR_CHARS
    assert allowed(compiler.compile(Grammar(kind, text)))


@pytest.mark.parametrize(
    "text",
    ["(" * 50_000, "start: " + "(" * 50_000, "start: " + "%lark {\n" * 20_000, "start: %json " + "[" * 90_000],
)  # fmt: skip
def test_deep_nesting_is_refused(compiler: GrammarCompiler, text: str) -> None:
    with pytest.raises(RequestError):
        compiler.compile(Grammar("lark", text))


@pytest.mark.parametrize(
    "terminal",
    [
        " & ".join(f"/(?s:.*)x{i}(?s:.*)/" for i in range(40)),
        "~(" + " | ".join(f"~/(?s:.*)x{i}(?s:.*)/" for i in range(40)) + ")",
    ],
)
def test_many_patterns_for_one_text_are_refused(compiler: GrammarCompiler, terminal: str) -> None:
    with pytest.raises(RequestError, match="more than"):
        compiler.compile(Grammar("lark", f"start: A\nA: {terminal}"))


def test_signs_in_literals_are_no_patterns(compiler: GrammarCompiler) -> None:
    text = f'start: "{"&~" * 40}" "a"~2..3 /[~&]{{2}}/ // {"~&" * 40}'
    assert accepts(compiler.compile(Grammar("lark", text)), "&~" * 40 + "aa&~")


MARK = "<tool_call>"
COMPOSED = f"""%llguidance {{}}
start: TEXT "{MARK}\\n" (body | call) "!"
TEXT: /(?s:.*)/ & ~/(?s:.*){MARK}(?s:.*)/
body: %json {{"enum": ["{MARK}", "b"]}}
call: /"{MARK}"/ | %lark {{
start: "{MARK}" # "{MARK}
}}
"""


class MarkedVocabulary(ByteVocabulary):
    """`MARK` is a control token."""

    tokens = [*ByteVocabulary.tokens, MARK.encode()]  # noqa: RUF012
    special_token_ids = [END, END + 1]  # noqa: RUF012

    def __call__(self, data: bytes) -> list[int]:
        return [END + 1] if data == MARK.encode() else list(data)


def test_marks_are_control_tokens_only_where_they_are_marks() -> None:
    def build() -> LLTokenizer:
        wrapper = TokenizerWrapper(MarkedVocabulary())
        return LLTokenizer(wrapper, n_vocab=258, eos_token=END, slices=[])

    grammar = Grammar("lark", COMPOSED, marks=(MARK, "<other>"))
    for content in ('"<tool_call>"', '"b"', MARK):
        matcher = GrammarCompiler(build).compile(grammar)
        matcher.accept(ord("x"))
        matcher.accept(END + 1)
        for byte in f"\n{content}!".encode():
            matcher.accept(byte)
        assert matcher.is_finished


def test_marks_that_the_vocabulary_lacks_are_plain_text(compiler: GrammarCompiler) -> None:
    text = f'start: "{MARK}" %json {{"type": "null"}}'
    assert accepts(compiler.compile(Grammar("lark", text, marks=(MARK,))), f"{MARK}null")


def test_schemas_inside_grammars_are_checked_and_enforced_too(compiler: GrammarCompiler) -> None:
    text = """start: "%json " a | %lark {
        start: "x" %json {"type": "string", "format": "date"}
    }
    a: %json
    {"type": "integer", "uniqueItems": false} // %json {
    """
    grammar = Grammar("lark", text)
    assert accepts(compiler.compile(grammar), "%json 5")
    assert accepts(compiler.compile(grammar), 'x"2024-02-29"')
    assert not accepts(compiler.compile(grammar), 'x"2023-02-29"')
    with pytest.raises(RequestError, match="`not`"):
        compiler.compile(Grammar("lark", 'start: %json {"not": {}}'))


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (r"^\d+$", "12", "a"),
        (r"\<b\>", "<b>", "b"),
        ("[[]]", "[]", "["),
        ("a{,2}", "a{,2}", "aa"),
        ("x{2}", "xx", "x"),
        ("[a&&b]", "&", "c"),
        ("[^]", "\n", ""),
        ("[+--]", ",", "a"),
        ("[--/]", ".", "a"),
        (r"\cJ", "\n", "J"),
        (r"[\b]", "\b", "b"),
        (r"\ud83d\ude00", "😀", "a"),
        ("a/b", "a/b", "ab"),
        (r"[^\]]", "a", "]"),
    ],
)
def test_regular_expressions_are_read_as_people_write_them(
    compiler: GrammarCompiler, pattern: str, good: str, bad: str
) -> None:
    assert accepts(compiler.compile(Grammar("regex", pattern)), good)
    assert not accepts(compiler.compile(Grammar("regex", pattern)), bad)
