"""What a request wants its content to obey: one constraint, however it is said. Pure, but for the files of grammars."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from extensions.openai.typing import ChatCompletionRequest, GenerationFields, ResponseFormat
from modules.core.errors import RequestError
from modules.core.requests import Grammar, GrammarKind
from modules.core.wishes import Constraint
from modules.engine.lark import to_terminal
from modules.prompts.grammars import load_grammar
from modules.text.call_formats.rules import quoted

T = TypeVar("T")

MAX_CHOICES = 1000
MAX_CHOICE_CHARS = 10_000


def to_constraint(body: GenerationFields, grammars: Path) -> Constraint | None:
    """`grammars`: the folder of named ones. RequestError when two are given, which say different things."""
    found = list(_constraints(body, grammars))
    if len(found) > 1:
        params = " and ".join(each.grammar.param.split(".")[0] for each in found[:2])
        raise RequestError(f"{params} cannot be used together.", param=found[1].grammar.param)
    return found[0] if found else None


def _constraints(body: GenerationFields, grammars: Path) -> Iterator[Constraint]:
    if isinstance(body, ChatCompletionRequest) and body.response_format is not None:
        wanted = _from_format(body.response_format)
        if wanted is not None:
            yield wanted
    yield from _from_fields(body, grammars)
    options = body.structured_outputs
    if options is not None:
        where = "structured_outputs"
        yield from _named(options.json_, options.regex, options.choice, options.grammar, where)


def _from_fields(body: GenerationFields, grammars: Path) -> Iterator[Constraint]:
    if body.grammar_string:
        yield _grammar(body.grammar_string, "grammar_string")
    if body.grammar:
        yield _named_grammar(body.grammar, grammars)
    yield from _named(body.json_schema, body.regex, body.choice, None, "")
    guided = (body.guided_json, body.guided_regex, body.guided_choice, body.guided_grammar)
    yield from _named(*guided, "guided_")


def _named(
    schema: Any, regex: str | None, choices: list[str] | None, grammar: str | None, where: str
) -> Iterator[Constraint]:
    """The four kinds under the names of one family of fields."""
    dotted = f"{where}." if where and not where.endswith("_") else where
    if schema is not None:
        yield _schema(schema, f"{dotted}json" if where else "json_schema")
    if regex is not None:
        yield _regex(regex, f"{dotted}regex")
    if choices is not None:
        yield _choice(choices, f"{dotted}choice")
    if grammar:
        yield _grammar(grammar, f"{dotted}grammar")


def _from_format(wanted: ResponseFormat) -> Constraint | None:
    match wanted.type:
        case "text":
            return None
        case "json_object":
            return _schema({"type": "object"}, "response_format")
        case "json_schema":
            return _from_described(wanted)
        case "regex":
            return _regex(_required(wanted.pattern, "pattern"), "response_format.pattern")
        case "choice":
            return _choice(_required(wanted.choices, "choices"), "response_format.choices")
        case "grammar":
            text = _required(wanted.grammar, "grammar")
            return _grammar(text, "response_format.grammar", wanted.syntax or "gbnf")


def _from_described(wanted: ResponseFormat) -> Constraint:
    described = _required(wanted.json_schema, "json_schema")
    schema = {} if described.json_schema is None else described.json_schema
    return _schema(schema, "response_format.json_schema.schema")


def _required(value: T | None, name: str) -> T:
    if value is None:
        raise RequestError(
            f"response_format of this type needs {name!r}.", param=f"response_format.{name}"
        )
    return value


def _schema(schema: Any, param: str) -> Constraint:
    if isinstance(schema, str):
        try:
            schema = json.loads(schema)
        except (ValueError, RecursionError):
            raise RequestError(f"{param} is not valid JSON.", param=param) from None
    if not isinstance(schema, dict | bool):
        raise RequestError(f"{param} must be a JSON schema.", param=param)
    text = json.dumps(schema)
    return Constraint(Grammar("json_schema", text, param), f"%json {text}")


def _regex(pattern: str, param: str) -> Constraint:
    return Constraint(Grammar("regex", pattern, param), to_terminal(pattern))


def _choice(choices: list[str], param: str) -> Constraint:
    if not choices or len(choices) > MAX_CHOICES:
        raise RequestError(f"{param} takes 1 to {MAX_CHOICES} texts.", param=param)
    if any(not each or len(each) > MAX_CHOICE_CHARS for each in choices):
        raise RequestError(f"{param}: a text has 1 to {MAX_CHOICE_CHARS} characters.", param=param)
    start = "start: " + " | ".join(quoted(each) for each in dict.fromkeys(choices))
    grammar = Grammar("lark", start, param)
    return Constraint(grammar, _nested(grammar))


def _grammar(text: str, param: str, kind: GrammarKind = "gbnf") -> Constraint:
    grammar = Grammar(kind, text, param)
    return Constraint(grammar, _nested(grammar))


def _named_grammar(given: str, grammars: Path) -> Constraint:
    """A text with rules in it, or the name of a file."""
    if "::=" in given or ":" in given or "\n" in given:
        return _grammar(given, "grammar")
    grammar = load_grammar(grammars, given)
    return Constraint(grammar, _nested(grammar))


def _nested(grammar: Grammar) -> str:
    """A whole grammar as one expression."""
    from modules.engine.constraints import to_lark

    return f"%lark {{\n{to_lark(grammar)}\n}}"
