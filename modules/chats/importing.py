"""Conversations from a JSON file: our own (one or many), the old web UI's histories, and lists of OpenAI's messages."""

import re
from dataclasses import dataclass, field, replace
from typing import Any, cast

import orjson

from modules.chats.conversation import Conversation, new_id, without_answers
from modules.chats.exporting import COLLECTION, MAX_FILE_BYTES
from modules.chats.inline_files import InlineFiles
from modules.chats.json_format import FORMAT, from_json
from modules.chats.old_history import from_old_history, is_old_history
from modules.chats.openai_messages import from_openai_messages
from modules.chats.store import ConversationStore
from modules.chats.titles import UNTITLED, clean_title
from modules.core.errors import RequestError

MAX_CHATS = 20_000

_UNKNOWN = (
    "This is no chat that can be imported: it must be a chat of Hearth, a history of the old web UI "
    "(with `internal` rows), or a list of messages with `role` and `content`."
)


@dataclass(frozen=True, slots=True)
class Imported:
    """A conversation with a new id, and the files that it names."""

    conversation: Conversation
    files: InlineFiles = field(default_factory=InlineFiles)


def import_chats(
    store: ConversationStore, data: bytes, file_name: str = ""
) -> tuple[Conversation, ...]:
    """What was saved, as new chats. RequestError when the file is not right; nothing is saved then. Blocking."""
    saved: list[Conversation] = []
    for each in read_chats(data, file_name):
        for content, media_type in each.files.contents.values():
            store.add_file(each.conversation.id, content, media_type)
        saved.append(store.save(each.conversation))
    return tuple(saved)


def read_chats(data: bytes, file_name: str = "") -> tuple[Imported, ...]:
    """`file_name` gives a title to what has none."""
    value = _to_json(data)
    fields = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    if fields.get("format") == COLLECTION:
        return tuple(_own(each) for each in _chats(fields.get("chats")))
    if fields.get("format") == FORMAT:
        return (_own(fields),)
    files = InlineFiles()
    if is_old_history(fields):
        found = from_old_history(fields, files)
    else:
        found = from_openai_messages(_messages(fields.get("messages") if fields else value), files)
    return (Imported(_titled(found, fields.get("title"), file_name), files),)


def _to_json(data: bytes) -> Any:
    if len(data) > MAX_FILE_BYTES:
        raise RequestError(f"A file to import may have {MAX_FILE_BYTES // 2**20} MiB.")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        raise RequestError(
            "There is no chat in it: the file is no text in UTF-8.", param="file"
        ) from None
    try:
        return orjson.loads(data.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise RequestError(
            f"The file is not valid JSON: {error.msg}, line {error.lineno}.", param="file"
        ) from None


def _messages(value: Any) -> list[Any]:
    messages = cast("list[Any]", value) if isinstance(value, list) else []
    if not messages:
        raise RequestError(_UNKNOWN, param="file")
    return messages


def _chats(value: Any) -> list[Any]:
    chats = cast("list[Any]", value) if isinstance(value, list) else []
    if not 0 < len(chats) <= MAX_CHATS:
        raise RequestError(f"The file must hold a list of 1 to {MAX_CHATS} chats.", param="file")
    return chats


def _own(value: Any) -> Imported:
    files = InlineFiles()
    files.take_from(value)
    read = from_json(value)
    # A file of somebody else must not say yes for the user.
    settings = without_answers(read.settings)
    conversation = replace(read, id=new_id(), updated=0.0, revision=0, settings=settings)
    return Imported(conversation, files)


def _titled(conversation: Conversation, title: Any, file_name: str) -> Conversation:
    if isinstance(title, str) and title.strip():
        return conversation.renamed(title)
    if conversation.title != UNTITLED:
        return conversation
    stem = re.sub(r"\.json$", "", file_name, flags=re.IGNORECASE)
    return replace(conversation, title=clean_title(stem))
