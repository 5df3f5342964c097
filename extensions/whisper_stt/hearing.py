"""A file of sound to text, by the program's own transcription model."""

from pathlib import Path

from modules.context import AppContext
from modules.core.errors import RequestError
from modules.engine.media.hearing import hear_file


async def hear(path: Path, language: str, context: AppContext) -> str:
    """AppErrors say what is wrong: with the file, with the language, or that nothing was understood."""
    pool, most = context.media.transcription, context.settings.max_audio_s
    text = await hear_file(path, pool, most, language)
    if not text:
        raise RequestError("Nothing was understood.")
    return text
