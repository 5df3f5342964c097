"""Values that people set, each described once.

A frozen dataclass declares its fields with `option(...)`. Command-line flags, settings keys, environment
variables, request schemas, range checks and the documentation are all derived from that declaration, so
that none of them can drift apart.
"""

import dataclasses
import math
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from modules.core.errors import RequestError

_METADATA_KEY = "option"
MAX_SHOWN = 60
FALSE_WORDS = frozenset({"0", "false", "no", "off", ""})
TRUE_WORDS = frozenset({"1", "true", "yes", "on"})


@dataclass(frozen=True, slots=True)
class Option:
    """One settable value: its name, type, range, default and meaning.

    `kind` is bool, int, float, str, or tuple (of strings). `none_ok`: None means "not set".
    `wire` is the type in a request schema where that is wider than `kind`; `parse` then reads it.
    """

    name: str
    kind: type
    default: Any
    help: str
    none_ok: bool = False
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    env: str | None = None
    group: str = ""
    wire: Any = None
    parse: Callable[[Any], Any] | None = None
    is_secret: bool = False
    metavar: str | None = None

    def check(self, value: Any) -> Any:
        """`value` as this option's type, or RequestError that names the option and says what is wrong."""
        if value is None:
            return self.default
        if self.parse is not None:
            return self.parse(value)
        value = self._to_kind(value)
        self._check_range(value)
        return value

    def from_text(self, text: str) -> Any:
        """The same for a value that comes as text (environment, command line)."""
        if self.kind is bool:
            return self.check(_text_to_bool(text, self.name))
        if self.kind in (int, float):
            return self.check(_text_to_number(text, self.kind, self.name))
        return self.check(text)

    def _to_kind(self, value: Any) -> Any:
        if self.kind is bool:
            if isinstance(value, bool):
                return value
            if isinstance(value, int | str):
                return _text_to_bool(str(value), self.name)
        elif self.kind is tuple:
            return _to_strings(value, self.name)
        elif self.kind is float and isinstance(value, int | float) and not isinstance(value, bool):
            return _to_float(value, self.name)
        elif self.kind is int and isinstance(value, float) and value.is_integer():
            return int(value)
        elif self.kind is str and _is_textual(value):
            return _clean(str(value), self.name)
        elif isinstance(value, self.kind) and not isinstance(value, bool):
            return value
        raise RequestError(
            f"{self.name} must be {KIND_NAMES[self.kind]}, not {shown(value)}", param=self.name
        )

    def _check_range(self, value: Any) -> None:
        if self.choices and value not in self.choices:
            raise RequestError(
                f"{self.name} must be one of {', '.join(c for c in self.choices if c)}; "
                f"got {shown(value)}",
                param=self.name,
            )
        if not isinstance(value, int | float) or isinstance(value, bool):
            return
        if isinstance(value, float) and not math.isfinite(value):
            raise RequestError(f"{self.name} must be a finite number", param=self.name)
        if self.minimum is not None and value < self.minimum:
            raise RequestError(
                f"{self.name} must be at least {self.minimum:.15g}; got {shown(value)}",
                param=self.name,
            )
        if self.maximum is not None and value > self.maximum:
            raise RequestError(
                f"{self.name} must be at most {self.maximum:.15g}; got {shown(value)}",
                param=self.name,
            )


KIND_NAMES: Mapping[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    tuple: "a list of strings",
}


def option(default: Any, help: str, **details: Any) -> Any:  # noqa: A002 - the word that argparse uses
    """A dataclass field with an `Option` behind it; `details` are the other fields of `Option`."""
    return dataclasses.field(
        default=default,
        repr=not details.get("is_secret"),
        metadata={_METADATA_KEY: {"help": help, **details}},
    )


def options_of(owner: type) -> tuple[Option, ...]:
    """The options that the fields of a dataclass declare, in order."""
    hints = typing.get_type_hints(owner)
    found: list[Option] = []
    for field in dataclasses.fields(owner):
        details = field.metadata.get(_METADATA_KEY)
        if details is None:
            continue
        kind, none_ok = _kind_of(hints[field.name])
        found.append(
            Option(name=field.name, kind=kind, none_ok=none_ok, default=field.default, **details)
        )
    return tuple(found)


def by_name(options: tuple[Option, ...]) -> dict[str, Option]:
    """Every name and alias that an option answers to."""
    return {name: option for option in options for name in (option.name, *option.aliases)}


def _kind_of(hint: Any) -> tuple[type, bool]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        inner = [part for part in typing.get_args(hint) if part is not type(None)]
        return _kind_of(inner[0])[0], True
    origin = typing.get_origin(hint) or hint
    return (origin if origin in KIND_NAMES else tuple), False


def _text_to_bool(text: str, name: str) -> bool:
    word = text.strip().lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise RequestError(f"{name} must be true or false, not {shown(text)}", param=name)


def _text_to_number(text: str, kind: type, name: str) -> int | float:
    try:
        return kind(text)
    except ValueError:
        raise RequestError(
            f"{name} must be {KIND_NAMES[kind]}, not {shown(text)}", param=name
        ) from None


def _is_textual(value: Any) -> bool:
    """Text, or a number that YAML read where a name of digits was meant."""
    return isinstance(value, int | float | str) and not isinstance(value, bool)


def _to_float(value: int | float, name: str) -> float:
    try:
        return float(value)
    except OverflowError:
        raise RequestError(f"{name} must be a finite number", param=name) from None


def _clean(text: str, name: str) -> str:
    """Text that a file name or a C string can hold: no NUL, no lone surrogate."""
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise RequestError(f"{name} has characters that no text may have", param=name)
    return text


def shown(value: Any) -> str:
    """A value from outside, short enough for a message."""
    if isinstance(value, int) and abs(value) >= 10**MAX_SHOWN:
        return "a huge number"
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"


def _to_strings(value: Any, name: str) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if isinstance(value, list | tuple):
        parts = typing.cast("list[object]", value)
        if all(isinstance(part, str | int) for part in parts):
            return tuple(_clean(str(part), name) for part in parts)
    raise RequestError(f"{name} must be a list of strings", param=name)
