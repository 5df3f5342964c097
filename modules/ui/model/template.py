"""The chat template of a model: what it is, what it makes of a sample conversation, and another one for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modules.core.errors import LoadError, ModelError, RequestError
from modules.engine.manager import ModelManager
from modules.loaders.catalog import InstalledModel
from modules.loaders.gguf_header import read_gguf_header
from modules.prompts.template_files import EXTENSIONS
from modules.prompts.template_sources import ModelFacts
from modules.prompts.templates import ChatTemplate
from modules.prompts.user_files import list_names

SAMPLE: tuple[Mapping[str, Any], ...] = (
    {"role": "system", "content": "You are a friendly cook."},
    {"role": "user", "content": "What can I make of two eggs?"},
    {"role": "assistant", "content": "An omelette."},
    {"role": "user", "content": "And with cheese?"},
)
SAMPLE_TOOL: Mapping[str, Any] = {
    "type": "function",
    "function": {
        "name": "find_recipe",
        "description": "Finds a recipe by its ingredients",
        "parameters": {
            "type": "object",
            "properties": {"ingredients": {"type": "string"}},
            "required": ["ingredients"],
        },
    },
}


@dataclass(frozen=True, slots=True)
class ShownTemplate:
    """`source`: where it is from. `problem`: why there is none to show."""

    text: str
    source: str
    problem: str = ""


def read_template(models: ModelManager, model: InstalledModel) -> ShownTemplate:
    """The one that counts for requests that name none. Blocking."""
    if model.loader == "upstream":
        return ShownTemplate("", "", "The upstream server keeps its chat template to itself.")
    try:
        template = models.templates.for_model(_facts(models, model))
    except (ModelError, LoadError) as error:
        return ShownTemplate("", "", error.message)
    return ShownTemplate(template.text, template.source)


def read_shipped(models: ModelManager, model: InstalledModel, name: str) -> ShownTemplate:
    """A file of the folder instruction-templates. RequestError for a wrong name. Blocking."""
    template = models.templates.named(name, _facts(models, model))
    return ShownTemplate(template.text, template.source)


def list_shipped(folder: Path) -> list[str]:
    return list_names(folder, EXTENSIONS)


def preview(
    models: ModelManager, model: InstalledModel, text: str, *, with_tool: bool, thinks: bool
) -> str:
    """The sample conversation as the model would get it. RequestError with the template's own words. Blocking, in a process of its own."""
    return _render(_given(models, model, text), with_tool=with_tool, thinks=thinks)


def check_template(models: ModelManager, model: InstalledModel, text: str) -> None:
    """RequestError when it is empty, does not compile, or makes nothing of a plain question."""
    if not text.strip():
        raise RequestError("The template is empty.", param="template")
    template = _given(models, model, text)
    question = [{"role": "user", "content": "What can I make of two eggs?"}]
    shown = template.render_fields(question, add_generation_prompt=True)
    if "two eggs" not in shown:
        raise RequestError("This template leaves out what the user says.", param="template")


def _given(models: ModelManager, model: InstalledModel, text: str) -> ChatTemplate:
    """What a person is still writing is bounded like a template of a request."""
    return models.templates.given(text, _facts(models, model), param="as it stands here")


def _render(template: ChatTemplate, *, with_tool: bool, thinks: bool) -> str:
    return template.render_fields(
        SAMPLE,
        tools=[SAMPLE_TOOL] if with_tool else None,
        add_generation_prompt=True,
        variables={"enable_thinking": thinks},
    )


def _facts(models: ModelManager, model: InstalledModel) -> ModelFacts:
    """Of a model that is not loaded the texts of BOS and EOS are not known."""
    loaded = models.get(model.name)
    if loaded is not None:
        info = loaded.info
        return ModelFacts(info.name, info.chat_template, info.bos_text, info.eos_text)
    metadata = None
    if model.loader == "llamacpp":
        metadata = read_gguf_header(model.path).get("tokenizer.chat_template")
    return ModelFacts(model.name, metadata if isinstance(metadata, str) else None)
