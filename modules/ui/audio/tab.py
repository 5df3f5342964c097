"""The tab Audio: speech to text, and text to speech."""

# pyright: basic
import gradio as gr

from modules.ui.audio import (
    speak_panel as audio_speak_panel,
    transcribe_panel as audio_transcribe_panel,
)
from modules.ui.shell import Shell


def build(shell: Shell) -> None:
    with gr.Row(elem_id="audio", elem_classes="split"):
        with gr.Column(scale=1, min_width=320):
            audio_transcribe_panel.build(shell)
        with gr.Column(scale=1, min_width=320):
            audio_speak_panel.build(shell)
