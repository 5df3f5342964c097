"""What a model wrote as the arguments of a call, and whether the tool's schema allows it."""

import importlib
import json
from typing import Any, cast

_SCHEMA_LIMIT = 100_000
"""Characters of a schema: one that is longer would fill the context of most models."""


class BadArguments(Exception):
    """The message is for the model, which may try again."""


def parse_arguments(text: str) -> dict[str, Any]:
    """The object of the arguments; nothing at all counts as no arguments."""
    if not text.strip():
        return {}
    try:
        arguments = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadArguments(f"The arguments are not valid JSON: {error}") from None
    if not isinstance(arguments, dict):
        raise BadArguments("The arguments must be a JSON object.")
    return cast(dict[str, Any], arguments)


def check_arguments(arguments: dict[str, Any], schema: Any) -> None:
    """BadArguments names the first place that is wrong. A schema that cannot be applied is left to the tool."""
    try:
        errors = _validator(schema).iter_errors(arguments)
        error = importlib.import_module("jsonschema.exceptions").best_match(errors)
    except Exception:  # noqa: BLE001 - schemas of others refer to what is not there, or to themselves
        return
    if error is not None:
        raise BadArguments(f"Wrong arguments: {error.json_path}: {error.message[:500]}")


def schema_problem(schema: Any) -> str | None:
    """Why a tool with this schema of its arguments cannot be offered; None when it can, or jsonschema is not installed."""
    if not isinstance(schema, dict):
        return "the schema of its arguments is no object"
    try:
        if len(json.dumps(schema)) > _SCHEMA_LIMIT:
            return "the schema of its arguments is too long"
        kind = cast(dict[str, Any], schema).get("type", "object")
        if kind != "object":
            return "its arguments are not an object"
        _validator_class(schema).check_schema(schema)
    except ImportError:
        return None
    except RecursionError:
        return "the schema of its arguments is nested too deeply"
    except Exception as error:  # noqa: BLE001 - every way in which a schema can be wrong
        reason = str(getattr(error, "message", error))
        return f"the schema of its arguments is wrong: {reason[:200]}"
    return None


def _validator_class(schema: Any) -> Any:
    validators: Any = importlib.import_module("jsonschema.validators")
    return validators.validator_for(schema, default=validators.Draft202012Validator)


def _validator(schema: Any) -> Any:
    """Of jsonschema, but nothing is fetched for a reference, and regular expressions of strangers are not run: one
    could hold up the whole program. The tool checks those itself."""
    validators: Any = importlib.import_module("jsonschema.validators")
    registry: Any = importlib.import_module("referencing").Registry()
    skipped = ["pattern", "patternProperties", "unevaluatedProperties"]
    if '"patternProperties"' in json.dumps(schema):
        skipped.append("additionalProperties")
    base = _validator_class(schema)
    return validators.extend(base, dict.fromkeys(skipped, _skip))(schema, registry=registry)


def _skip(*_: Any) -> tuple[()]:
    return ()
