"""Fields of extensions that show and change their params: each person's own with --multi-user, else those of all."""

# pyright: basic
from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr
from gradio.context import Context

from modules.context import AppContext
from modules.own_params import OwnParams, is_visitor, owner_named, person_named
from modules.ui.faults import told
from modules.ui.listening import AT_ONCE


def for_whom(context: AppContext) -> str:
    """The end of a sentence that says for whom it counts what is set on a page."""
    return "for you alone" if context.settings.multi_user else "for everybody"


def bind(context: AppContext, own: OwnParams, fields: Mapping[str, Any]) -> None:
    """`fields`: components by the names of their params. A visitor without a login sees what holds for all, and cannot change it."""
    settings = context.settings

    async def show(request: gr.Request) -> Any:
        values = own.of(person_named(settings, request.username))
        can_change = not is_visitor(settings, request.username)
        shown = [gr.update(value=values[name], interactive=can_change) for name in fields]
        return shown if len(shown) > 1 else shown[0]

    def changing(name: str) -> Callable[..., Any]:
        async def change(request: gr.Request, value: Any) -> None:
            own.set(owner_named(settings, request.username), name, value)

        return change

    for name, field in fields.items():
        field.input(told(changing(name)), field, None, **AT_ONCE)
    if Context.root_block is not None:
        Context.root_block.load(told(show), None, list(fields.values()), **AT_ONCE)
