"""The part of the page: a recorder, and a component without looks that puts what was heard into the chat's field."""

# pyright: basic
import asyncio
from html import escape
from itertools import count
from pathlib import Path
from typing import Any

import gradio as gr

from extensions.whisper_stt.hearing import hear
from modules.context import AppContext
from modules.core.errors import AppError

SCRIPT = """
let seen = 0;
watch("value", () => {
  const heard = props.value;
  if (!heard || heard.n === seen) return;
  seen = heard.n;
  document.dispatchEvent(new CustomEvent("chat:draft", { detail: heard }));
});
"""


def build(context: AppContext, params: dict[str, Any]) -> None:
    numbers = count(1)

    async def write(path: str | None, language: str, sends: bool) -> tuple[Any, None]:
        """What was heard, and an empty recorder."""
        if not path:
            return gr.skip(), None
        try:
            text = await hear(Path(path), language, context)
        except AppError as error:
            gr.Warning(escape(error.message, quote=False), title="That did not work")
            return gr.skip(), None
        finally:
            await asyncio.to_thread(Path(path).unlink, missing_ok=True)
        return {"n": next(numbers), "text": text, "sends": sends}, None

    with gr.Row(equal_height=True):
        sound = gr.Audio(
            sources=["microphone", "upload"],
            type="filepath",
            label="Dictate",
            elem_id="whisper-sound",
        )
        with gr.Column():
            language = gr.Textbox(
                params["language"], label="Language", placeholder="en, de, …: as it is heard"
            )
            sends = gr.Checkbox(params["sends"], label="Send at once")
    heard = gr.HTML(
        None, html_template="<i></i>", js_on_load=SCRIPT, apply_default_css=False, visible="hidden"
    )
    for event in (sound.stop_recording, sound.upload):
        event(write, [sound, language, sends], [heard, sound])
