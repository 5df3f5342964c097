"""The line at the top: the name of the program, the model that is loaded, light or dark."""

# pyright: basic
import gradio as gr

from modules.ui.shell import Shell

LOGO = (
    '<svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true"><path fill="currentColor" d="M16 2c1 5 7 8 7 15a7 7 0 0 1-14 0c0-3 '
    '1.500-5 3-7 .5 2 1.500 3 2.500 3.500C14.500 10 14 6 16 2z"/><path fill="currentColor" opacity=".35" d="M4 27h24v3H4z"/></svg>'
)


def build(shell: Shell) -> None:
    with gr.Row(elem_id="header"):
        gr.HTML(f'<div class="brand">{LOGO}<span>Hearth</span></div>', elem_id="brand")
