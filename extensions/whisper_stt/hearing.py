"""A file of sound to text, by the program's own transcription model."""

import asyncio
import contextlib
from pathlib import Path

from modules.context import AppContext
from modules.core.errors import RequestError
from modules.core.transcripts import ListeningRequest
from modules.engine.media.hearing import find_language, start_hearing


async def hear(path: Path, language: str, context: AppContext) -> str:
    """AppErrors say what is wrong: with the file, with the language, or that nothing was understood."""
    with await asyncio.to_thread(path.open, "rb") as file:
        async with context.media.transcription.lease() as worker:
            spoken = find_language(language, worker.model) if language.strip() else None
            wish = ListeningRequest(language=spoken)
            hearing = await start_hearing(file, worker, wish, context.settings.max_audio_s)
            async with contextlib.aclosing(hearing):
                await hearing.begin()
                transcript = await hearing.fold()
    text = transcript.text.strip()
    if not text:
        raise RequestError("Nothing was understood.")
    return text
