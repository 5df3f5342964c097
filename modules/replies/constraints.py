"""What the text of a reply has to obey, as one value. Pure, but for the files of grammars.

`param` names the field of a request that an error is about.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from modules.core.errors import RequestError
from modules.core.requests import Grammar, GrammarKind
from modules.core.wishes import Constraint
from modules.engine.lark import to_terminal
from modules.prompts.grammars import load_grammar
from modules.text.call_formats.rules import quoted

MAX_CHOICES = 1000
MAX_CHOICE_CHARS = 10_000


def schema_constraint(schema: Any, param: str, *, response_format: str | None = None) -> Constraint:
    """Of a JSON schema, or the JSON text of one."""
    if isinstance(schema, str):
        try:
            schema = json.loads(schema)
        except (ValueError, RecursionError):
            raise RequestError(f"{param} is not valid JSON.", param=param) from None
    if not isinstance(schema, dict | bool):
        raise RequestError(f"{param} must be a JSON schema.", param=param)
    text = json.dumps(schema)
    return Constraint(Grammar("json_schema", text, param), f"%json {text}", response_format)


def regex_constraint(pattern: str, param: str) -> Constraint:
    return Constraint(Grammar("regex", pattern, param), to_terminal(pattern))


def choice_constraint(choices: list[str], param: str) -> Constraint:
    if not choices or len(choices) > MAX_CHOICES:
        raise RequestError(f"{param} takes 1 to {MAX_CHOICES} texts.", param=param)
    if any(not each or len(each) > MAX_CHOICE_CHARS for each in choices):
        raise RequestError(f"{param}: a text has 1 to {MAX_CHOICE_CHARS} characters.", param=param)
    start = "start: " + " | ".join(quoted(each) for each in dict.fromkeys(choices))
    grammar = Grammar("lark", start, param)
    return Constraint(grammar, _nested(grammar))


def grammar_constraint(text: str, param: str, kind: GrammarKind = "gbnf") -> Constraint:
    """GBNF (or Lark, which is told by its looks)."""
    grammar = Grammar(kind, text, param)
    return Constraint(grammar, _nested(grammar))


def named_grammar_constraint(given: str, folder: Path, param: str = "grammar") -> Constraint:
    """A text with rules in it, or the name of a file in `folder`."""
    if "::=" in given or ":" in given or "\n" in given:
        return grammar_constraint(given, param)
    grammar = load_grammar(folder, given)
    return Constraint(grammar, _nested(grammar))


def portable(grammar: Grammar) -> Grammar:
    """A choice of texts, which Lark and GBNF write alike: more servers read the latter."""
    if grammar.param.endswith(("choice", "choices")) and grammar.text.startswith("start: "):
        text = "root ::= " + grammar.text.removeprefix("start: ")
        return replace(grammar, kind="gbnf", text=text)
    return grammar


def _nested(grammar: Grammar) -> str:
    """A whole grammar as one expression."""
    from modules.engine.constraints import to_lark

    return f"%lark {{\n{to_lark(grammar)}\n}}"
