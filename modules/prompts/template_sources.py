"""Where the chat template of a model comes from. Files are looked at for each request, so edits count at once."""

import json
import logging
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from modules.core.errors import ConfigError, ModelError, RequestError
from modules.prompts.old_templates import from_old_keys
from modules.prompts.templates import CHATML, ChatTemplate
from modules.prompts.user_files import find_file

log = logging.getLogger("hearth.models")

EXTENSIONS = (".jinja", ".jinja2", ".yaml", ".yml")
MAX_BYTES = 1_000_000
KEPT = 64
DEFAULT = "tool_use", "default"
"""Of several templates in a tokenizer_config.json, which is taken."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a template depends on: name, the metadata's template, the texts of BOS and EOS."""

    name: str
    metadata: str | None
    bos_text: str = ""
    eos_text: str = ""


class TemplateSources:
    """`user_data` holds instruction-templates/ and models/; `override` is a file for all models."""

    def __init__(
        self, user_data: Path, models: Path | None = None, override: Path | None = None
    ) -> None:
        self._folder = user_data / "instruction-templates"
        self._models = models or user_data / "models"
        self._override = override
        self._compiled: OrderedDict[tuple[str, str, str, str], ChatTemplate] = OrderedDict()
        self._read: dict[Path, tuple[tuple[int, int], str]] = {}
        self._warned: set[str] = set()

    def for_model(self, facts: ModelFacts) -> ChatTemplate:
        """By precedence: the file for all models, the setting saved for this one, its metadata, a pattern on its name, ChatML."""
        text, source = self._find(facts)
        return self._compile(text, source, facts)

    def named(self, name: str, facts: ModelFacts) -> ChatTemplate:
        """A file of the folder. RequestError for a wrong name, or a file that is no template."""
        path = find_file(self._folder, name, EXTENSIONS, param="instruction_template")
        try:
            return self._compile(self._text_of(path), f"instruction template {path.stem}", facts)
        except ModelError as error:
            raise RequestError(error.message, param="instruction_template") from None

    def given(self, text: str, facts: ModelFacts) -> ChatTemplate:
        """The text of a request, which is not trusted."""
        param = "instruction_template_str"
        if len(text) > MAX_BYTES:
            raise RequestError(f"{param} is too long.", param=param)
        try:
            return ChatTemplate(
                text,
                bos_text=facts.bos_text,
                eos_text=facts.eos_text,
                source=param,
                is_trusted=False,
            )
        except ModelError as error:
            raise RequestError(error.message, param=param) from None

    def _find(self, facts: ModelFacts) -> tuple[str, str]:
        if self._override is not None:
            return self._text_of(self._override), f"--chat-template-file {self._override.name}"
        saved = self._by_pattern("config-user.yaml", facts.name)
        if saved is not None:
            return saved[0], f"saved setting ({saved[1]})"
        if facts.metadata:
            return facts.metadata, "model metadata"
        beside = self._beside(facts.name)
        if beside is not None:
            return beside
        guessed = self._by_pattern("config.yaml", facts.name)
        if guessed is not None:
            return guessed[0], f"guessed from the name ({guessed[1]})"
        if facts.name not in self._warned:
            self._warned.add(facts.name)
            log.warning(
                "%s brings no chat template: ChatML is used, which may not suit it", facts.name
            )
        return CHATML, "ChatML (fallback)"

    def _by_pattern(self, file_name: str, model: str) -> tuple[str, str] | None:
        """All patterns that match the lower-cased name apply in their order; later ones win."""
        path = self._models / file_name
        if not path.is_file():
            return None
        settings: dict[str, Any] = {}
        for pattern, values in self._mapping(path).items():
            if isinstance(values, dict) and _matches(str(pattern), model, path):
                settings |= cast("dict[str, Any]", values)
        text = settings.get("instruction_template_str")
        if isinstance(text, str) and text:
            return text, file_name
        name = settings.get("instruction_template")
        if not isinstance(name, str) or not name:
            return None
        found = find_file(self._folder, name, EXTENSIONS, param="instruction_template")
        return self._text_of(found), found.stem

    def _beside(self, name: str) -> tuple[str, str] | None:
        """Files in the model's own folder."""
        path = self._models / name
        folder = path if path.is_dir() else path.parent
        if folder == self._models or not folder.is_dir():
            return None
        plain = folder / "chat_template.jinja"
        if plain.is_file():
            return self._text_of(plain), plain.name
        for file_name in ("chat_template.json", "tokenizer_config.json"):
            text = _template_in(folder / file_name)
            if text:
                return text, file_name
        return None

    def _text_of(self, path: Path) -> str:
        """Jinja as it stands, or what a YAML file has of it; kept until the file changes."""
        stat = path.stat()
        state = (stat.st_mtime_ns, stat.st_size)
        known = self._read.get(path)
        if known is not None and known[0] == state:
            return known[1]
        if stat.st_size > MAX_BYTES:
            raise ModelError(f"{path.name} is too long for a chat template")
        text = path.read_text(encoding="utf-8", errors="replace")
        if path.suffix.lower() in (".yaml", ".yml"):
            text = self._from_yaml(path)
        self._read[path] = (state, text)
        return text

    def _from_yaml(self, path: Path) -> str:
        fields = self._mapping(path)
        text = fields.get("instruction_template")
        if isinstance(text, str) and text:
            return text
        if "turn_template" in fields:
            return from_old_keys(fields)
        raise ModelError(f"{path.name} has neither instruction_template nor turn_template")

    def _mapping(self, path: Path) -> Mapping[Any, Any]:
        try:
            found = yaml.safe_load(path.read_text(encoding="utf-8", errors="replace"))
        except yaml.YAMLError as error:
            raise ModelError(
                f"{path.name} is not valid YAML: {' '.join(str(error).split())}"
            ) from None
        return cast("dict[Any, Any]", found) if isinstance(found, dict) else {}

    def _compile(self, text: str, source: str, facts: ModelFacts) -> ChatTemplate:
        """Kept: what is asked again with the same text is compiled and probed once."""
        key = (text, source, facts.bos_text, facts.eos_text)
        template = self._compiled.pop(key, None)
        if template is None:
            template = ChatTemplate(
                text, bos_text=facts.bos_text, eos_text=facts.eos_text, source=source
            )
        self._compiled[key] = template
        while len(self._compiled) > KEPT:
            self._compiled.pop(next(iter(self._compiled)), None)
        return template


def check_override(path: Path) -> None:
    """ConfigError, at the start, when there is no such file."""
    if not path.is_file():
        raise ConfigError(f"There is no chat template file {path}.")


def _matches(pattern: str, model: str, path: Path) -> bool:
    try:
        return re.match(pattern.lower(), model.lower()) is not None
    except re.error as error:
        raise ModelError(f"{path.name}: the pattern {pattern!r} is wrong: {error}") from None


def _template_in(path: Path) -> str | None:
    """The `chat_template` of a JSON file; of several named ones that for tools, else the default."""
    if not path.is_file() or path.stat().st_size > 64 * MAX_BYTES:
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8")).get("chat_template")
    except (ValueError, AttributeError, OSError):
        return None
    if isinstance(found, list):
        named = {
            each.get("name"): each.get("template") for each in cast("list[dict[str, Any]]", found)
        }
        found = next((named[name] for name in DEFAULT if name in named), None)
    return found if isinstance(found, str) else None
