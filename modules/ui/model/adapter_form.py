"""LoRA adapters of the chosen model: put on with a scale, take off."""

# pyright: basic
from typing import Any

import gradio as gr

from modules.core.errors import RequestError
from modules.ui.faults import told
from modules.ui.listening import QUIET
from modules.ui.model.adapters import put_on, read_adapters, take_off, to_choices, to_list
from modules.ui.model.list import ON_CLICK
from modules.ui.shell import Shell


class AdapterForm:
    """Built inside of a tab. `outputs` are what `show` returns the values for."""

    def __init__(self, shell: Shell, chosen: gr.State) -> None:
        self._models = shell.context.models
        self._folder = shell.context.settings.loras_path
        self._chosen = chosen
        self.listed = gr.HTML(elem_id="adapter-list", js_on_load=ON_CLICK)
        with gr.Row(elem_classes="option-grid"):
            self.adapter = gr.Dropdown([], value=None, label="Adapter", elem_id="adapter-name")
            self.scale = gr.Number(
                1.0, label="Scale", info="1 as it was trained; 0: only for requests that name it", step=0.1, elem_id="adapter-scale"
            )  # fmt: skip
        with gr.Row(elem_classes="buttons"):
            self.put = gr.Button("Put on", variant="primary", size="md", elem_id="adapter-put")
        gr.HTML(f'<p class="note">Adapters are read from {self._folder.name}/ in the user data folder: GGUF files for llama.cpp, folders as peft saves them for Transformers.</p>')  # fmt: skip
        self._listen()

    @property
    def outputs(self) -> list[Any]:
        return [self.listed, self.adapter, self.put]

    async def show(self, name: str) -> list[Any]:
        state = await read_adapters(self._models, name)
        choices = to_choices(state)
        value = choices[0][1] if choices else None
        return [
            to_list(state),
            gr.Dropdown(choices, value=value),
            gr.Button(interactive=bool(choices)),
        ]

    def _listen(self) -> None:
        inputs = [self._chosen, self.adapter, self.scale]
        self.put.click(told(self._put), inputs, self.outputs, **QUIET)
        self.listed.delete(told(self._take), [self._chosen], self.outputs, **QUIET)

    async def _put(self, name: str, adapter: str | None, scale: float | None) -> list[Any]:
        if not adapter:
            raise RequestError("Choose an adapter first.", param="lora")
        scale = 1.0 if scale is None else scale
        if not abs(scale) <= 100:
            raise RequestError("The scale must be between -100 and 100.", param="lora")
        await put_on(self._models, name, adapter, scale)
        return [to_list(await read_adapters(self._models, name)), gr.skip(), gr.skip()]

    async def _take(self, name: str, event: gr.EventData) -> list[Any]:
        await take_off(self._models, name, str(event.name))
        return [to_list(await read_adapters(self._models, name)), gr.skip(), gr.skip()]
