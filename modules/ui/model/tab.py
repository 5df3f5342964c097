"""The tab model: the installed models, and for the chosen one loading, chat template and adapters; downloads."""

# pyright: basic
import asyncio
from dataclasses import dataclass
from typing import Any

import gradio as gr

from modules.core.errors import NotFound
from modules.loaders.catalog import InstalledModel
from modules.loaders.installed_facts import read_installed_facts
from modules.ui.faults import told
from modules.ui.listening import QUIET
from modules.ui.model.actions import find_model, list_models
from modules.ui.model.adapter_form import AdapterForm
from modules.ui.model.download_form import DownloadForm
from modules.ui.model.list import ON_CLICK, to_facts, to_list
from modules.ui.model.load_form import LoadForm
from modules.ui.model.template_form import TemplateForm
from modules.ui.shell import Shell


def build(shell: Shell) -> None:
    chosen = gr.State("")
    with gr.Row(elem_id="model-tab", equal_height=False):
        with gr.Column(scale=2, min_width=300, elem_id="model-side"):
            installed = gr.HTML(elem_id="model-list", js_on_load=ON_CLICK)
            refresh = gr.Button("Look again", size="sm", elem_id="model-refresh")
        with gr.Column(scale=5, min_width=320):
            facts = gr.HTML(elem_id="model-facts")
            parts = Parts.build(shell, chosen)
    listed = [installed, facts, *parts.load.status]
    view = ModelView(shell, parts)
    shell.on_open(view.begin, [], [chosen])
    installed.select(told(view.choose), None, [chosen], **QUIET)
    refresh.click(told(view.show_list), [chosen], listed, **QUIET)
    for acted in parts.load.acted:  # at once, not at the header's next look
        acted.then(told(view.show_list), [chosen], listed, **QUIET)
    for event in (chosen.change, shell.signal("model").change):
        event(told(view.show_list), [chosen], listed, **QUIET)
        event(told(view.show_parts), [chosen], parts.outputs, **QUIET)


@dataclass(frozen=True)
class Parts:
    """What stands below the facts of the chosen model."""

    load: LoadForm
    template: TemplateForm
    adapters: AdapterForm
    downloads: DownloadForm

    @classmethod
    def build(cls, shell: Shell, chosen: gr.State) -> "Parts":
        with gr.Tabs(elem_id="model-parts"):
            with gr.Tab("Load", id="load"):
                load = LoadForm(shell, chosen)
            with gr.Tab("Template", id="template"):
                template = TemplateForm(shell, chosen)
            with gr.Tab("LoRA", id="lora"):
                adapters = AdapterForm(shell, chosen)
            with gr.Tab("Download", id="download") as tab:
                downloads = DownloadForm(shell)
        tab.select(told(downloads.show), None, downloads.outputs, **QUIET)
        return cls(load, template, adapters, downloads)

    @property
    def outputs(self) -> list[Any]:
        return [*self.load.outputs, *self.template.outputs, *self.adapters.outputs]


class ModelView:
    """What the tab shows of the chosen model."""

    def __init__(self, shell: Shell, parts: Parts) -> None:
        self._models = shell.context.models
        self._parts = parts

    async def begin(self) -> str:
        """What is loaded, else the first that is installed."""
        if self._models.current is not None:
            return self._models.current.name
        found = await list_models(self._models)
        return found[0].name if found else ""

    async def choose(self, event: gr.EventData) -> str:
        return str(event.name)

    async def show_list(self, name: str) -> list[Any]:
        """The list, the facts of the chosen model, and what can be done with it; the forms are left as they are."""
        found = await list_models(self._models)
        listed = await asyncio.to_thread(to_list, found, self._models, name)
        return [listed, await self._facts(name), *self._parts.load.show_status(name)]

    async def show_parts(self, name: str) -> list[Any]:
        model = await self._find(name)
        return [
            *await self._parts.load.show(model),
            *await self._parts.template.show(model),
            *await self._parts.adapters.show(name),
        ]

    async def _facts(self, name: str) -> str:
        model = await self._find(name)
        if model is None:
            return ""
        known = await asyncio.to_thread(read_installed_facts, model)
        return to_facts(model, known, self._models.get(name))

    async def _find(self, name: str) -> InstalledModel | None:
        """None also when it was deleted meanwhile."""
        try:
            return await find_model(self._models, name)
        except NotFound:
            return None
