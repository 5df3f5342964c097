"""The file that says what moderation looks for: categories with examples, and harmless examples to tell them from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from modules.core.errors import ConfigError
from modules.core.options import shown
from modules.engine.moderation.texts import words_of

CATEGORIES = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/intent",
    "self-harm/instructions",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)
"""OpenAI's, in its order. All of them are in every answer."""
MAX_BYTES = 2**20
MAX_EXAMPLES = 2000
MAX_EXAMPLE = 500
MIN_HARMLESS = 8


@dataclass(frozen=True, slots=True)
class Category:
    name: str
    threshold: float
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """A category without examples is never found."""

    categories: tuple[Category, ...]
    harmless: tuple[str, ...]

    @property
    def examples(self) -> tuple[str, ...]:
        """All of them, the harmless ones first, then those of each category."""
        return self.harmless + tuple(text for each in self.categories for text in each.examples)


def read_rules(path: Path) -> Rules:
    """ConfigError names the line or the key that is wrong."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(f"{path.name} is larger than {MAX_BYTES} bytes")
        found: object = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path.name} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path.name} is not UTF-8 text") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigError(_yaml_message(path, error)) from None
    return _Reader(path).rules(found)


def _yaml_message(path: Path, error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    line = f", line {mark.line + 1}" if mark is not None else ""
    return f"{path.name}{line}: {getattr(error, 'problem', None) or 'not YAML'}"


class _Reader:
    """Checks as it reads; every message begins with the file and the key."""

    def __init__(self, path: Path) -> None:
        self._file = path.name

    def rules(self, found: object) -> Rules:
        whole = self._mapping(found, "", ("threshold", "harmless", "categories"))
        threshold = self._threshold(whole.get("threshold", 0.5), "threshold")
        harmless = self._mapping(whole.get("harmless"), "harmless", ("examples",))
        harmless_texts = self._texts(harmless.get("examples"), "harmless.examples")
        if len(harmless_texts) < MIN_HARMLESS:
            raise self._error("harmless.examples", f"there must be at least {MIN_HARMLESS}")
        given = self._mapping(whole.get("categories"), "categories", CATEGORIES)
        categories = [
            self._category(name, given[name], threshold)
            if name in given
            else Category(name, threshold, ())
            for name in CATEGORIES
        ]
        if not any(category.examples for category in categories):
            raise self._error("categories", "none of them has examples")
        return Rules(tuple(categories), tuple(harmless_texts))

    def _category(self, name: str, found: object, threshold: float) -> Category:
        key = f"categories.{name}"
        given = self._mapping(found, key, ("threshold", "description", "examples"))
        texts = self._texts(given.get("examples", []), f"{key}.examples")
        description = given.get("description")
        if description is not None:
            texts = [*texts, self._text(description, f"{key}.description")]
        own = given.get("threshold", threshold)
        return Category(name, self._threshold(own, f"{key}.threshold"), tuple(texts))

    def _mapping(self, found: object, key: str, known: Sequence[str]) -> Mapping[str, Any]:
        if not isinstance(found, dict):
            raise self._error(key, "keys and values are expected")
        given = cast("dict[object, Any]", found)
        for name in given:
            if name not in known:
                where = f"{key}.{name}" if key else str(name)
                raise self._error(where, f"there is no such key; known: {', '.join(known)}")
        return cast("Mapping[str, Any]", given)

    def _texts(self, found: object, key: str) -> list[str]:
        if not isinstance(found, list):
            raise self._error(key, "a list of texts is expected")
        items = cast("list[object]", found)
        if len(items) > MAX_EXAMPLES:
            raise self._error(key, f"there are more than {MAX_EXAMPLES}")
        return [self._text(item, f"{key}[{place}]") for place, item in enumerate(items)]

    def _text(self, found: object, key: str) -> str:
        if not isinstance(found, str) or not words_of(found):
            raise self._error(key, f"a text with words is expected, not {shown(found)}")
        if len(found) > MAX_EXAMPLE:
            raise self._error(key, f"it is longer than {MAX_EXAMPLE} characters")
        return found.strip()

    def _threshold(self, found: object, key: str) -> float:
        is_number = isinstance(found, int | float) and not isinstance(found, bool)
        if not is_number or not 0 <= cast("float", found) <= 1:
            raise self._error(key, f"a number from 0 to 1 is expected, not {shown(found)}")
        return float(cast("float", found))

    def _error(self, key: str, reason: str) -> ConfigError:
        return ConfigError(f"{self._file}: {key or 'the file'}: {reason}")
