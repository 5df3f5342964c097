"""The controls of all samplers and of what else bounds a reply, and what happens when one of them is changed."""

# pyright: basic
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from modules.core.errors import AppError, RequestError
from modules.ui.faults import told
from modules.ui.listening import QUIET
from modules.ui.parameters.fields import SamplerField, from_lines, sampler_groups, to_lines
from modules.ui.parameters.summary import summary
from modules.ui.parameters.values import (
    change,
    in_effect,
    with_max_tokens,
    with_sampler,
    with_stops,
)
from modules.ui.profile import Parameters
from modules.ui.session import Session
from modules.ui.shell import Shell
from modules.ui.toasts import warn

EDITED = "parameters"
"""Signal: this tab has changed `session.parameters`; the chat that is open keeps `session.chat_parameters`."""

Change = Callable[[Parameters, Any], Parameters]
WRONG = "param is-wrong"


@dataclass(frozen=True)
class Bound:
    """A control that is bound to the parameters: `read` gives its value, `write` takes it."""

    control: Any
    read: Callable[[Parameters], Any]
    write: Change


class ParametersForm:
    """Built inside of a tab, in two parts. `outputs` are what `show` returns the values for."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._defaults = shell.context.settings.sampling
        self._bound: list[Bound] = []
        self.summary = gr.HTML(elem_id="params-summary")

    def build_samplers(self) -> None:
        for title, fields in sampler_groups():
            with (
                gr.Accordion(title, open=title == "Common", elem_classes="params-group"),
                gr.Row(elem_classes="option-grid"),
            ):
                for field in fields:
                    self._add_sampler(field)

    def build_reply(self) -> None:
        """What is no sampler."""
        with gr.Row(elem_classes="option-grid"):
            self._add(
                gr.Number(
                    label="max_tokens",
                    info="The longest reply in tokens; 0 is as many as fit",
                    precision=0,
                    elem_id="param-max_tokens",
                    elem_classes="param",
                ),
                lambda parameters: parameters.max_tokens or 0,
                with_max_tokens,
            )
            self._add(
                gr.Textbox(
                    label="Stop strings",
                    info="One on each line: a reply ends where one comes up. Line breaks are written as \\n",
                    lines=2,
                    elem_id="param-stop",
                    elem_classes="param",
                ),
                lambda parameters: to_lines(parameters.stop),
                lambda parameters, text: with_stops(parameters, from_lines(text or "")),
            )
            self._add(
                gr.Checkbox(
                    label="Leave out the oldest messages",
                    info="When a chat does not fit the context any more; else it is refused",
                    elem_id="param-can_truncate",
                    elem_classes="param",
                ),
                lambda parameters: parameters.can_truncate,
                lambda parameters, on: replace(parameters, can_truncate=bool(on)),
            )

    @property
    def outputs(self) -> list[Any]:
        return [*(each.control for each in self._bound), self.summary]

    def show(self, session: Session) -> list[Any]:
        """All that is to be seen, as the parameters have it."""
        parameters = session.parameters
        shown = [
            gr.update(value=each.read(parameters), elem_classes=self._classes(each, parameters))
            for each in self._bound
        ]
        return [*shown, self.to_summary(parameters)]

    def to_summary(self, parameters: Parameters) -> str:
        model = self._shell.context.models.current
        return summary(parameters, self._defaults, model.info if model else None)

    def listen(self) -> None:
        """To be called when all is built."""
        for bound in self._bound:
            if isinstance(bound.control, gr.Slider):
                self._hear(bound, [bound.control.input], self._sliding(bound))
                self._hear(bound, [bound.control.release], self._slid(bound))
            else:
                self._hear(bound, _events(bound.control), self._handler(bound))

    def _hear(self, bound: Bound, events: list[Any], handler: Callable[..., Any]) -> None:
        edited = self._shell.signal(EDITED)
        gr.on(
            events,
            told(handler),
            [bound.control, self._shell.session, edited],
            [bound.control, self.summary, edited],
            preprocess=not isinstance(bound.control, gr.Slider),  # which refuses half a number
            trigger_mode="always_last",  # in the queue: else its messages would go to the log
            **QUIET,
        )

    def _add(self, control: Any, read: Callable[[Parameters], Any], write: Change) -> None:
        self._bound.append(Bound(control, read, write))

    def _add_sampler(self, field: SamplerField) -> None:
        self._add(
            _control(field, self._defaults),
            lambda parameters: field.to_control(
                getattr(in_effect(parameters, self._defaults), field.name)
            ),
            lambda parameters, given: with_sampler(parameters, field, given, self._defaults),
        )

    def _classes(self, bound: Bound, parameters: Parameters) -> str:
        is_changed = bound.read(parameters) != bound.read(Parameters())
        return "param is-changed" if is_changed else "param"

    def _handler(self, bound: Bound) -> Callable[..., Any]:
        async def edit(given: Any, session: Session, edited: int):  # noqa: ANN202 - updates
            before = session.parameters
            try:
                parameters = bound.write(before, given)
            except RequestError as error:
                warn(error.message)
                return gr.update(elem_classes=WRONG), gr.skip(), gr.skip()
            classes = gr.update(elem_classes=self._classes(bound, parameters))
            if parameters == before:
                return classes, gr.skip(), gr.skip()
            try:
                await change(session, parameters)
            except AppError as error:
                warn(error.message)
            return classes, self.to_summary(parameters), edited + 1

        return edit

    def _sliding(self, bound: Bound) -> Callable[..., Any]:
        """What is being typed beside a slider may be nothing, or out of its range, for a moment."""
        edit = self._handler(bound)

        async def slide(given: Any, session: Session, edited: int):  # noqa: ANN202 - updates
            if given is None or given != _bounded(bound.control, given):
                return gr.skip(), gr.skip(), gr.skip()
            return await edit(given, session, edited)

        return slide

    def _slid(self, bound: Bound) -> Callable[..., Any]:
        """The slider shows a value within its range now, or its default: that counts."""
        edit = self._handler(bound)

        async def settle(given: Any, session: Session, edited: int):  # noqa: ANN202 - updates
            now = bound.read(session.parameters)
            bounded = now if given is None else _bounded(bound.control, given)
            _, line, signal = await edit(bounded, session, edited)
            update: dict[str, Any] = {"elem_classes": self._classes(bound, session.parameters)}
            if given is None:  # what is out of range the slider mends itself
                update["value"] = bounded
            return gr.update(**update), line, signal

        return settle


def _bounded(slider: gr.Slider, given: Any) -> float:
    """RequestError for what is no number."""
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise RequestError(f"{slider.label} must be a number.")
    return min(max(given, slider.minimum), slider.maximum)


def _control(field: SamplerField, defaults: Any) -> Any:
    option = field.option
    options: dict[str, Any] = {
        "label": field.name,
        "info": option.help,
        "value": field.to_control(getattr(defaults, field.name)),
        "elem_id": f"param-{field.name}",
        "elem_classes": "param",
        "min_width": 220,
    }
    match field.control:
        case "slider":
            return gr.Slider(option.minimum or 0, option.maximum or 1, step=field.step, **options)
        case "whole":
            return gr.Number(precision=0, **options)
        case "number":
            return gr.Number(step=field.step, **options)
        case "check":
            return gr.Checkbox(**options)
        case _:
            return gr.Textbox(lines=field.lines, max_lines=12, **options)


def _events(control: Any) -> list[Any]:
    """What is typed counts when it is complete, else half a number would be refused."""
    if isinstance(control, gr.Checkbox):
        return [control.input]
    return [control.blur, control.submit]
