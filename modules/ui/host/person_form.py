"""What is remembered of a person, and how the page behaves for one."""

# pyright: basic
from typing import Any

import gradio as gr

from modules.ui.faults import told
from modules.ui.keeping import keep
from modules.ui.listening import QUIET
from modules.ui.session import Session
from modules.ui.shell import Shell

PRIVATE = "Nothing is kept of visitors without a login: chats end with the page."


class PersonForm:
    def __init__(self, shell: Shell) -> None:
        self.note = gr.HTML(elem_id="person-note")
        self.keeps = gr.Checkbox(
            True,
            label="Keep chats",
            info="As files in the user data folder; without it they end with the page",
            elem_id="keep-history",
        )
        self.enters = gr.Checkbox(
            True,
            label="Send with Enter",
            info="Shift+Enter begins a new line then; without it the other way round",
            elem_id="send-on-enter",
        )
        shown = [self.note, self.keeps, self.enters]
        shell.on_open(self._show, [shell.session], shown)
        profile = shell.signal("profile")
        for control, change in ((self.keeps, self._keep), (self.enters, self._enter)):
            control.input(told(change), [shell.session, control, profile], [profile], **QUIET)
        profile.change(told(self._show), [shell.session], shown, **QUIET)

    async def _show(self, session: Session) -> list[Any]:
        profile = session.profile
        note = f'<p class="note">{PRIVATE}</p>' if session.is_private else ""
        keeps = profile.keeps_history and not session.is_private
        return [
            note,
            gr.Checkbox(keeps, interactive=not session.is_private),
            gr.Checkbox(profile.sends_on_enter),
        ]

    async def _keep(self, session: Session, value: bool, profile: int) -> int:
        await keep(session, keeps_history=value)
        return profile + 1

    async def _enter(self, session: Session, value: bool, profile: int) -> int:
        await keep(session, sends_on_enter=value)
        return profile + 1
