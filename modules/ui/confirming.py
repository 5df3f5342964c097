"""Buttons that ask once more before something is lost."""

# pyright: basic
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from modules.ui.faults import told
from modules.ui.listening import AT_ONCE, QUIET

GO_ON_AT = """() => {
  const find = (tries) => {
    const button = document.getElementById("%s");
    if (document.activeElement === document.body) button ? button.focus() : tries && setTimeout(find, 50, tries - 1);
  };
  find(20);
}"""
"""Where the keyboard goes on, after the button that it was at has been hidden."""


class ConfirmButton:
    """`LABEL`, and after a click `SURE` and Keep in its place."""

    def __init__(self, label: str, sure: str, *, elem_id: str, size: str = "md") -> None:
        options: dict[str, Any] = {"size": size, "min_width": 80}
        self._ask = gr.Button(label, elem_id=elem_id, **options)
        self._sure = gr.Button(
            sure, variant="stop", visible=False, elem_id=f"{elem_id}-sure", **options
        )
        self._id = elem_id
        self._keep = gr.Button("Keep", visible=False, elem_id=f"{elem_id}-keep", **options)
        self._buttons = [self._ask, self._sure, self._keep]

    def click(
        self, handler: Callable[..., Any], inputs: Sequence[Any], outputs: Sequence[Any]
    ) -> None:
        """`handler` runs once it has been confirmed."""
        asked = self._ask.click(told(_asked), None, self._buttons, **AT_ONCE)
        asked.then(None, None, None, js=GO_ON_AT % f"{self._id}-keep")
        self._sure.click(told(handler), list(inputs), list(outputs), **QUIET)
        for answer in (self._keep, self._sure):
            settled = answer.click(told(_settled), None, self._buttons, **AT_ONCE)
            settled.then(None, None, None, js=GO_ON_AT % self._id)

    def drop_question_on(self, *events: Callable[..., Any]) -> None:
        """Events with which something else is chosen: that is not what was asked about."""
        for event in events:
            event(told(_settled), None, self._buttons, **AT_ONCE)


async def _asked():  # noqa: ANN202 - updates
    return gr.Button(visible=False), gr.Button(visible=True), gr.Button(visible=True)


async def _settled():  # noqa: ANN202 - updates
    return gr.Button(visible=True), gr.Button(visible=False), gr.Button(visible=False)
