"""JSON that may be anything, read field by field."""

import math
from collections.abc import Iterator
from typing import Any, TypeVar, cast

from modules.core.errors import RequestError

MAX_ITEMS = 20_000
"""Of any list."""
LATEST = 32503680000.0
"""The year 3000, in seconds since 1970: what is past it is no time."""

T = TypeVar("T")


class Fields:
    """One JSON object of a file, by its fields. `where` it stands, for messages."""

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise RequestError(f"{where} must be an object with names and values.", param=where)
        self.values = cast("dict[str, Any]", value)
        self.where = where

    def text(self, name: str) -> str:
        """Empty where there is none. Halves of characters, which no file can hold, become question marks."""
        value = self.values.get(name)
        if value is None:
            return ""
        return self._checked(value, str, name, "text").encode("utf-8", "replace").decode()

    def whole(self, name: str, default: int = 0) -> int:
        value = self.values.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
            raise self._wrong(name, "a whole number from 0")
        return value

    def number(self, name: str) -> float:
        value = self.values.get(name)
        if value is None:
            return 0.0
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong(name, "a number")
        if not math.isfinite(value) or value < 0:
            raise self._wrong(name, "a number from 0")
        return float(value)

    def time(self, name: str) -> float:
        return min(self.number(name), LATEST)

    def flag(self, name: str) -> bool:
        return self.values.get(name) is True

    def one_of(self, name: str, choices: tuple[T, ...]) -> T:
        text = self.text(name)
        for each in choices:
            if each == text:
                return each
        raise self._wrong(name, f"one of {', '.join(map(str, choices))}")

    def objects(self, name: str) -> Iterator["Fields"]:
        for i, each in enumerate(self.items(name)):
            yield Fields(each, f"{self.where}.{name}[{i}]")

    def items(self, name: str) -> list[Any]:
        value = self.values.get(name)
        if value is None:
            return []
        items = cast("list[Any]", self._checked(value, list, name, "a list"))
        if len(items) > MAX_ITEMS:
            raise self._wrong(name, f"a list of at most {MAX_ITEMS}")
        return items

    def _checked(self, value: Any, kind: type[T], name: str, word: str) -> T:
        if not isinstance(value, kind):
            raise self._wrong(name, word)
        return value

    def _wrong(self, name: str, word: str) -> RequestError:
        return RequestError(f"{self.where}.{name} must be {word}.", param=f"{self.where}.{name}")
