"""Short messages in the corner of the page. Gradio reads them as HTML, so names that people gave are made texts first."""

# pyright: basic
from html import escape

import gradio as gr


def tell(message: str) -> None:
    gr.Info(escape(message, quote=False), duration=4)


def warn(message: str, title: str = "That did not work") -> None:
    """For what was refused, where the handler has something to show all the same."""
    gr.Warning(escape(message, quote=False), title=title)
