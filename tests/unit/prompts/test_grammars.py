"""The grammars that ship: each compiles over the demo model's vocabulary, takes what it is for and nothing else."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from llguidance import LLTokenizer

from modules.core.errors import RequestError
from modules.core.requests import Grammar
from modules.engine.constraints import GrammarCompiler
from modules.prompts.grammars import list_grammars, load_grammar
from modules.settings import ROOT

FOLDER = Path(ROOT) / "user_data" / "grammars"
VOCABULARY = Path(ROOT) / "user_data" / "models" / "tiny-chat" / "tokenizer.json"

SAMPLES: dict[str, tuple[Sequence[str], Sequence[str]]] = {
    "arithmetic": (
        ["x=2\n", "y = 2 * (x + 1)\n", "a1=b_2-c/4.5\nb=1\n"],
        ["x = 2", "x + 1\n", "X = 1\n", "x == 1\n"],
    ),
    "c": (
        [
            "int main() { return 0; }",
            'int f(int a, float b) {\n    int c = a + 2 * b;\n    print("%d\\n", c);\n    return c;\n}\n',
            "void g() {\n  for (int i = 0; i < 9; i = i + 1) {\n    if (i == 3) { h(i); } else { x = i; }\n  }\n}\n",
            "char k() { while (n >= 1) { n = n - 1; } return n; }",
        ],
        ["int main() { return 0; ", "main() {}", "int x;", "int f() { return 0 }"],
    ),
    "chess": (
        ["1. e4 e5\n", "1. e4 c5\n2. Nf3 d6\n3. O-O O-O-O+\n12. exd8=Q# Nbxd7\n", "1. d4\n"],
        ["e4 e5\n", "1. e9 e5\n", "1. Ke\n", "2. e4 e5\n"],
    ),
    "csv": (
        ["name,age\n", 'Ann,"a ""big"", one"\nBo,\n', '"two\nlines",2,3\n'],
        ["one column\n", 'a,"b\n', "a,b"],
    ),
    "date": (["2025-05-01", "1999-12-31"], ["2025-13-01", "2025-5-1", "2025-01-32", "2025-00-10"]),
    "datetime": (
        ["2025-05-01T12:30:00Z", "2025-05-01T23:59:59.125+02:00"],
        ["2025-05-01 12:30:00Z", "2025-05-01T24:00:00Z", "2025-05-01T12:30:00"],
    ),
    "email": (
        ["ann@example.org", "a.b+c@mail.example-site.com"],
        ["ann@example", "@example.org", "a..b@example.org", "a b@example.org"],
    ),
    "json": (
        ['{"a": [1, -2.5e3, true, null], "b": {}}', "[]", '"\\u00e9 \\n é"', "0", '{\n  "a": 1\n}'],
        ["{a: 1}", '{"a": 1,}', "01", "[1 2]", "'a'"],
    ),
    "json_array": (["[]", '[{"a": 1}, "b"]'], ['{"a": 1}', "1", "[1,]"]),
    "json_object": (["{}", '{"a": [1, {"b": null}]}'], ["[]", '"a"', '{"a"}']),
    "list": (["- one\n", "- one\n- two 2\n"], ["one\n", "- one", "* one\n", "- \n"]),
    "numbered_list": (["1. one\n", "1. a\n2. b\n10. c\n"], ["1 one\n", "0. one\n", "- one\n"]),
    "roleplay": (
        ['*smiles*\n', '*She waves.* "Hello, friend."\n', '"Yes." "No."\n'],
        ["Hello\n", "*smiles\n", "**\n", '*a*"b"\n'],
    ),
    "sentence": (
        ["It is warm.", "Über 3,5 km?", "2 cats!"],
        ["it is warm.", "It is warm", "One. Two.", "A\nB."],
    ),
    "simple_arithmetic": (
        ["1+1=2\n", "2 * (3 - -4) = 14\n1=1\n"],
        ["x = 1\n", "1+1\n", "1+=2\n", "=2\n"],
    ),
    "yes_no": (["yes", "no"], ["Yes", "maybe", "yesno", ""]),
}  # fmt: skip


@pytest.fixture(scope="module")
def vocabulary() -> LLTokenizer:
    return LLTokenizer(str(VOCABULARY))


@pytest.fixture(scope="module")
def compiler(vocabulary: LLTokenizer) -> GrammarCompiler:
    return GrammarCompiler(lambda: vocabulary)


def accepts(compiler: GrammarCompiler, vocabulary: LLTokenizer, name: str, text: str) -> bool:
    """Whether the whole text may come, token by token as the model would write it, and then the end."""
    matcher = compiler.compile(load_grammar(FOLDER, name))
    for token_id in vocabulary.tokenize_str(text):
        if matcher.is_finished or not is_allowed(matcher.bitmask(), token_id):
            return False
        matcher.accept(token_id)
    return matcher.is_finished or is_allowed(matcher.bitmask(), vocabulary.eos_token)


def is_allowed(bitmask: np.ndarray, token_id: int) -> bool:
    return bool(bitmask[token_id // 32] >> (token_id % 32) & 1)


def test_every_grammar_that_ships_has_samples() -> None:
    assert list_grammars(FOLDER) == sorted(SAMPLES)


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name, (good, _) in SAMPLES.items() for text in good]
)
def test_a_grammar_takes(
    compiler: GrammarCompiler, vocabulary: LLTokenizer, name: str, text: str
) -> None:
    assert accepts(compiler, vocabulary, name, text)


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name, (_, bad) in SAMPLES.items() for text in bad]
)
def test_a_grammar_refuses(
    compiler: GrammarCompiler, vocabulary: LLTokenizer, name: str, text: str
) -> None:
    assert not accepts(compiler, vocabulary, name, text)


@pytest.mark.parametrize("file_name", ["color.gbnf", "color.lark"])
def test_grammars_are_found_with_and_without_their_extension(
    tmp_path: Path, file_name: str
) -> None:
    (tmp_path / file_name).write_text("text", encoding="utf-8")
    kind = "lark" if file_name.endswith("lark") else "gbnf"
    for name in ("color", file_name):
        assert load_grammar(tmp_path, name) == Grammar(kind, "text", "grammar")


def test_an_edited_grammar_counts_at_once(tmp_path: Path) -> None:
    for text in ('root ::= "a"', 'root ::= "b"'):
        (tmp_path / "letter.gbnf").write_text(text, encoding="utf-8")
        assert load_grammar(tmp_path, "letter").text == text


@pytest.mark.parametrize("name", ["../date", "/etc/passwd", "", "date\0", "missing", ".hidden"])
def test_names_of_grammars_stay_in_their_folder(name: str) -> None:
    with pytest.raises(RequestError) as caught:
        load_grammar(FOLDER, name)
    assert caught.value.param == "grammar"


def test_a_missing_grammar_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(RequestError, match=re.escape("arithmetic, c, chess")):
        load_grammar(FOLDER, "poem")


def test_a_huge_grammar_is_refused(tmp_path: Path) -> None:
    (tmp_path / "huge.gbnf").write_text("x" * 300_000, encoding="utf-8")
    with pytest.raises(RequestError, match="too long"):
        load_grammar(tmp_path, "huge")
