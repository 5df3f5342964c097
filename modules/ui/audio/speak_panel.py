"""A text is spoken."""

# pyright: basic
import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache

from modules.core.errors import AppError
from modules.core.speech import SPEEDS
from modules.ui.audio.speaking import FORMAT_NAMES, Speaking, SpeakWish, speak, voice_choices
from modules.ui.desk import desk_of
from modules.ui.faults import told
from modules.ui.listening import AT_ONCE, QUIET
from modules.ui.markup import progress_note, to_markup
from modules.ui.media_models import find_model, kept_choice, model_names
from modules.ui.session import Session
from modules.ui.shell import Shell
from modules.ui.toasts import warn

DESK = "speech"
TAB = "Audio"


@dataclass(frozen=True)
class SpeakWidgets:
    text: gr.Textbox
    model: gr.Dropdown
    voice: gr.Dropdown
    speed: gr.Slider
    format: gr.Dropdown
    run: gr.Button
    stop: gr.Button
    progress: gr.HTML
    sound: gr.Audio
    facts: gr.HTML


def build(shell: Shell) -> None:
    gr.HTML("<h4>Speak</h4>", js_on_load=None)
    text = gr.Textbox(
        label="Text", lines=5, max_lines=14, placeholder="What to say", elem_id="audio-text"
    )
    with gr.Row():
        model = gr.Dropdown([], label="Model", min_width=130, elem_id="audio-speak-model")
        voice = gr.Dropdown([], label="Voice", min_width=130, elem_id="audio-voice")
    with gr.Row():
        speed = gr.Slider(
            *SPEEDS, value=1, step=0.05, label="Speed", min_width=130, elem_id="audio-speed"
        )
        audio_format = gr.Dropdown(
            list(FORMAT_NAMES), value="mp3", label="Format", min_width=130, elem_id="audio-format"
        )
    with gr.Row():
        run = gr.Button("Speak", variant="primary", elem_id="audio-speak")
        stop = gr.Button("Stop", variant="stop", visible=False, elem_id="audio-speak-stop")
    progress = gr.HTML("", visible=False, js_on_load=None, elem_id="audio-speak-progress")
    sound = gr.Audio(
        type="filepath",
        interactive=False,
        visible=False,
        show_label=False,
        buttons=["download"],
        elem_id="audio-sound",
    )
    facts = gr.HTML("", visible=False, js_on_load=None, elem_id="audio-speak-facts")
    widgets = SpeakWidgets(
        text, model, voice, speed, audio_format, run, stop, progress, sound, facts
    )
    _wire(shell, widgets, SpeakHandlers(shell, sound.GRADIO_CACHE))


class SpeakHandlers:
    def __init__(self, shell: Shell, cache: str) -> None:
        self._context = shell.context
        self._cache = cache

    async def speak(
        self,
        session: Session,
        text: str,
        model: str | None,
        voice: str | None,
        speed: float,
        audio_format: str,
    ) -> AsyncGenerator[tuple[Any, ...]]:
        """A refusal is a message; what was there stays."""
        wish = SpeakWish(text or "", model or None, voice or None, float(speed), audio_format)
        desk = desk_of(session.parts, DESK)
        try:
            async with aclosing(speak(wish, self._context, desk)) as speaking:
                async for state in speaking:
                    yield await self._shown(state, wish)
        except AppError as error:
            warn(error.message)
            progress, run, stop = await self.rest()
            yield progress, gr.skip(), gr.skip(), run, stop

    async def _shown(self, state: Speaking, wish: SpeakWish) -> tuple[Any, ...]:
        sound: Any = gr.skip()
        if state.file is not None:
            path = await asyncio.to_thread(
                save_bytes_to_cache, state.file, wish.file_name, self._cache
            )
            sound = gr.Audio(path, visible=True)
        return (
            gr.HTML(progress_note(state.note, None), visible=not state.is_over),
            sound,
            gr.HTML(_facts(state), visible=state.is_over),
            gr.Button(visible=state.is_over),
            gr.Button(visible=not state.is_over),
        )

    async def stop(self, session: Session) -> None:
        desk_of(session.parts, DESK).stop()

    async def rest(self) -> tuple[Any, Any, Any]:
        """Buttons as they are when nothing is spoken, also after an error."""
        return gr.HTML(visible=False), gr.Button(visible=True), gr.Button(visible=False)

    async def list_models(self, now: str | None) -> Any:
        names = await model_names(self._context.media.speech)
        return gr.Dropdown(names, value=kept_choice(now, names))

    async def list_voices(self, model: str | None, now: str | None) -> Any:
        """Loads the model, since only it knows its voices."""
        pool = self._context.media.speech
        async with pool.lease(await find_model(pool, model or None)) as worker:
            choices = voice_choices(worker.model.voices)
        return gr.Dropdown(choices, value=kept_choice(now, [each for _, each in choices]))

    async def follow(self, model: str | None, now: str | None, chosen: gr.SelectData) -> Any:
        """The voices are looked for when somebody comes to this tab for the first time."""
        if chosen.value != TAB or now:
            return gr.skip()
        try:
            return await self.list_voices(model, now)
        except AppError:  # Speak says it, where somebody wants to
            return gr.skip()


def _facts(state: Speaking) -> str:
    if state.file is None or state.voice is None:
        return f'<div class="facts">{to_markup(state.note)}</div>'
    size = f"{len(state.file) / 1024:.0f} KiB"
    return f'<div class="facts"><b>{to_markup(state.voice.name)}</b> · {state.seconds:.1f} s · {size}</div>'


def _wire(shell: Shell, widgets: SpeakWidgets, on: SpeakHandlers) -> None:
    session = shell.session
    chosen = [widgets.model, widgets.voice]
    shell.on_open(on.list_models, [widgets.model], [widgets.model])
    shell.tabs.select(told(on.follow), chosen, widgets.voice, **AT_ONCE)
    widgets.model.input(told(on.list_voices), chosen, widgets.voice, **QUIET)
    begun = widgets.run.click(
        told(on.speak),
        [session, widgets.text, *chosen, widgets.speed, widgets.format],
        [widgets.progress, widgets.sound, widgets.facts, widgets.run, widgets.stop],
        **QUIET,
    )
    begun.then(told(on.rest), None, [widgets.progress, widgets.run, widgets.stop], **AT_ONCE)
    widgets.stop.click(told(on.stop), session, None, **AT_ONCE)
