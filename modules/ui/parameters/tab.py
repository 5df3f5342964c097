"""The tab Parameters: how replies are drawn, and what bounds them; for all chats or for the one that is open."""

# pyright: basic
import asyncio
from typing import Any

import gradio as gr

from modules.ui.enclosing import this_tab
from modules.ui.faults import told
from modules.ui.listening import QUIET
from modules.ui.parameters.form import EDITED, ParametersForm
from modules.ui.parameters.grammar import GrammarForm
from modules.ui.parameters.presets import PresetBar
from modules.ui.parameters.values import is_shown, note_shown
from modules.ui.session import Session
from modules.ui.shell import Shell


def build(shell: Shell) -> None:
    presets = PresetBar(shell)
    form = ParametersForm(shell)
    with gr.Row(elem_id="params", elem_classes="split"):
        with gr.Column(scale=7, min_width=320):
            form.build_samplers()
        with gr.Column(scale=4, min_width=300):
            form.build_reply()
            grammar = GrammarForm(shell)
    shown = [*presets.outputs, *form.outputs, *grammar.outputs]

    async def show(session: Session) -> list[Any]:
        listed = await asyncio.to_thread(presets.show, session)
        judged = await grammar.show(session)
        note_shown(session)
        return [*listed, *form.show(session), *judged]

    async def look_again(session: Session) -> list[Any]:
        """A chat may have been opened meanwhile, which has its own."""
        return [gr.skip()] * len(shown) if is_shown(session) else await show(session)

    async def set_scope(is_own: bool, session: Session, edited: int) -> list[Any]:
        """What counts stays the same at first when a chat gets its own."""
        session.chat_parameters = session.parameters if is_own else None
        if is_own:
            note_shown(session)
        return [*await look_again(session), edited + 1]

    async def show_summary(session: Session) -> str:
        return form.to_summary(session.parameters)

    form.listen()
    presets.listen(form)
    grammar.listen()
    session, edited = shell.session, shell.signal(EDITED)
    presets.scope.input(
        told(set_scope), [presets.scope, session, edited], [*shown, edited], **QUIET
    )
    shell.on_open(show, [session], shown)
    this_tab().select(told(look_again), [session], shown, **QUIET)
    shell.signal("model").change(told(show_summary), [session], [form.summary], **QUIET)
