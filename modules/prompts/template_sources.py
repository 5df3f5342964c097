"""Where the chat template of a model comes from. Files are looked at for each request, so edits count at once."""

import json
import logging
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from modules.core.errors import ConfigError, ModelError, RequestError
from modules.core.name_patterns import in_order, matches_name
from modules.prompts.kept_templates import KeptTemplates
from modules.prompts.template_files import EXTENSIONS, MAX_BYTES, TemplateFiles
from modules.prompts.templates import CHATML, ChatTemplate
from modules.prompts.user_files import find_file

log = logging.getLogger("hearth.models")

KEPT = 64
KEPT_OF_REQUESTS = 4
"""Each keeps a process."""

DEFAULT = "tool_use", "default"
"""Of several templates in a tokenizer_config.json, which is taken."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a template depends on: name, the metadata's template, the texts of BOS and EOS."""

    name: str
    metadata: str | None
    bos_text: str = ""
    eos_text: str = ""


THREADS_FOR_REQUESTS = 2


class TemplateSources:
    """`user_data` holds instruction-templates/ and models/; `override` is a file for all models. Threads may share this."""

    def __init__(
        self, user_data: Path, models: Path | None = None, override: Path | None = None
    ) -> None:
        self._folder = user_data / "instruction-templates"
        self._models = models or user_data / "models"
        self._override = override
        self._files = TemplateFiles()
        self._own = KeptTemplates(KEPT)
        self._of_requests = KeptTemplates(KEPT_OF_REQUESTS)
        self._last_entries: dict[Path, Mapping[str, Any]] = {}
        self._warned: set[str] = set()
        self.threads = ThreadPoolExecutor(THREADS_FOR_REQUESTS, thread_name_prefix="template")
        """For templates, grammars and long texts of requests, which may take their time."""

    def for_model(self, facts: ModelFacts) -> ChatTemplate:
        """By precedence: the file for all models, the setting saved for this one, its metadata, a pattern on its name, ChatML."""
        text, source = self._find(facts)
        return self._own.get(text, source, facts.bos_text, facts.eos_text)

    def named(self, name: str, facts: ModelFacts) -> ChatTemplate:
        """A file of the folder. RequestError for a wrong name, or a file that is no template."""
        path = find_file(self._folder, name, EXTENSIONS, param="instruction_template")
        source = f"instruction template {path.stem}"
        try:
            return self._own.get(self._files.text(path), source, facts.bos_text, facts.eos_text)
        except ModelError as error:
            raise RequestError(error.message, param="instruction_template") from None

    def given(
        self, text: str, facts: ModelFacts, *, param: str = "instruction_template_str"
    ) -> ChatTemplate:
        """The text of a request, which is not trusted; `param` is what the request calls it."""
        if len(text) > MAX_BYTES:
            raise RequestError(f"{param} is too long.", param=param)
        try:
            return self._of_requests.get(
                text, param, facts.bos_text, facts.eos_text, is_trusted=False
            )
        except ModelError as error:
            raise RequestError(error.message, param=param) from None

    def _find(self, facts: ModelFacts) -> tuple[str, str]:
        """The text, and where it is from."""
        if self._override is not None:
            return self._files.text(self._override), f"--chat-template-file {self._override.name}"
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
        self._warn(f"{facts.name} brings no chat template: ChatML is used, which may not suit it")
        return CHATML, "ChatML (fallback)"

    def _by_pattern(self, file_name: str, model: str) -> tuple[str, str] | None:
        """All patterns that match the name apply in their order; later ones win, and a key that is the name wins over all."""
        path = self._models / file_name
        if not path.is_file():
            return None
        settings: dict[str, Any] = {}
        entries = self._entries(path)
        for pattern in in_order(entries, model):
            values = entries[pattern]
            if isinstance(values, dict) and self._matches(pattern, model, file_name):
                settings |= cast("dict[str, Any]", values)
        text = settings.get("instruction_template_str")
        if isinstance(text, str) and text:
            return text, file_name
        name = settings.get("instruction_template")
        if not isinstance(name, str) or not name:
            return None
        try:
            found = find_file(self._folder, name, EXTENSIONS, param="instruction_template")
        except RequestError:
            self._warn(f"{file_name} names the instruction template {name}, which is not there")
            return None
        return self._files.text(found), found.stem

    def _entries(self, path: Path) -> Mapping[str, Any]:
        """What the file says; what it said before while it cannot be read, half saved in an editor, say. ModelError where it never could."""
        try:
            entries = {str(key): values for key, values in self._files.mapping(path).items()}
        except ModelError as error:
            if path not in self._last_entries:
                raise
            self._warn(f"{error.message} What it said before still counts for templates.")
        else:
            self._last_entries[path] = entries
        return self._last_entries[path]

    def _matches(self, pattern: str, model: str, file_name: str) -> bool:
        try:
            return matches_name(pattern, model)
        except re.error as error:
            self._warn(f"{file_name}: the pattern {pattern!r} is not valid: {error}")
            return False

    def _beside(self, name: str) -> tuple[str, str] | None:
        """Files in the model's own folder."""
        path = self._models / name
        folder = path if path.is_dir() else path.parent
        if folder == self._models or not folder.is_dir():
            return None
        plain = folder / "chat_template.jinja"
        if plain.is_file():
            return self._files.text(plain), plain.name
        for file_name in ("chat_template.json", "tokenizer_config.json"):
            text = _template_in(folder / file_name)
            if text:
                return text, file_name
        return None

    def _warn(self, message: str) -> None:
        """Once each."""
        if message not in self._warned:
            self._warned.add(message)
            log.warning("%s", message)


def check_override(path: Path) -> None:
    """ConfigError, at the start, when there is no such file."""
    if not path.is_file():
        raise ConfigError(f"There is no chat template file {path}.")


def _template_in(path: Path) -> str | None:
    """The `chat_template` of a JSON file; of several named ones that for tools, else the default."""
    if not path.is_file() or path.stat().st_size > 64 * MAX_BYTES:
        return None
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))["chat_template"]
    except (ValueError, LookupError, TypeError, OSError, RecursionError):
        return None
    if isinstance(found, list):
        found = _chosen(cast("list[object]", found))
    return found if isinstance(found, str) else None


def _chosen(entries: list[object]) -> Any:
    named: dict[Any, Any] = {}
    for entry in entries:
        if isinstance(entry, dict):
            fields = cast("Mapping[str, Any]", entry)
            named[fields.get("name")] = fields.get("template")
    return next((named[name] for name in DEFAULT if name in named), None)
