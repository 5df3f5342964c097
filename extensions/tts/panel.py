"""The part of the page: settings, and a component without looks that the browser asks for speech."""

# pyright: basic
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from extensions.tts.speaking import Speech
from modules.context import AppContext
from modules.core.errors import AppError
from modules.core.speech import SPEEDS

SCRIPT = Path(__file__).parent / "page.js"


def build(context: AppContext, params: dict[str, Any]) -> None:
    speech = Speech(context)

    async def speak(voice: str | None, speed: float, event: gr.EventData) -> dict[str, Any]:
        sent = event._data if isinstance(event._data, dict) else {}
        answer = {"n": sent.get("n")}
        try:
            sound = await speech.speak(str(sent.get("text", "")), voice or "", speed)
            return {**answer, "sound": sound}
        except AppError as error:
            return {**answer, "problem": error.message}

    async def list_voices() -> Any:
        """The choices only: what is written into the field meanwhile stays there."""
        try:
            voices = await speech.voices()
        except AppError as error:
            gr.Warning(escape(error.message, quote=False))
            return gr.skip()
        return gr.Dropdown(choices=[("Default", ""), *voices])

    with gr.Row(equal_height=True):
        gr.Checkbox(params["autoplay"], label="Speak replies by themselves", elem_id="tts-autoplay")
        voice = gr.Dropdown(
            [("Default", "")], value=params["voice"], label="Voice", allow_custom_value=True
        )
        speed = gr.Slider(*SPEEDS, params["speed"], step=0.05, label="Speed")
    part = gr.HTML(
        None,
        html_template="<i></i>",
        js_on_load=SCRIPT.read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_classes="tts-voice",
        elem_id="tts-voice",
    )
    voice.focus(list_voices, None, voice, show_progress="hidden")
    part.speak(speak, [voice, speed], part, show_progress="hidden", trigger_mode="multiple")
