"""Files that come along with a message, from the page's uploads to attachments."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from modules.chats.attachments import MAX_BYTES, is_audio, read_attachment, transcribed
from modules.chats.store import ConversationStore
from modules.chats.turns import Attachment
from modules.context import AppContext
from modules.core.errors import RequestError
from modules.engine.media.hearing import hear_file
from modules.ui.access.caller import is_of_another
from modules.ui.chat.events import SentFile


def find_upload(file: SentFile, uploads: Path) -> Path:
    """RequestError for a path that is not of an upload, or is gone."""
    path = Path(file.path).resolve()
    is_upload = path.is_relative_to(uploads.resolve()) and not is_of_another(path)
    if not is_upload or not path.is_file():
        raise RequestError(
            f"{file.name or 'A file'} is not there any more; attach it again.", param="file"
        )
    return path


async def attach(
    files: Sequence[SentFile],
    uploads: Path,
    store: ConversationStore,
    chat_id: str,
    context: AppContext,
) -> tuple[Attachment, ...]:
    """RequestError with a sentence for the first that cannot be used. The uploads stay: see `forget`."""
    return tuple([await _attach(file, uploads, store, chat_id, context) for file in files])


async def hear(path: Path, context: AppContext) -> str:
    """What is said in a recording."""
    return await hear_file(path, context.media.transcription, context.settings.max_audio_s)


async def forget(files: Sequence[SentFile], uploads: Path) -> None:
    """The uploads are not needed any more."""
    for file in files:
        with contextlib.suppress(RequestError, OSError):
            await asyncio.to_thread(find_upload(file, uploads).unlink)


async def _attach(
    file: SentFile, uploads: Path, store: ConversationStore, chat_id: str, context: AppContext
) -> Attachment:
    path = find_upload(file, uploads)
    if is_audio(file.name):
        text = await hear(path, context)
        if not text:
            raise RequestError(f"Nothing was understood in {file.name}.", param="file")
        return transcribed(file.name, text)
    data = await asyncio.to_thread(_read, path, file.name)
    max_pixels = context.settings.max_image_pixels
    read = await asyncio.to_thread(read_attachment, file.name, data, max_pixels=max_pixels)
    if not read.data:
        return read.attachment
    media_type = read.attachment.media_type
    name = await asyncio.to_thread(store.add_file, chat_id, read.data, media_type)
    return replace(read.attachment, file=name)


def _read(path: Path, name: str) -> bytes:
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise RequestError(f"{name} is larger than {MAX_BYTES // 2**20} MiB.", param="file")
    return data
