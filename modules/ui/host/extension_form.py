"""Extensions on and off while the program runs."""

# pyright: basic
import asyncio
from typing import Any

import gradio as gr

from modules.extensions import disable_extension, enable_extension
from modules.ui.faults import told
from modules.ui.host.extensions import read_rows, to_list
from modules.ui.host.rights import check_manager
from modules.ui.listening import QUIET
from modules.ui.model.list import ON_CLICK
from modules.ui.session import Session
from modules.ui.shell import Shell


class ExtensionForm:
    def __init__(self, shell: Shell) -> None:
        self._context = shell.context
        self.listed = gr.HTML(elem_id="extension-list", js_on_load=ON_CLICK)
        inputs = [shell.session]
        self.listed.select(told(self._enable), inputs, self.outputs, **QUIET)
        self.listed.stop(told(self._disable), inputs, self.outputs, **QUIET)

    @property
    def outputs(self) -> list[Any]:
        return [self.listed]

    async def show(self) -> list[Any]:
        rows = await asyncio.to_thread(read_rows, self._context)
        return [to_list(rows, self._context.hooks.faults)]

    async def _enable(self, session: Session, event: gr.EventData) -> list[Any]:
        check_manager(self._context.settings, session)
        await asyncio.to_thread(enable_extension, self._context, str(event.name))
        return await self.show()

    async def _disable(self, session: Session, event: gr.EventData) -> list[Any]:
        check_manager(self._context.settings, session)
        await asyncio.to_thread(disable_extension, self._context, str(event.name))
        return await self.show()
