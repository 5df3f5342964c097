"""The program: what it is made of; restart and end, each after a question."""

# pyright: basic
import asyncio
from typing import Any

import gradio as gr

from modules.core.errors import NotReady
from modules.ui.faults import told
from modules.ui.host.program import to_summary
from modules.ui.host.rights import check_manager
from modules.ui.listening import QUIET
from modules.ui.session import Session
from modules.ui.shell import Shell

END_AFTER_S = 0.3
"""So that the page gets its answer first."""
WAIT_FOR_RESTART = "() => window.hearthWaitForRestart()"
SAY_GOODBYE = "() => window.hearthSayGoodbye()"


class ProgramForm:
    def __init__(self, shell: Shell) -> None:
        self._context = shell.context
        with gr.Row(elem_classes="buttons"):
            restart = gr.Button("Restart", size="md", elem_id="program-restart")
            end = gr.Button("Shut down", size="md", elem_id="program-end")
        with gr.Column(visible=False, elem_id="program-question") as question:
            gr.HTML('<p class="note">Replies that are being written end now, for everybody.</p>')
            with gr.Row(elem_classes="buttons"):
                sure_restart = gr.Button("Restart now", variant="stop", size="md", visible=False, elem_id="program-restart-now")  # fmt: skip
                sure_end = gr.Button("Shut down now", variant="stop", size="md", visible=False, elem_id="program-end-now")  # fmt: skip
                never = gr.Button("Go on", size="md", elem_id="program-go-on")
        about = gr.HTML(elem_id="program-about")
        asked = [question, sure_restart, sure_end]
        restart.click(told(self._ask_restart), None, asked, **QUIET)
        end.click(told(self._ask_end), None, asked, **QUIET)
        never.click(told(self._ask_nothing), None, asked, **QUIET)
        begun = sure_restart.click(told(self._restart), [shell.session], None, **QUIET)
        begun.success(None, None, None, js=WAIT_FOR_RESTART)
        ended = sure_end.click(told(self._end), [shell.session], None, **QUIET)
        ended.success(None, None, None, js=SAY_GOODBYE)
        shell.on_open(self._show, [], [about])

    async def _show(self) -> str:
        return await asyncio.to_thread(to_summary, self._context.settings)

    async def _ask_restart(self) -> list[Any]:
        return [gr.Column(visible=True), gr.Button(visible=True), gr.Button(visible=False)]

    async def _ask_end(self) -> list[Any]:
        return [gr.Column(visible=True), gr.Button(visible=False), gr.Button(visible=True)]

    async def _ask_nothing(self) -> list[Any]:
        return [gr.Column(visible=False), gr.skip(), gr.skip()]

    async def _restart(self, session: Session) -> None:
        self._end_soon(session, restart=True)

    async def _end(self, session: Session) -> None:
        self._end_soon(session, restart=False)

    def _end_soon(self, session: Session, *, restart: bool) -> None:
        check_manager(self._context.settings, session)
        life = self._context.life
        if not life.can_end:
            raise NotReady("The program is still starting.")
        loop = asyncio.get_running_loop()
        loop.call_later(END_AFTER_S, lambda: life.end(restart=restart))
