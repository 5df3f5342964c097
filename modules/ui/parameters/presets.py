"""The line of presets: choose one, save what is set as one, delete one, all off, all as the server has it."""

# pyright: basic
import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gradio as gr

from modules.core.errors import RequestError
from modules.prompts.presets import delete_preset, list_presets
from modules.ui.confirming import ConfirmButton
from modules.ui.faults import told
from modules.ui.listening import AT_ONCE, QUIET
from modules.ui.parameters.form import EDITED, ParametersForm
from modules.ui.parameters.values import (
    change,
    keep_preset,
    neutral,
    with_preset,
    without_sampling,
)
from modules.ui.profile import Parameters
from modules.ui.session import Session
from modules.ui.shell import Shell
from modules.ui.toasts import tell


class PresetBar:
    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._settings = shell.context.settings
        with gr.Row(elem_id="params-bar"):
            gr.HTML('<span class="facts">Preset</span>')
            self.preset = gr.Dropdown(
                [],
                label="Preset",
                show_label=False,
                container=False,
                interactive=True,
                allow_custom_value=True,
                min_width=200,
                elem_id="params-preset",
            )
            self.save = gr.Button("Save", size="md", min_width=60, elem_id="params-preset-save")
            self.delete = ConfirmButton("Delete", "Delete it", elem_id="params-preset-delete")
            self.neutral = gr.Button("All off", size="md", min_width=60, elem_id="params-neutral")
            self.reset = gr.Button(
                "Server's defaults", size="md", min_width=60, elem_id="params-reset"
            )
            self.scope = gr.Checkbox(
                label="For this chat only", container=False, min_width=60, elem_id="params-scope"
            )

    def show(self, session: Session) -> list[Any]:
        """For `outputs`. Looks at the folder: for a worker thread."""
        names = list_presets(self._settings.presets_path)
        chosen = session.parameters.preset
        value = chosen if chosen in names else None
        return [gr.Dropdown(names, value=value), session.chat_parameters is not None]

    @property
    def outputs(self) -> list[Any]:
        return [self.preset, self.scope]

    def listen(self, form: ParametersForm) -> None:
        session, edited = self._shell.session, self._shell.signal(EDITED)
        outputs = [*form.outputs, *self.outputs, edited]

        def on(changing: Callable[[Parameters, Any], Parameters | None]) -> Callable[..., Any]:
            async def handle(given: Any, session: Session, edited: int):  # noqa: ANN202 - updates
                parameters = await asyncio.to_thread(changing, session.parameters, given)
                if parameters is None:
                    return [gr.skip()] * len(outputs)
                await change(session, parameters)
                shown = await asyncio.to_thread(self.show, session)
                return [*form.show(session), *shown, edited + 1]

            return told(handle)

        defaults, folder = self._settings.sampling, self._settings.presets_path

        def choose(parameters: Parameters, name: str | None) -> Parameters | None:
            """None for a name that is written to be saved under."""
            is_there = name in list_presets(folder)
            return with_preset(parameters, name or "", folder) if is_there else None

        inputs = [self.preset, session, edited]
        self.preset.select(on(choose), inputs, outputs, **QUIET)
        self.neutral.click(on(lambda p, _: neutral(p, defaults)), inputs, outputs, **QUIET)
        self.reset.click(on(lambda p, _: without_sampling(p)), inputs, outputs, **QUIET)
        self.preset.focus(told(self._refresh), [session], [self.preset], **AT_ONCE)
        self.save.click(told(self._save), [self.preset, session], self.outputs, **QUIET)
        self.delete.click(self._delete, [self.preset, session], self.outputs)
        self.delete.drop_question_on(self.preset.select)

    async def _refresh(self, session: Session):  # noqa: ANN202 - an update
        return gr.Dropdown(await asyncio.to_thread(list_presets, self._settings.presets_path))

    async def _save(self, name: str | None, session: Session):  # noqa: ANN202 - updates
        name = (name or "").strip()
        if not name:
            raise RequestError("Write a name in the field of the presets first.", param="preset")
        settings = self._settings
        await asyncio.to_thread(
            keep_preset, session.parameters, name, settings.presets_path, settings.sampling
        )
        await change(session, replace(session.parameters, preset=name))
        tell(f"The preset {name} is saved.")
        return await asyncio.to_thread(self.show, session)

    async def _delete(self, name: str | None, session: Session):  # noqa: ANN202 - updates
        if not name:
            raise RequestError("Choose a preset first.", param="preset")
        await asyncio.to_thread(delete_preset, self._settings.presets_path, name)
        await change(session, replace(session.parameters, preset=""))
        tell(f"The preset {name} is deleted; what is set stays.")
        return await asyncio.to_thread(self.show, session)
