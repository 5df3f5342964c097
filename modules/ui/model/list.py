"""The installed models as a list to choose from, and what is known of one of them."""

from collections.abc import Sequence

from modules.downloads.sizes import shown_size
from modules.engine.manager import ModelManager
from modules.engine.model import LoadedModel
from modules.loaders.catalog import InstalledModel
from modules.loaders.installed_facts import InstalledFacts
from modules.ui.markup import chip, to_markup

LOADER_TITLES = {
    "llamacpp": "llama.cpp",
    "transformers": "Transformers",
    "upstream": "another server",
}
ON_CLICK = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('[data-do]');
  if (button) trigger(button.dataset.do, { name: button.dataset.name });
});
"""
"""For HTML whose buttons say in `data-do` which event they are, and in `data-name` what they are about."""


def to_list(installed: Sequence[InstalledModel], models: ModelManager, chosen: str) -> str:
    """Looks at sizes of files: for a thread."""
    if not installed:
        return f'<div class="empty">No models yet. Put GGUF files into {to_markup(models.catalog.folder)}, or download one.</div>'
    rows = [_row(model, models, model.name == chosen) for model in installed]
    return f'<div class="model-list">{"".join(rows)}</div>'


def _row(model: InstalledModel, models: ModelManager, is_chosen: bool) -> str:
    loader = LOADER_TITLES.get(model.loader, model.loader)
    details = loader if model.loader == "upstream" else f"{shown_size(model.size_bytes)} · {loader}"
    state = _state(model.name, models)
    return (
        f'<button type="button" data-do="select" data-name="{to_markup(model.name)}" aria-pressed="{str(is_chosen).lower()}">'
        f'<span class="model-name">{to_markup(model.name)}</span><span class="model-details">{to_markup(details)}{state}</span></button>'
    )


def _state(name: str, models: ModelManager) -> str:
    if models.get(name) is not None:
        return chip("loaded", "state-ready")
    if models.loading is not None and models.loading.name == name:
        return chip("loading", "state-loading")
    if name in models.asleep:
        return chip("asleep", "state-asleep", "Loaded again when it is asked for")
    return ""


def to_facts(model: InstalledModel, facts: InstalledFacts, loaded: LoadedModel | None) -> str:
    """Name and what is known, as chips."""
    known = [LOADER_TITLES.get(model.loader, model.loader)]
    if model.loader == "upstream":
        known.append("runs on the upstream server")
    else:
        known.append(shown_size(model.size_bytes))
    known += [each for each in (facts.quantisation, facts.architecture) if each]
    if facts.parameters:
        known.append(f"{shown_count(facts.parameters)} parameters")
    if facts.context_length:
        known.append(f"trained for {facts.context_length:,} tokens")
    chips = "".join(chip(each) for each in known)
    if loaded is not None:
        info = loaded.info
        slots = f", {info.slots} at once" if info.slots else ""
        chips = chip("loaded", "state-ready", f"{info.context_length:,} tokens{slots}") + chips
        chips += "".join(chip(each, "good") for each in _abilities(loaded))
    problem = f'<p class="problem">{to_markup(facts.problem)}</p>' if facts.problem else ""
    return f'<h3 class="model-title">{to_markup(model.name)}</h3><div class="fact-chips">{chips}</div>{problem}'


def _abilities(loaded: LoadedModel) -> list[str]:
    words = {"vision": "sees pictures", "tools": "calls tools", "lora": "takes LoRA adapters"}
    return [words[each] for each in loaded.info.capabilities if each in words]


def shown_count(number: int) -> str:
    """`7.24 B`, as parameters are counted."""
    for unit, size in (("B", 10**9), ("M", 10**6), ("k", 10**3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return str(number)
