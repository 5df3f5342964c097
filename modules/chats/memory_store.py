"""Conversations that end with the program: for private chats, and where several people use a server without logins."""

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace

from modules.chats.conversation import Conversation
from modules.chats.search import find_snippet, to_pattern
from modules.chats.store import (
    Summary,
    changed_elsewhere,
    deleted_elsewhere,
    file_name,
    no_file,
    not_found,
)
from modules.chats.titles import shorten


class MemoryStore:
    """Implements `ConversationStore`; nothing is on the disk.

    One page uses it, for one thing at a time: a file goes with the first save that does not name it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._chats: dict[str, Conversation] = {}
        self._files: dict[str, dict[str, bytes]] = {}

    def list(self) -> tuple[Summary, ...]:
        with self._lock:
            chats = sorted(self._chats.values(), key=lambda chat: chat.updated, reverse=True)
        return tuple(_summary(chat, shorten(_last_text(chat))) for chat in chats)

    def search(self, query: str) -> tuple[Summary, ...]:
        pattern = to_pattern(query)
        if pattern is None:
            return self.list()
        with self._lock:
            chats = sorted(self._chats.values(), key=lambda chat: chat.updated, reverse=True)
        found = ((chat, find_snippet(pattern, _texts(chat))) for chat in chats)
        return tuple(_summary(chat, snippet) for chat, snippet in found if snippet is not None)

    def load(self, chat_id: str) -> Conversation:
        with self._lock:
            return self._get(chat_id)

    def save(self, conversation: Conversation, *, files_of: str = "") -> Conversation:
        with self._lock:
            kept = self._chats.get(conversation.id)
            if kept is None and conversation.revision:
                raise deleted_elsewhere()
            if kept is not None and kept.revision != conversation.revision:
                raise changed_elsewhere()
            saved = replace(conversation, updated=time.time(), revision=conversation.revision + 1)
            self._chats[saved.id] = saved
            self._keep_named(saved, self._files.get(files_of, {}))
            return saved

    def rename(self, chat_id: str, title: str) -> Conversation:
        return self.save(self.load(chat_id).renamed(title))

    def delete(self, chat_id: str) -> None:
        with self._lock:
            self._get(chat_id)
            del self._chats[chat_id]
            self._files.pop(chat_id, None)

    def add_file(self, chat_id: str, data: bytes, media_type: str) -> str:
        name = file_name(data, media_type)
        with self._lock:
            self._files.setdefault(chat_id, {})[name] = data
        return name

    def leave(self, chat_id: str) -> None:
        """The page shows another chat now: of a message that was given up, the files go."""
        with self._lock:
            if chat_id in self._chats:
                self._keep_named(self._chats[chat_id], {})
            else:
                self._files.pop(chat_id, None)

    def read_file(self, chat_id: str, name: str) -> bytes:
        with self._lock:
            data = self._files.get(chat_id, {}).get(name)
        if data is None:
            raise no_file()
        return data

    def _keep_named(self, chat: Conversation, more: Mapping[str, bytes]) -> None:
        files = {**more, **self._files.pop(chat.id, {})}
        named = {name: data for name, data in files.items() if name in chat.file_names}
        if named:
            self._files[chat.id] = named

    def _get(self, chat_id: str) -> Conversation:
        chat = self._chats.get(chat_id)
        if chat is None:
            raise not_found()
        return chat


def _summary(chat: Conversation, snippet: str) -> Summary:
    return Summary(chat.id, chat.title, chat.updated, len(chat.turns), chat.character, snippet)


def _texts(chat: Conversation) -> Iterator[str]:
    yield chat.title
    for turn in chat.turns:
        yield turn.version.text


def _last_text(chat: Conversation) -> str:
    return chat.turns[-1].version.text if chat.turns else ""
