"""What a request wants its content to obey: one constraint, however it is said. Pure, but for the files of grammars."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from extensions.openai.typing import ChatCompletionRequest, GenerationFields, ResponseFormat
from modules.core.errors import RequestError
from modules.core.wishes import Constraint
from modules.replies.constraints import (
    choice_constraint,
    grammar_constraint,
    named_grammar_constraint,
    regex_constraint,
    schema_constraint,
)

T = TypeVar("T")


def to_constraint(body: GenerationFields, grammars: Path) -> Constraint | None:
    """`grammars`: the folder of named ones. RequestError when two are given, which say different things."""
    found = list(_constraints(body, grammars))
    if len(found) > 1:
        params = " and ".join(each.grammar.param.split(".")[0] for each in found[:2])
        raise RequestError(f"{params} cannot be used together.", param=found[1].grammar.param)
    return found[0] if found else None


def brings_grammar(body: GenerationFields) -> bool:
    """To read GBNF and Lark may take its time, unlike schemas and regular expressions."""
    wanted = body.response_format if isinstance(body, ChatCompletionRequest) else None
    options = body.structured_outputs
    return bool(
        body.grammar_string
        or body.grammar
        or body.guided_grammar
        or (options and options.grammar)
        or (wanted and wanted.type == "grammar")
    )


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
        yield grammar_constraint(body.grammar_string, "grammar_string")
    if body.grammar:
        yield named_grammar_constraint(body.grammar, grammars)
    yield from _named(body.json_schema, body.regex, body.choice, None, "")
    guided = (body.guided_json, body.guided_regex, body.guided_choice, body.guided_grammar)
    yield from _named(*guided, "guided_")


def _named(
    schema: Any, regex: str | None, choices: list[str] | None, grammar: str | None, where: str
) -> Iterator[Constraint]:
    """The four kinds under the names of one family of fields."""
    dotted = f"{where}." if where and not where.endswith("_") else where
    if schema is not None:
        yield schema_constraint(schema, f"{dotted}json" if where else "json_schema")
    if regex is not None:
        yield regex_constraint(regex, f"{dotted}regex")
    if choices is not None:
        yield choice_constraint(choices, f"{dotted}choice")
    if grammar:
        yield grammar_constraint(grammar, f"{dotted}grammar")


def _from_format(wanted: ResponseFormat) -> Constraint | None:
    match wanted.type:
        case "text":
            return None
        case "json_object":
            said = _as_said(wanted)
            return schema_constraint({"type": "object"}, "response_format", response_format=said)
        case "json_schema":
            return _from_described(wanted)
        case "regex":
            return regex_constraint(_required(wanted.pattern, "pattern"), "response_format.pattern")
        case "choice":
            return choice_constraint(
                _required(wanted.choices, "choices"), "response_format.choices"
            )
        case "grammar":
            text = _required(wanted.grammar, "grammar")
            return grammar_constraint(text, "response_format.grammar", wanted.syntax or "gbnf")


def _from_described(wanted: ResponseFormat) -> Constraint:
    described = _required(wanted.json_schema, "json_schema")
    schema = {} if described.json_schema is None else described.json_schema
    param = "response_format.json_schema.schema"
    return schema_constraint(schema, param, response_format=_as_said(wanted))


def _as_said(wanted: ResponseFormat) -> str:
    """OpenAI's own forms go on to another server as they came."""
    fields: dict[str, Any] = wanted.model_dump(by_alias=True, exclude_unset=True)
    if wanted.json_schema is not None:
        fields["json_schema"] = {"name": "reply", **fields["json_schema"]}
    return json.dumps(fields)


def _required(value: T | None, name: str) -> T:
    if value is None:
        raise RequestError(
            f"response_format of this type needs {name!r}.", param=f"response_format.{name}"
        )
    return value
