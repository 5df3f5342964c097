"""A recording is written down."""

# pyright: basic
import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache

from modules.core.errors import AppError
from modules.core.transcripts import Segment
from modules.ui.audio import markup
from modules.ui.audio.transcribing import FIND_OUT, HearWish, Listening, language_names, transcribe
from modules.ui.desk import desk_of
from modules.ui.faults import told
from modules.ui.listening import AT_ONCE, QUIET
from modules.ui.media_models import kept_choice, loaded_model, model_names
from modules.ui.session import Session
from modules.ui.shell import Shell
from modules.ui.toasts import warn

DESK = "transcription"
FORMS = ("txt", "srt", "vtt")
RECENT = 40
"""Of a long recording so many rows of the table are shown while it grows, and all at its end."""


@dataclass(frozen=True)
class Wished:
    """What is to be heard, and how."""

    recording: gr.Audio
    model: gr.Dropdown
    language: gr.Dropdown
    translates: gr.Checkbox
    run: gr.Button
    stop: gr.Button

    @property
    def inputs(self) -> list[Any]:
        """In the order of `HearHandlers.transcribe`."""
        return [self.recording, self.model, self.language, self.translates]


@dataclass(frozen=True)
class Heard:
    """What was heard: as a text, as files, and bit by bit with its times."""

    progress: gr.HTML
    text: gr.Textbox
    facts: gr.HTML
    files: gr.Row
    downloads: tuple[gr.DownloadButton, ...]
    segments: gr.HTML

    @property
    def outputs(self) -> list[Any]:
        """In the order of `HearHandlers.shown`."""
        own = [self.progress, self.text, self.facts, self.segments, self.files]
        return [*own, *self.downloads]


def build(shell: Shell) -> None:
    gr.HTML("<h4>Transcribe</h4>", js_on_load=None)
    wished, heard = _build_wished(), _build_heard()
    _wire(shell, wished, heard, HearHandlers(shell, wished.recording.GRADIO_CACHE))


def _build_wished() -> Wished:
    recording = gr.Audio(
        sources=["upload", "microphone"],
        type="filepath",
        show_label=False,
        editable=False,
        buttons=[],
        elem_id="audio-recording",
    )
    with gr.Row():
        model = gr.Dropdown([], label="Model", min_width=130, elem_id="audio-hear-model")
        language = gr.Dropdown(
            language_names(None),
            value=FIND_OUT,
            label="Language",
            allow_custom_value=True,
            min_width=130,
            elem_id="audio-language",
        )
    translates = gr.Checkbox(
        False, label="Translate to English", container=False, elem_id="audio-translate"
    )
    with gr.Row():
        run = gr.Button("Transcribe", variant="primary", elem_id="audio-transcribe")
        stop = gr.Button("Stop", variant="stop", visible=False, elem_id="audio-hear-stop")
    return Wished(recording, model, language, translates, run, stop)


def _build_heard() -> Heard:
    progress = gr.HTML("", visible=False, js_on_load=None, elem_id="audio-hear-progress")
    text = gr.Textbox(
        label="Text",
        lines=4,
        max_lines=14,
        visible=False,
        buttons=["copy"],
        elem_id="audio-transcript",
    )
    facts = gr.HTML("", visible=False, js_on_load=None, elem_id="audio-hear-facts")
    with gr.Row(visible=False, elem_classes="chips") as files:
        downloads = tuple(
            gr.DownloadButton(f".{form}", size="sm", min_width=50, elem_id=f"audio-save-{form}")
            for form in FORMS
        )
    segments = gr.HTML("", js_on_load=None, elem_id="audio-segments")
    return Heard(progress, text, facts, files, downloads, segments)


class HearHandlers:
    def __init__(self, shell: Shell, cache: str) -> None:
        self._context = shell.context
        self._cache = cache

    async def transcribe(
        self,
        session: Session,
        recording: str | None,
        model: str | None,
        language: str | None,
        translates: bool,
    ) -> AsyncGenerator[tuple[Any, ...]]:
        """A refusal is a message; what was there stays."""
        path = Path(recording) if recording else None
        wish = HearWish(path, model or None, language or FIND_OUT, bool(translates))
        desk = desk_of(session.parts, DESK)
        try:
            async with aclosing(transcribe(wish, self._context, desk)) as hearing:
                async for state in hearing:
                    yield await self.shown(state)
        except AppError as error:
            warn(error.message)
            progress, run, stop = await self.rest()
            yield progress, *[gr.skip()] * (4 + len(FORMS)), run, stop

    async def shown(self, state: Listening) -> tuple[Any, ...]:
        has_text = state.is_over and bool(state.segments)
        files = await self._files(state.segments) if has_text else [None] * len(FORMS)
        return (
            gr.HTML(markup.doing(state), visible=not state.is_over),
            gr.Textbox(state.text, visible=bool(state.segments)),
            gr.HTML(markup.facts(state) if state.is_over else "", visible=state.is_over),
            markup.table(state.segments if state.is_over else state.segments[-RECENT:]),
            gr.Row(visible=has_text),
            *(gr.DownloadButton(value=file) for file in files),
            gr.Button(visible=state.is_over),
            gr.Button(visible=not state.is_over),
        )

    async def _files(self, segments: tuple[Segment, ...]) -> list[str]:
        def write() -> list[str]:
            return [
                save_bytes_to_cache(data, f"transcript.{form}", self._cache)
                for form, data in rendered(segments).items()
            ]

        return await asyncio.to_thread(write)

    async def stop(self, session: Session) -> None:
        desk_of(session.parts, DESK).stop()

    async def rest(self) -> tuple[Any, Any, Any]:
        """Buttons as they are when nothing is heard, also after an error."""
        return gr.HTML(visible=False), gr.Button(visible=True), gr.Button(visible=False)

    async def list_models(self, now: str | None) -> tuple[Any, Any]:
        names = await model_names(self._context.media.transcription)
        name = kept_choice(now, names)
        return gr.Dropdown(names, value=name), await self.list_languages(name)

    async def list_languages(self, name: str | None) -> Any:
        worker = loaded_model(self._context.media.transcription, name)
        return gr.Dropdown(language_names(None if worker is None else worker.model))


def rendered(segments: tuple[Segment, ...]) -> dict[str, bytes]:
    """Files by their ending. Blocking."""
    from modules.loaders.speech_recognition.subtitles import render_subtitles

    text = Listening("", segments=segments).text + "\n"
    return {
        "txt": text.encode(),
        "srt": render_subtitles(segments, "srt").encode(),
        "vtt": render_subtitles(segments, "vtt").encode(),
    }


def _wire(shell: Shell, wished: Wished, heard: Heard, on: HearHandlers) -> None:
    session = shell.session
    shell.on_open(on.list_models, [wished.model], [wished.model, wished.language])
    wished.model.input(told(on.list_languages), wished.model, wished.language, **AT_ONCE)
    buttons = [wished.run, wished.stop]
    begun = wished.run.click(
        told(on.transcribe), [session, *wished.inputs], [*heard.outputs, *buttons], **QUIET
    )
    begun.then(told(on.rest), None, [heard.progress, *buttons], **AT_ONCE)
    begun.then(told(on.list_languages), wished.model, wished.language, **AT_ONCE)
    wished.stop.click(told(on.stop), session, None, **AT_ONCE)
