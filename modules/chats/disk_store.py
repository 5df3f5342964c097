"""Conversations as files: `ID.json` each, and `ID.files/` beside it with what was given along."""

import hashlib
import json
import re
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import orjson

from modules.chats.conversation import Conversation, check_id
from modules.chats.findings import Findings
from modules.chats.json_format import FILE_NAME, FORMAT, from_json, to_json
from modules.chats.orphans import remove_orphans
from modules.chats.raw_json import chosen_texts, header
from modules.chats.search import find_snippet, to_pattern
from modules.chats.store import (
    MAX_FILE_BYTES,
    Summary,
    changed_elsewhere,
    deleted_elsewhere,
    file_name,
    no_file,
    not_found,
)
from modules.chats.titles import shorten
from modules.core.errors import RequestError
from modules.core.files import write_atomically

MAX_CHAT_BYTES = 64 * 2**20
KEPT_UNNAMED_S = 3600
"""How long a file stays that no message names: the message may be on its way."""
SWEEP_S = 24 * 3600
"""Between two looks for files of chats that were never kept; the first is with the first list."""

_PLAIN_USER = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,38}[a-z0-9_-])?")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?")
"""Names that Windows has for devices."""


def user_folder(folder: Path, user: str | None) -> Path:
    """Where what is kept of this user is: each name has a folder of its own, whatever is in it and whatever the file system makes of case."""
    if user is None:
        return folder
    if _PLAIN_USER.fullmatch(user) and ".." not in user and not _RESERVED.fullmatch(user):
        return folder / "users" / user
    digest = hashlib.sha256(user.encode("utf-8", "replace")).hexdigest()[:16]
    return folder / "users" / f"~{digest}"


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of a file as it was: its summary and revision."""

    stamp: tuple[int, int]
    summary: Summary
    revision: int


class ChatStore:
    """Implements `ConversationStore`. Threads may share it. A file that cannot be read is told as broken, and never written over.

    What was read of files for the list, and what the latest searches found in them, is remembered as long as they do not change, so that
    a list of a thousand is one look at the folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.RLock()
        self._known: dict[str, _Known] = {}
        self._findings = Findings()
        self._next_sweep = 0.0

    def list(self) -> tuple[Summary, ...]:
        return tuple(each.summary for each in self._look_at_all())

    def search(self, query: str) -> tuple[Summary, ...]:
        pattern = to_pattern(query)
        if pattern is None:
            return self.list()
        known = {each.summary.id: each for each in self._look_at_all()}

        def look(chat_id: str) -> str | None:
            summary = known[chat_id].summary
            raw = _read(self._path(chat_id)) if not summary.problem else {}
            return find_snippet(pattern, (summary.title, *chosen_texts(raw)))

        stamps = {chat_id: (*each.stamp, each.revision) for chat_id, each in known.items()}
        snippets = self._findings.find(pattern.pattern, stamps, look)
        return tuple(
            replace(known[chat_id].summary, snippet=snippet)
            for chat_id, snippet in snippets.items()
        )

    def load(self, chat_id: str) -> Conversation:
        path = self._path(chat_id)
        raw = _read(path)
        try:
            return replace(from_json(raw), id=chat_id)
        except RequestError as error:
            raise _broken(path, error.message) from None

    def save(self, conversation: Conversation, *, files_of: str = "") -> Conversation:
        path = self._path(conversation.id)
        with self._lock:
            self._check_revision(path, conversation)
            saved = replace(conversation, updated=time.time(), revision=conversation.revision + 1)
            self._bring_files(files_of, saved)
            _write(path, _to_bytes(saved))
            self._known.pop(
                saved.id, None
            )  # clocks of file systems are too coarse to tell two saves apart
            self._drop_unnamed(saved)
            return saved

    def rename(self, chat_id: str, title: str) -> Conversation:
        with self._lock:
            return self.save(self.load(chat_id).renamed(title))

    def delete(self, chat_id: str) -> None:
        """The files go first: what is left when that fails can still be seen, and deleted."""
        path = self._path(chat_id)
        with self._lock:
            if not path.is_file():
                raise not_found()
            try:
                shutil.rmtree(self._files(chat_id), ignore_errors=False, onerror=_unless_gone)
                path.unlink(missing_ok=True)
            except OSError as error:
                raise RequestError(f"The chat cannot be deleted: {error.strerror}.") from None
            self._known.pop(chat_id, None)

    def add_file(self, chat_id: str, data: bytes, media_type: str) -> str:
        if len(data) > MAX_FILE_BYTES:
            raise RequestError(f"A file may have {MAX_FILE_BYTES // 2**20} MiB.")
        name = file_name(data, media_type)
        with self._lock:  # not while its folder is swept
            _write(self._files(check_id(chat_id)) / name, data)
        return name

    def read_file(self, chat_id: str, name: str) -> bytes:
        try:
            return self.file_path(chat_id, name).read_bytes()
        except OSError:
            raise no_file() from None

    def file_path(self, chat_id: str, name: str) -> Path:
        """Where it is, or would be."""
        if not FILE_NAME.fullmatch(name):
            raise no_file()
        return self._files(check_id(chat_id)) / name

    def _path(self, chat_id: str) -> Path:
        return self.folder / f"{check_id(chat_id)}.json"

    def _files(self, chat_id: str) -> Path:
        return self.folder / f"{chat_id}.files"

    def _paths(self) -> Iterator[tuple[str, Path]]:
        if not self.folder.is_dir():
            return
        for path in self.folder.glob("*.json"):
            try:
                yield check_id(path.stem), path
            except RequestError:  # a file of someone else
                continue

    def _look_at_all(self) -> tuple[_Known, ...]:
        """The newest first."""
        with self._lock:
            self._sweep()
            known = {chat_id: self._look(path) for chat_id, path in self._paths()}
            self._known = {key: each for key, each in known.items() if each is not None}
            looks = self._known.values()
        return tuple(sorted(looks, key=lambda each: each.summary.updated, reverse=True))

    def _sweep(self) -> None:
        if time.monotonic() >= self._next_sweep:
            self._next_sweep = time.monotonic() + SWEEP_S
            remove_orphans(self.folder)

    def _look(self, path: Path) -> _Known | None:
        """None when it is gone."""
        try:
            stat = path.stat()
        except OSError:
            return None
        stamp = (stat.st_mtime_ns, stat.st_size)
        known = self._known.get(path.stem)
        if known is not None and known.stamp == stamp:
            return known
        try:
            return _Known(stamp, *_summary(path.stem, _read(path)))
        except RequestError as error:
            problem = Summary(path.stem, path.name, stat.st_mtime, problem=error.message)
            return _Known(stamp, problem, 0)

    def _check_revision(self, path: Path, conversation: Conversation) -> None:
        if not path.exists():
            if conversation.revision:
                raise deleted_elsewhere()
            return
        known = self._look(path)
        if known is None:
            return
        if known.summary.problem:
            raise RequestError(known.summary.problem)
        if known.revision != conversation.revision:
            raise changed_elsewhere()

    def _bring_files(self, source: str, conversation: Conversation) -> None:
        if not source or source == conversation.id:
            return
        for name in conversation.file_names:
            origin, target = self.file_path(source, name), self.file_path(conversation.id, name)
            if origin.is_file() and not target.exists():
                _write(target, self.read_file(source, name))

    def _drop_unnamed(self, conversation: Conversation) -> None:
        folder = self._files(conversation.id)
        if not folder.is_dir():
            return
        oldest = time.time() - KEPT_UNNAMED_S
        named = conversation.file_names
        for path in folder.iterdir():
            try:
                if path.name not in named and path.stat().st_mtime < oldest:
                    path.unlink()
            except OSError:  # the next save tries again
                continue


def _to_bytes(conversation: Conversation) -> bytes:
    try:
        text = json.dumps(to_json(conversation), ensure_ascii=False, allow_nan=False)
    except (ValueError, TypeError, RecursionError):
        raise RequestError("The settings of this chat cannot be saved.", param="settings") from None
    return text.encode("utf-8", "replace")  # halves of characters become question marks


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_CHAT_BYTES + 1)
    except FileNotFoundError:
        raise not_found() from None
    except OSError as error:
        raise _broken(path, error.strerror or "it cannot be read") from None
    if len(data) > MAX_CHAT_BYTES:
        raise _broken(path, f"it is larger than {MAX_CHAT_BYTES // 2**20} MiB")
    try:
        raw: Any = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise _broken(path, "it is not valid JSON") from None
    fields = cast("dict[str, Any]", raw) if isinstance(raw, dict) else {}
    if fields.get("format") != FORMAT:
        raise _broken(path, "it is no chat of Hearth; it may be one to import")
    return fields


def _broken(path: Path, reason: str) -> RequestError:
    return RequestError(
        f"The file {path.name} cannot be opened: {reason.rstrip('.')}. It is left as it is.",
        code="chat_broken",
    )


def _summary(chat_id: str, raw: dict[str, Any]) -> tuple[Summary, int]:
    found = header(raw)
    summary = Summary(
        chat_id,
        found.title,
        found.updated,
        found.message_count,
        found.character,
        shorten(found.last_text),
    )
    return summary, found.revision


def _write(path: Path, data: bytes) -> None:
    try:
        write_atomically(path, data)
    except OSError as error:
        raise RequestError(f"The chat cannot be saved: {error.strerror}.") from None


def _unless_gone(_function: object, _path: str, caught: Any) -> None:
    if not isinstance(caught[1], FileNotFoundError):
        raise caught[1]
