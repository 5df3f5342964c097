"""A text on its way to a file of speech, as the page follows it."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from time import monotonic

from modules.context import AppContext
from modules.core.errors import Cancelled, RequestError
from modules.core.jobs import Job
from modules.core.speech import SPEEDS, Utterance, Voice
from modules.engine.media.job_stream import JobStream
from modules.engine.media.narration import Narration, checked_text
from modules.engine.media.worker import Worker
from modules.loaders.media_base import Speaker
from modules.sound.formats import FORMATS
from modules.ui.desk import Desk
from modules.ui.media_models import find_model
from modules.ui.ticking import with_ticks

TICK_S = 0.3
FORMAT_NAMES = ("mp3", "wav", "flac", "opus", "aac")
ENDINGS = {"opus": "ogg"}
"""Of files, where it is not the name of the format."""


@dataclass(frozen=True, slots=True)
class SpeakWish:
    """`voice`: an id of the model's list, None is its default."""

    text: str
    model: str | None = None
    voice: str | None = None
    speed: float = 1.0
    format: str = "mp3"

    @property
    def file_name(self) -> str:
        return f"speech.{ENDINGS.get(self.format, self.format)}"


@dataclass(frozen=True, slots=True)
class Speaking:
    """`seconds` of sound so far; `file`: all of it, at the end."""

    note: str
    seconds: float = 0.0
    voice: Voice | None = None
    file: bytes | None = None
    is_over: bool = False


async def speak(wish: SpeakWish, context: AppContext, desk: Desk) -> AsyncGenerator[Speaking]:
    """RequestError and the like say why it cannot be spoken; nothing is left of what was stopped."""
    low, high = SPEEDS
    if not low <= wish.speed <= high:
        raise RequestError(f"The speed must be from {low:g} to {high:g}.")
    if wish.format not in FORMATS:
        raise RequestError("There is no such format.")
    if not wish.text.strip():
        raise RequestError("Write something to speak first.")
    job = Job(stop_id=f"speech-{uuid.uuid4().hex}")
    desk.take(job)
    try:
        async with aclosing(_spoken(wish, context, job)) as speaking:
            async for state in speaking:
                yield state
    except Cancelled:
        yield Speaking("Stopped", is_over=True)
    finally:
        desk.clear()


async def _spoken(wish: SpeakWish, context: AppContext, job: Job) -> AsyncGenerator[Speaking]:
    text = checked_text(wish.text, context.settings.max_speech_chars)
    pool = context.media.speech
    yield Speaking("Waiting for the model")
    async with pool.lease(await find_model(pool, wish.model)) as worker:
        job.check()
        voice = worker.model.find_voice(wish.voice, None)
        narration = Narration(Utterance(text, voice, wish.speed), FORMATS[wish.format])
        try:
            async with aclosing(_followed(narration, worker, job)) as following:
                async for state in following:
                    yield replace(state, voice=voice)
        finally:
            narration.tape.close()
        worker.statistics.units += len(text)


async def _followed(
    narration: Narration, worker: Worker[Speaker], job: Job
) -> AsyncGenerator[Speaking]:
    news: JobStream[None] = worker.stream(narration.run, job)
    told = 0.0
    async with aclosing(news), aclosing(with_ticks(news, TICK_S)) as coming:
        async for _ in coming:
            if monotonic() - told >= TICK_S:
                told = monotonic()
                yield Speaking(_note(narration, job), narration.seconds)
    data = await asyncio.to_thread(_whole_file, narration)
    yield Speaking("Done", narration.seconds, file=data, is_over=True)


def _note(narration: Narration, job: Job) -> str:
    if not job.is_running:
        return "Waiting for its turn"
    return f"Speaking, {narration.seconds:.0f} s so far" if narration.seconds else "Speaking"


def _whole_file(narration: Narration) -> bytes:
    """Blocking."""
    pieces = [narration.audio_format.header(narration.tape.written)]
    while piece := narration.tape.read():
        pieces.append(piece)
    return b"".join(pieces)


def voice_choices(voices: Sequence[Voice]) -> list[tuple[str, str]]:
    """What is shown and the id, the default first."""
    return [(_label(voice), voice.id) for voice in voices]


def _label(voice: Voice) -> str:
    """Names of some engines tell the language already."""
    if "(" in voice.name:
        return voice.name
    gender = f", {voice.gender}" if voice.gender else ""
    return f"{voice.name} ({voice.language}{gender})"
