"""Conversations as one JSON file to take away, with the files inside."""

import base64
import json
from collections.abc import Sequence
from typing import Any

from modules.chats.conversation import Conversation
from modules.chats.json_format import FORMAT_VERSION, to_json
from modules.chats.store import MEDIA_TYPES, ConversationStore
from modules.core.errors import RequestError

COLLECTION = "hearth-chats"
MAX_FILE_BYTES = 256 * 2**20
"""Of a file with chats that can be imported."""


def export_chat(store: ConversationStore, chat_id: str) -> bytes:
    """One chat; blocking, as the rest here."""
    return _to_bytes(_with_files(store, store.load(chat_id)))


def export_chats(store: ConversationStore, ids: Sequence[str]) -> bytes:
    """Several in one file. RequestError when one of them cannot be read, or when all are more than could be imported again: a backup is
    whole or not at all."""
    parts, size = list[bytes](), 0
    for chat_id in ids:
        parts.append(_to_bytes(_with_files(store, store.load(chat_id))))
        size += len(parts[-1])
        if size > MAX_FILE_BYTES:
            raise RequestError(
                f"All chats together are more than {MAX_FILE_BYTES // 2**20} MiB with their files; export them one by one."
            )
    head = f'{{"format": "{COLLECTION}", "version": {FORMAT_VERSION}, "chats": [\n'
    return head.encode() + b",\n".join(parts) + b"\n]}"


def _with_files(store: ConversationStore, conversation: Conversation) -> dict[str, Any]:
    """`data` beside each name of a file; a file that is gone is left out."""
    fields = to_json(conversation)
    for turn in fields["turns"]:
        for version in turn["versions"]:
            for attachment in version.get("attachments", ()):
                if "file" in attachment:
                    _put_data(store, conversation.id, attachment)
    return fields


def _put_data(store: ConversationStore, chat_id: str, attachment: dict[str, Any]) -> None:
    name = attachment.pop("file")
    try:
        data = store.read_file(chat_id, name)
    except RequestError:
        return
    kind = MEDIA_TYPES.get(name.rpartition(".")[2], "application/octet-stream")
    attachment["data"] = f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"


def _to_bytes(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1).encode("utf-8", "replace")
