"""The tab session: not built yet."""

# pyright: basic
import gradio as gr

from modules.ui.shell import Shell


def build(shell: Shell) -> None:
    gr.Markdown("This tab is being built.")
