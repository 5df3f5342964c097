"""A typed Python function -> the tool that a model is told about. Runs in the tool's process: standard library only."""

import collections.abc
import inspect
import json
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

Schema = dict[str, Any]

_SIMPLE: Mapping[Any, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    type(None): "null",
    list: "array",
    tuple: "array",
    dict: "object",
    collections.abc.Sequence: "array",
    collections.abc.Mapping: "object",
}
_ARGS = re.compile(r"(?:args|arguments|parameters)\s*:", re.IGNORECASE)
_SECTION = re.compile(
    r"(?:args|arguments|parameters|returns?|yields?|raises|examples?|notes?)\s*:", re.IGNORECASE
)
_ENTRY = re.compile(r"\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)")


class NotATool(Exception):
    """The message says what of the function a model cannot be told."""


def describe(function: Callable[..., Any]) -> Schema:
    """name, description and JSON schema of the parameters of a function; NotATool for one that cannot be called by name
    with JSON values."""
    about, about_parameters = read_docstring(inspect.getdoc(function) or "")
    if not about:
        raise NotATool("it has no docstring that says what it does")
    hints = typing.get_type_hints(function, include_extras=True)
    properties: dict[str, Schema] = {}
    required: list[str] = []
    for name, parameter in inspect.signature(function).parameters.items():
        properties[name] = _property(name, parameter, hints, about_parameters.get(name, ""))
        if parameter.default is parameter.empty:
            required.append(name)
    parameters: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        parameters["required"] = required
    return {"name": function.__name__, "description": about, "parameters": parameters}


def read_docstring(text: str) -> tuple[str, dict[str, str]]:
    """What a docstring of Google's style says of the function, and of each parameter under `Args:`."""
    lines = text.splitlines()
    about: list[str] = []
    while lines and not _SECTION.fullmatch(lines[0].strip()):
        about.append(lines.pop(0))
    for index, line in enumerate(lines):
        if _ARGS.fullmatch(line.strip()):
            return "\n".join(about).strip(), _entries(lines[index + 1 :])
    return "\n".join(about).strip(), {}


def _entries(lines: Sequence[str]) -> dict[str, str]:
    """The indented lines `name: text` after `Args:`; a line that is indented further goes on with the text before."""
    entries: dict[str, str] = {}
    depth, name = 0, ""
    for line in lines:
        indent = len(line) - len(line.lstrip())
        if not line.strip():
            continue
        if indent == 0:
            break
        depth = depth or indent
        entry = _ENTRY.fullmatch(line.strip())
        if indent <= depth and entry:
            name = entry[1]
            entries[name] = entry[2]
        elif name:
            entries[name] = f"{entries[name]} {line.strip()}".strip()
    return entries


def _property(
    name: str, parameter: inspect.Parameter, hints: Mapping[str, Any], about: str
) -> Schema:
    if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
        raise NotATool(f"the parameter {name!r} cannot be given by name")
    try:
        schema = to_schema(hints.get(name, Any))
    except NotATool as problem:
        raise NotATool(f"the parameter {name!r} {problem}") from None
    if about:
        schema = {**schema, "description": about}
    default = parameter.default
    if default is not parameter.empty and default is not None and _is_json(default):
        schema = {**schema, "default": default}
    return schema


def to_schema(annotation: Any) -> Schema:
    """JSON schema of a type: str, int, float, bool, None, Any, Literal, list[...], dict[str, ...], unions, TypedDict, Annotated."""
    if annotation is Any or annotation is inspect.Parameter.empty:
        return {}
    if annotation in _SIMPLE:
        return {"type": _SIMPLE[annotation]}
    if typing.is_typeddict(annotation):
        return _record(annotation)
    arguments = typing.get_args(annotation)
    origin = typing.get_origin(annotation)
    if origin in (typing.Required, typing.NotRequired):
        return to_schema(arguments[0])
    if origin is typing.Literal:
        return _choice(arguments)
    if origin is typing.Annotated:
        texts = [extra for extra in arguments[1:] if isinstance(extra, str)]
        return to_schema(arguments[0]) | ({"description": texts[0]} if texts else {})
    if origin in (typing.Union, types.UnionType):
        return _union([to_schema(argument) for argument in arguments])
    if origin in _SIMPLE:
        return _container(_SIMPLE[origin], arguments)
    raise NotATool(f"has the type {getattr(annotation, '__name__', annotation)}, which JSON lacks")


def _choice(values: Sequence[Any]) -> Schema:
    kinds = {_SIMPLE.get(type(value)) for value in values}
    if None in kinds:
        raise NotATool("has a choice of values that JSON lacks")
    if len(kinds) == 1:
        return {"type": kinds.pop(), "enum": list(values)}
    return {"enum": list(values)}


def _union(schemas: Sequence[Schema]) -> Schema:
    if all(schema.keys() == {"type"} for schema in schemas):
        return {"type": [schema["type"] for schema in schemas]}
    return {} if {} in schemas else {"anyOf": list(schemas)}


def _container(kind: str, arguments: Sequence[Any]) -> Schema:
    if kind == "object":
        inner = to_schema(arguments[1]) if len(arguments) == 2 else {}
        return {"type": "object"} | ({"additionalProperties": inner} if inner else {})
    kinds = [argument for argument in arguments if argument is not Ellipsis]
    inner = to_schema(kinds[0]) if len(kinds) == 1 else {}
    return {"type": "array"} | ({"items": inner} if inner else {})


def _record(annotation: Any) -> Schema:
    hints = typing.get_type_hints(annotation, include_extras=True)
    schema: Schema = {
        "type": "object",
        "properties": {key: to_schema(hint) for key, hint in hints.items()},
        "additionalProperties": False,
    }
    required = sorted(cast(frozenset[str], annotation.__required_keys__))
    return schema | ({"required": required} if required else {})


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True
