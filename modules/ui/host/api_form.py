"""The API: whether it runs, and lines to copy."""

# pyright: basic
import asyncio
from typing import Any

import gradio as gr

from modules.ui.host.api import read_api, to_curl, to_python, to_summary, with_trust
from modules.ui.shell import Shell


class ApiForm:
    def __init__(self, shell: Shell) -> None:
        self._context = shell.context
        self.summary = gr.HTML(elem_id="api-summary")
        common: dict[str, Any] = {"interactive": False, "wrap_lines": True, "lines": 1}
        self.curl = gr.Code(label="curl", language="shell", elem_id="api-curl", **common)
        self.python = gr.Code(label="Python", language="python", elem_id="api-python", **common)

    @property
    def outputs(self) -> list[Any]:
        return [self.summary, self.curl, self.python]

    async def show(self, request: gr.Request) -> list[Any]:
        state = read_api(self._context, request.url.hostname or "")
        state = await asyncio.to_thread(with_trust, state, self._context.settings)
        if not state.is_running:
            hidden = gr.Code(visible=False)
            return [to_summary(state), hidden, hidden]
        return [
            to_summary(state),
            gr.Code(to_curl(state), visible=True),
            gr.Code(to_python(state), visible=True),
        ]
