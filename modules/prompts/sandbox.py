"""Jinja as chat templates need it, kept away from this machine.

The environment follows transformers' `apply_chat_template`: trimmed blocks, loop controls, `tojson` without
HTML escapes, `raise_exception`, `strftime_now` and the `{% generation %}` block.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, cast

import jinja2
from jinja2 import nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

MAX_TEXT = 10_000_000
_MESSAGE_LIMIT = 1000


class TemplateFault(Exception):
    """What is wrong with a template, or with what it was given; for people. `is_refusal`: it says so itself."""

    def __init__(self, message: str, *, is_refusal: bool = False) -> None:
        super().__init__(message[:_MESSAGE_LIMIT])
        self.is_refusal = is_refusal


class CompiledTemplate:
    """TemplateFault when it does not compile."""

    def __init__(self, text: str) -> None:
        try:
            self._template = _environment().from_string(text)
        except Exception as error:  # noqa: BLE001 - a template is code from outside
            raise TemplateFault(_described(error)) from None

    @property
    def is_usable(self) -> bool:
        return True

    def render(self, names: Mapping[str, Any]) -> str:
        """TemplateFault when it refuses or fails."""
        try:
            return self._template.render(names)
        except _Refusal as error:
            raise TemplateFault(str(error), is_refusal=True) from None
        except Exception as error:  # noqa: BLE001 - a template is code from outside
            raise TemplateFault(_described(error)) from None


def _described(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "it takes too much memory"
    return str(error) or type(error).__name__


class _Refusal(jinja2.TemplateRuntimeError):
    """What a template raises by `raise_exception`."""


class _BoundedEnvironment(ImmutableSandboxedEnvironment):
    """Products and formatted texts have an upper length, whoever wrote the template."""

    intercepted_binops = frozenset(("*", "**", "%"))

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "*" and _size(left) * _size(right) > MAX_TEXT:
            raise SecurityError("a product is too long")
        if operator == "**" and not (_is_small(left) and _is_small(right)):
            raise SecurityError("a power is too large")
        if operator == "%" and isinstance(left, str) and len(left) > 1000:
            raise SecurityError("a format is too long")
        return super().call_binop(context, operator, left, right)


def _size(value: Any) -> int:
    """How much longer it makes the other side of a product."""
    if isinstance(value, int):
        return max(value, 1)
    return len(cast("list[Any]", value)) if isinstance(value, str | list | tuple) else 1


def _is_small(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) < 1000


class _GenerationBlock(Extension):
    """`{% generation %}…{% endgeneration %}` marks replies for training; here it only renders its body."""

    tags = {"generation"}  # noqa: RUF012 - jinja's own declaration

    def parse(self, parser: Parser) -> nodes.Node | list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _environment() -> ImmutableSandboxedEnvironment:
    environment = _BoundedEnvironment(
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.loopcontrols", _GenerationBlock],
    )
    environment.filters["tojson"] = _to_json
    names: dict[str, Callable[..., Any]] = {
        "raise_exception": _raise_exception,
        "strftime_now": _strftime_now,
    }
    environment.globals.update(names)
    return environment


def _to_json(value: Any, indent: int | None = None, **options: Any) -> str:
    """Jinja's own filter escapes `<` and `&`, which a model would read as text."""
    known = {name: options[name] for name in ("separators", "sort_keys") if name in options}
    return json.dumps(value, ensure_ascii=False, indent=indent, **known)


def _raise_exception(message: object) -> None:
    raise _Refusal(str(message))


def _strftime_now(form: str) -> str:
    return datetime.now().strftime(form)
