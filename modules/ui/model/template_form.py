"""Chat template: view, edit, preview, save for this model, or one of the shipped ones."""

# pyright: basic
import asyncio
from typing import Any

import gradio as gr

from modules.core.errors import RequestError
from modules.loaders.catalog import InstalledModel
from modules.ui.faults import told
from modules.ui.listening import QUIET
from modules.ui.markup import chip, to_markup
from modules.ui.model.actions import find_model
from modules.ui.model.template import (
    check_template,
    list_shipped,
    preview,
    read_shipped,
    read_template,
)
from modules.ui.shell import Shell
from modules.ui.toasts import tell

OWN = ""
"""The choice of shipped templates that means none of them."""


class TemplateForm:
    """Built inside of a tab. `outputs` are what `show` returns the values for."""

    def __init__(self, shell: Shell, chosen: gr.State) -> None:
        self._models = shell.context.models
        self._settings = shell.context.settings
        self._chosen = chosen
        self.source = gr.HTML(elem_id="template-source")
        with gr.Row(equal_height=False):
            with gr.Column(scale=1, min_width=300):
                self.shipped = gr.Dropdown(
                    [("Own or edited", OWN)],
                    value=OWN,
                    label="Shipped templates",
                    info="Shows one here; it counts when it is saved",
                    elem_id="template-shipped",
                )
                self.text = gr.Code(
                    label="Template (Jinja)",
                    language="jinja2",
                    interactive=True,
                    lines=14,
                    max_lines=28,
                    elem_id="template-text",
                )
                with gr.Row(elem_classes="buttons"):
                    self.save = gr.Button("Save for this model", variant="primary", size="md", elem_id="template-save")  # fmt: skip
                    self.reset = gr.Button("Model's own again", size="md", elem_id="template-reset")
            with gr.Column(scale=1, min_width=300):
                with gr.Row():
                    self.tool = gr.Checkbox(label="With a tool", container=False, min_width=100, elem_id="template-tool")  # fmt: skip
                    self.thinks = gr.Checkbox(True, label="With thinking", container=False, min_width=110, elem_id="template-thinks")  # fmt: skip
                self.preview = gr.Code(
                    label="A sample conversation, as the model gets it",
                    language=None,
                    interactive=False,
                    lines=14,
                    max_lines=32,
                    wrap_lines=True,
                    elem_id="template-preview",
                )
        self._listen()

    @property
    def outputs(self) -> list[Any]:
        return [self.source, self.shipped, self.text, self.save, self.reset]

    async def show(self, model: InstalledModel | None) -> list[Any]:
        if model is None:
            return ["", gr.skip(), "", gr.Button(interactive=False), gr.Button(interactive=False)]
        shown = await asyncio.to_thread(read_template, self._models, model)
        names = await asyncio.to_thread(list_shipped, self._settings.templates_path)
        can_edit = model.loader != "upstream"
        return [
            self._describe(shown.source, shown.problem),
            gr.Dropdown([("Own or edited", OWN), *((n, n) for n in names)], value=OWN),
            gr.Code(shown.text, interactive=can_edit),
            gr.Button(interactive=can_edit),
            gr.Button(interactive=can_edit),
        ]

    def _describe(self, source: str, problem: str) -> str:
        if problem:
            return f'<p class="problem">{to_markup(problem)}</p>'
        text = f"In use: {chip(source)}"
        if self._settings.chat_template_file:
            text += (
                " The file of --chat-template-file counts for all models, whatever is saved here."
            )
        return f'<p class="note">{text}</p>'

    def _listen(self) -> None:
        looked_at = [self._chosen, self.text, self.tool, self.thinks]
        for control in (self.text, self.tool, self.thinks):
            control.change(told(self._preview), looked_at, [self.preview], trigger_mode="always_last", **QUIET)  # fmt: skip
        self.shipped.input(
            told(self._show_shipped), [self._chosen, self.shipped], [self.text], **QUIET
        )
        inputs = [self._chosen, self.text, self.shipped]
        self.save.click(told(self._save), inputs, self.outputs, **QUIET)
        self.reset.click(told(self._reset), [self._chosen], self.outputs, **QUIET)

    async def _preview(self, name: str, text: str | None, with_tool: bool, thinks: bool) -> str:
        if not name or not text:
            return ""
        model = await find_model(self._models, name)
        try:
            return await asyncio.to_thread(
                preview, self._models, model, text, with_tool=with_tool, thinks=thinks
            )
        except RequestError as error:
            return error.message

    async def _show_shipped(self, name: str, shipped: str) -> str:
        model = await find_model(self._models, name)
        if shipped == OWN:
            return (await asyncio.to_thread(read_template, self._models, model)).text
        return (await asyncio.to_thread(read_shipped, self._models, model, shipped)).text

    async def _save(self, name: str, text: str | None, shipped: str) -> list[Any]:
        model = await find_model(self._models, name)
        await asyncio.to_thread(check_template, self._models, model, text or "")
        await asyncio.to_thread(self._write, model, text or "", shipped)
        tell("Saved. It counts from the next reply on.")
        return await self.show(model)

    def _write(self, model: InstalledModel, text: str, shipped: str) -> None:
        """By its name where a shipped one was left as it is: then it follows when the file is changed."""
        is_shipped = shipped != OWN and read_shipped(self._models, model, shipped).text == text
        chosen = {"file": shipped} if is_shipped else {"text": text}
        self._models.saved.save_template(model.name, **chosen)

    async def _reset(self, name: str) -> list[Any]:
        model = await find_model(self._models, name)
        await asyncio.to_thread(self._models.saved.save_template, model.name)
        return await self.show(model)
