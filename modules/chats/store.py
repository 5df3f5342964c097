"""Where conversations are kept. Everything here may block: for a worker thread."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from modules.chats.conversation import Conversation
from modules.core.errors import Conflict, NotFound

MAX_QUERY = 200
"""Characters of a search."""
MAX_FILE_BYTES = 100 * 2**20

_SUFFIXES: Mapping[str, str] = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/bmp": "bmp",
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/mpeg": "mp3",
    "audio/ogg": "ogg",
    "audio/flac": "flac",
    "audio/mp4": "m4a",
    "audio/webm": "webm",
    "application/pdf": "pdf",
}
MEDIA_TYPES: Mapping[str, str] = {
    suffix: kind for kind, suffix in reversed(_SUFFIXES.items()) if kind != "audio/x-wav"
}
"""By the endings that kept files have. Nothing that a browser would run is among them."""


@dataclass(frozen=True, slots=True)
class Summary:
    """One line of the list. `snippet`: the end of the conversation, or the place that a search found. `problem`: why it cannot be opened."""

    id: str
    title: str
    updated: float
    message_count: int = 0
    character: str = ""
    snippet: str = ""
    problem: str = ""


class ConversationStore(Protocol):
    """NotFound for an id that is not there, RequestError with a sentence for what cannot be read or written."""

    def list(self) -> tuple[Summary, ...]:
        """All, the newest first; those that are broken too, with their problem."""
        ...

    def search(self, query: str) -> tuple[Summary, ...]:
        """Those with this text in title or messages, whatever its case; an empty query finds all."""
        ...

    def load(self, chat_id: str) -> Conversation: ...

    def save(self, conversation: Conversation, *, files_of: str = "") -> Conversation:
        """Gives back what is kept: with its time and revision, to go on from. Files that nothing names any more go after a while.

        `files_of`: id of the conversation that this one is a branch or copy of; the files that it names come along.
        Conflict when it was saved by someone else since it was loaded; `conversation.copied()` can be saved then (with `files_of`).
        """
        ...

    def rename(self, chat_id: str, title: str) -> Conversation: ...

    def delete(self, chat_id: str) -> None:
        """With its files. Also one that is broken."""
        ...

    def add_file(self, chat_id: str, data: bytes, media_type: str) -> str:
        """The name for `Attachment.file`. The conversation that names it is to be saved within the hour."""
        ...

    def read_file(self, chat_id: str, name: str) -> bytes: ...


def file_name(data: bytes, media_type: str) -> str:
    """By digest: equal files are kept once."""
    suffix = _SUFFIXES.get(media_type.partition(";")[0].strip().lower(), "bin")
    return f"{hashlib.sha256(data).hexdigest()[:32]}.{suffix}"


def not_found() -> NotFound:
    return NotFound("There is no such chat any more.", param="id", code="chat_not_found")


def no_file() -> NotFound:
    return NotFound("The file of this message is not there any more.", code="file_not_found")


def changed_elsewhere() -> Conflict:
    return Conflict(
        "This chat was changed in another window meanwhile; open it again to see that.",
        code="chat_changed",
    )


def deleted_elsewhere() -> Conflict:
    return Conflict("This chat was deleted in another window.", code="chat_deleted")
