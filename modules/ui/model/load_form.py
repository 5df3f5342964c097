"""Load a model: its options with the memory that they take, load and unload with progress, and what is kept for it."""

# pyright: basic
import asyncio
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from modules.context import AppContext
from modules.core.errors import AppError, RequestError
from modules.engine.load_wish import LoadPlan
from modules.loaders.catalog import InstalledModel
from modules.loaders.installed_facts import read_installed_facts
from modules.loaders.options import LOAD_OPTIONS
from modules.ui.faults import told
from modules.ui.listening import AT_ONCE, QUIET
from modules.ui.markup import progress_note, to_markup
from modules.ui.model.actions import (
    find_model,
    load_model,
    options_without_entry,
    plan_as_it_is,
)
from modules.ui.model.memory import NOT_KNOWN, read_need, to_bar
from modules.ui.model.options import OptionField, fields_of, to_args, to_saved, to_values
from modules.ui.model.state import ModelState, read_state
from modules.ui.shell import Shell
from modules.ui.toasts import tell, warn

BEGUN_S = 0.25
"""After which a load that was asked for is under way."""


@dataclass
class LoaderForm:
    """The controls of one loader, in the order of `fields`; `place` is shown for its models."""

    loader: str
    place: gr.Column
    fields: list[OptionField] = field(default_factory=list)
    controls: list[Any] = field(default_factory=list)


class LoadForm:
    """Built inside of a tab. `outputs` are what `show` returns the values for."""

    def __init__(self, shell: Shell, chosen: gr.State) -> None:
        self._context: AppContext = shell.context
        self._models = shell.context.models
        self._chosen = chosen
        self.memory = gr.HTML(elem_id="model-memory")
        with gr.Row(elem_id="model-buttons", elem_classes="buttons"):
            self.load = gr.Button(
                "Load", variant="primary", size="md", min_width=100, elem_id="model-load"
            )
            self.unload = gr.Button("Unload", size="md", min_width=90, elem_id="model-unload")
            self.cancel = gr.Button(
                "Cancel", size="md", min_width=90, visible=False, elem_id="model-cancel"
            )
            self.unload_all = gr.Button("Unload all", size="md", min_width=90, visible=False, elem_id="model-unload-all")  # fmt: skip
            self.force = gr.Checkbox(
                label="Even if it is over the memory budget",
                visible=bool(self._models.limits.memory_bytes),
                container=False,
                elem_id="model-force",
            )
        self.progress = gr.HTML(elem_id="model-progress")
        self._forms = [_build_loader(loader) for loader in LOAD_OPTIONS]
        with gr.Row(elem_classes="buttons"):
            self.save = gr.Button("Save settings for this model", size="sm", elem_id="model-save")
            self.forget = gr.Button("Forget saved settings", size="sm", elem_id="model-forget")
        self.saved = gr.HTML(elem_id="model-saved")
        self._listen(shell)

    @property
    def _controls(self) -> list[Any]:
        return [control for form in self._forms for control in form.controls]

    @property
    def outputs(self) -> list[Any]:
        places = [form.place for form in self._forms]
        return [self.memory, self.saved, *places, *self._controls]

    @property
    def status(self) -> list[Any]:
        return [self.load, self.unload, self.unload_all, self.cancel, self.progress]

    async def show(self, model: InstalledModel | None) -> list[Any]:
        """For `outputs`: the options in effect, or those that it would be loaded with."""
        if model is None:
            return ["", "", *[gr.skip()] * (len(self.outputs) - 2)]
        plan = await plan_as_it_is(self._models, model)
        places = [gr.Column(visible=form.loader == model.loader) for form in self._forms]
        values = [
            each.to_control(plan.options[each.name]) if form.loader == model.loader else gr.skip()
            for form in self._forms
            for each in form.fields
        ]
        saved = await asyncio.to_thread(self._models.saved.own, model.name)
        return [await self._memory(plan), to_saved_note(saved), *places, *values]

    def show_status(self, name: str) -> list[Any]:
        """For `status`."""
        state = read_state(self._models)
        is_loaded = name in state.loaded
        in_service = len(state.loaded) + len(state.asleep)
        return [
            gr.Button("Reload" if is_loaded else "Load", interactive=bool(name)),
            gr.Button(interactive=is_loaded or name in state.asleep),
            gr.Button(visible=in_service > 1),
            gr.Button(visible=state.is_loading),
            to_progress(state),
        ]

    def _listen(self, shell: Shell) -> None:
        pressed = [self._chosen, self.force, *self._controls]
        self.acted = [
            self.load.click(told(self._load), pressed, None, trigger_mode="once", **QUIET),
            self.unload.click(told(self._unload), [self._chosen], None, **QUIET),
            self.unload_all.click(told(self._unload_all), None, None, **QUIET),
        ]
        self.load.click(told(self._look_soon), [self._chosen], self.status, **AT_ONCE)
        self.cancel.click(told(self._cancel), None, None, **QUIET)
        self.save.click(told(self._save), [self._chosen, *self._controls], [self.saved], **QUIET)
        self.forget.click(told(self._forget), [self._chosen], self.outputs, **QUIET)
        gr.on(
            [control.input for control in self._controls],
            told(self._estimate),
            [self._chosen, *self._controls],
            [self.memory],
            trigger_mode="always_last",
            **QUIET,
        )
        shell.signal("loading").change(told(self._look), [self._chosen], self.status, **QUIET)

    async def _look(self, name: str) -> list[Any]:
        return self.show_status(name)

    async def _look_soon(self, name: str) -> list[Any]:
        """Sooner than the header's next look, so that the click shows an effect."""
        await asyncio.sleep(BEGUN_S)
        return self.show_status(name)

    async def _load(self, name: str, is_forced: bool, *given: Any) -> None:
        model = await find_model(self._models, name)
        args = await self._read_args(model, given)
        await load_model(self._models, model.name, args, is_forced=is_forced)
        tell(f"{model.name} is loaded.")

    async def _unload(self, name: str) -> None:
        await self._models.unload(name)

    async def _unload_all(self) -> None:
        await self._models.unload(everything=True)

    async def _cancel(self) -> None:
        self._models.cancel_load()

    async def _save(self, name: str, *given: Any) -> str:
        model = await find_model(self._models, name)
        values = self._read_values(model, given)
        flags = self._context.settings.load
        base = await asyncio.to_thread(options_without_entry, self._models, model, flags)
        saved = self._models.saved
        await asyncio.to_thread(saved.save, model, to_saved(values, base))
        overruled = sorted(flags.keys() & {n for n, value in values.items() if value != base[n]})
        if overruled:
            warn(f"Flags win over what is saved: {', '.join(overruled)}.", "Saved; but")
        else:
            tell("Saved. It counts from the next load on.")
        return to_saved_note(await asyncio.to_thread(saved.own, model.name))

    async def _forget(self, name: str) -> list[Any]:
        model = await find_model(self._models, name)
        await asyncio.to_thread(self._models.saved.forget, model.name)
        return await self.show(model)

    async def _estimate(self, name: str, *given: Any) -> Any:
        if not name:
            return gr.skip()
        model = await find_model(self._models, name)
        try:
            plan = await self._models.plan(model, await self._read_args(model, given))
        except RequestError as error:
            return f'<p class="problem">{to_markup(error.message)}</p>'
        return await self._memory(plan)

    async def _memory(self, plan: LoadPlan) -> str:
        facts = await asyncio.to_thread(read_installed_facts, plan.wish.model)
        return NOT_KNOWN if facts.problem else to_bar(read_need(plan, self._models))

    async def _read_args(self, model: InstalledModel, given: tuple[Any, ...]) -> dict[str, Any]:
        without_args = await self._models.plan(model, {})
        return to_args(self._read_values(model, given), without_args.options)

    def _read_values(self, model: InstalledModel, given: tuple[Any, ...]) -> dict[str, Any]:
        """Of all controls those of the model's loader."""
        start = 0
        for form in self._forms:
            end = start + len(form.fields)
            if form.loader == model.loader:
                return to_values(form.fields, given[start:end])
            start = end
        raise AppError(f"{model.loader} has no options here.")


def to_progress(state: ModelState) -> str:
    """How far the load is that is under way, else why the last one failed."""
    if state.is_loading:
        share = state.percent / 100 if state.percent else None
        percent = f" {state.percent} %" if state.percent else ""
        return progress_note(f"Loading {state.name}{percent}", share)
    if state.error:
        return f'<p class="problem">The last load failed: {to_markup(state.error)}</p>'
    return ""


def to_saved_note(saved: dict[str, Any] | None) -> str:
    shown = {k: v for k, v in (saved or {}).items() if k != "instruction_template_str"}
    if saved and len(shown) < len(saved):
        shown["chat template"] = "of your own"
    if not shown:
        return ""
    values = ", ".join(f"{to_markup(name)} {to_markup(value)}" for name, value in shown.items())
    return f'<p class="note">Saved for this model: {values}</p>'


def _build_loader(loader: str) -> LoaderForm:
    with gr.Column(visible=False, elem_id=f"options-{loader}") as place:
        form = LoaderForm(loader, place)
        for index, (title, fields) in enumerate(fields_of(loader)):
            if index == 0:
                _build_group(form, fields)
            else:
                with gr.Accordion(title, open=False):
                    _build_group(form, fields)
    return form


def _build_group(form: LoaderForm, fields: list[OptionField]) -> None:
    with gr.Row(elem_classes="option-grid"):
        for each in fields:
            form.fields.append(each)
            form.controls.append(_build_control(form.loader, each))


def _build_control(loader: str, wanted: OptionField) -> Any:
    option = wanted.option
    common: dict[str, Any] = {
        "label": wanted.label,
        "info": option.help,
        "elem_id": f"option-{loader}-{wanted.name}",
        "interactive": True,
        "min_width": 200,
    }
    value = wanted.to_control(option.default)
    if wanted.control == "check":
        return gr.Checkbox(value, **common)
    if wanted.control == "choice":
        choices = [(each or "as cache_type", each) for each in wanted.choices]
        return gr.Dropdown(choices, value=value, **common)
    if wanted.control == "text":
        return gr.Textbox(value, **common)
    # Without its limits: a number that is still being typed would be an error of Gradio's. The option checks it.
    return gr.Number(value, precision=0 if wanted.control == "whole" else None, **common)
