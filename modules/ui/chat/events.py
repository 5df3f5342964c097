"""What a page's scripts send along with an event: anything may be in it, so it is read by type."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from modules.core.errors import RequestError

TEXT_LIMIT = 4_000_000
"""Characters of anything that is typed or pasted."""
MAX_FILES = 50


@dataclass(frozen=True, slots=True)
class Sent:
    """`fields`: as the script sent them. The readers raise RequestError for what has another type."""

    fields: Mapping[str, Any]

    @staticmethod
    def of(data: Any) -> "Sent":
        return Sent(cast("dict[str, Any]", data) if isinstance(data, dict) else {})

    @property
    def what(self) -> str:
        return self.text("do")

    def text(self, name: str) -> str:
        value = self.fields.get(name, "")
        if not isinstance(value, str) or len(value) > TEXT_LIMIT:
            raise RequestError(f"The {name} is no text that can be used.", param=name)
        return value.encode("utf-8", "replace").decode("utf-8")

    def number(self, name: str) -> int:
        value = self.fields.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise RequestError(f"The {name} is no whole number.", param=name)
        return value

    def flag(self, name: str) -> bool:
        value = self.fields.get(name)
        if not isinstance(value, bool):
            raise RequestError(f"{name} is on or off.", param=name)
        return value

    def has(self, name: str) -> bool:
        return name in self.fields

    @property
    def files(self) -> tuple["SentFile", ...]:
        """In the order in which they were attached."""
        value = self.fields.get("files", [])
        found = cast("list[Any]", value) if isinstance(value, list) else []
        if len(found) > MAX_FILES:
            raise RequestError(f"A message takes at most {MAX_FILES} files.", param="files")
        each = [Sent.of(file) for file in found]
        return tuple(SentFile(file.text("path"), file.text("name")) for file in each)


@dataclass(frozen=True, slots=True)
class SentFile:
    """`path`: where the upload lies, as the page says; `name`: what the person calls it."""

    path: str
    name: str
