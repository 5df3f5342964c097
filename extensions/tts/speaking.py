"""A text to sound, by the program's own speech model."""

import asyncio
import base64
import uuid
from contextlib import aclosing

from modules.context import AppContext
from modules.core.errors import RequestError
from modules.core.jobs import Job
from modules.core.speech import SPEEDS, Utterance
from modules.engine.media.narration import Narration, checked_text
from modules.sound.formats import FORMATS

FORMAT = FORMATS["mp3"]


class Speech:
    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def speak(self, text: str, voice: str, speed: float) -> str:
        """An address that has the sound in itself: nothing is written anywhere. AppErrors say why it cannot be spoken."""
        low, high = SPEEDS
        if not low <= speed <= high:
            raise RequestError(f"The speed must be from {low:g} to {high:g}.")
        spoken = checked_text(text, self._context.settings.max_speech_chars)
        async with self._context.media.speech.lease() as worker:
            narration = Narration(
                Utterance(spoken, worker.model.find_voice(voice or None, None), speed), FORMAT
            )
            try:
                news = worker.stream(narration.run, Job(stop_id=f"speech-{uuid.uuid4().hex}"))
                async with aclosing(news):
                    await narration.end(news)
                return await asyncio.to_thread(_to_address, narration)
            finally:
                narration.tape.close()

    async def voices(self) -> list[tuple[str, str]]:
        """What is shown, and the id."""
        async with self._context.media.speech.lease() as worker:
            return [(f"{voice.name} ({voice.language})", voice.id) for voice in worker.model.voices]


def _to_address(narration: Narration) -> str:
    """Blocking."""
    pieces: list[bytes] = []
    while piece := narration.tape.read():
        pieces.append(piece)
    return f"data:{FORMAT.media_type};base64,{base64.b64encode(b''.join(pieces)).decode('ascii')}"
