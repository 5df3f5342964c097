"""What every tab gets: the context, the page's session, and the way to the other tabs."""

# pyright: basic
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from modules.context import AppContext
from modules.ui.faults import told


@dataclass
class Shell:
    """`session`: state with a `Session`; give it as an input to handlers. `tabs`: select another tab with `shell.show("chat")` as its
    output. `signals`: components that one tab changes and others listen to (`gr.State` counters), by name.
    """

    context: AppContext
    blocks: gr.Blocks
    session: gr.State
    tabs: gr.Tabs
    signals: dict[str, gr.State] = field(default_factory=dict)
    _openers: list[tuple[Callable[..., Any], Sequence[Any], Sequence[Any]]] = field(
        default_factory=list
    )

    def on_open(
        self, handler: Callable[..., Any], inputs: Sequence[Any], outputs: Sequence[Any]
    ) -> None:
        """`handler` runs when the page has been opened and its session is ready (profile read, user known)."""
        self._openers.append((handler, inputs, outputs))

    def signal(self, name: str) -> gr.State:
        """A counter that tabs share. Who changes something outputs `bump(counter)` into it; who shows it listens to `.change`."""
        if name not in self.signals:
            self.signals[name] = gr.State(0)
        return self.signals[name]

    def chain_openers(self, opened: Any) -> None:
        for handler, inputs, outputs in self._openers:
            opened.then(
                told(handler), list(inputs), list(outputs), show_progress="hidden", queue=False
            )

    @staticmethod
    def show(tab: str) -> gr.Tabs:
        """The value for `shell.tabs` that selects this tab."""
        return gr.Tabs(selected=tab)
