"""Histories of the old web UI: `{"internal": [[user, reply], ...], "visible": [...], "metadata": {...}}`.

`internal` was what the model read, and has no HTML in it; it was called `data` at first. `metadata` has, under `user_ROW` and
`assistant_ROW`, other versions of a message, the model, and attachments.
"""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from modules.chats.conversation import Conversation
from modules.chats.inline_files import InlineFiles
from modules.chats.json_fields import Fields
from modules.chats.turns import Attachment, Role, Step, Turn, Version
from modules.core.errors import RequestError

GREETING_MARK = "<|BEGIN-VISIBLE-CHAT|>"
"""Stands where a user's message would, in front of a greeting."""

_OPEN, _CLOSE = "<think>", "</think>"


def is_old_history(fields: Mapping[str, Any]) -> bool:
    return "internal" in fields or "data" in fields


def from_old_history(value: Mapping[str, Any], files: InlineFiles) -> Conversation:
    """RequestError says which row is wrong."""
    fields = Fields(value, "history")
    rows = fields.items("internal" if "internal" in value else "data")
    metadata = value.get("metadata")
    notes = cast("dict[str, Any]", metadata) if isinstance(metadata, dict) else {}
    conversation = Conversation()
    for i, row in enumerate(rows):
        said, reply = _texts(row, i)
        if said not in ("", GREETING_MARK) or _has_files(notes, i):
            conversation = _with(conversation, "user", said, _notes(notes, "user", i), files)
        if reply:
            conversation = _with(
                conversation, "assistant", reply, _notes(notes, "assistant", i), files
            )
    if not conversation.turns:
        raise RequestError("The history has no messages in it.", param="file")
    return conversation


def _texts(row: Any, index: int) -> tuple[str, str]:
    items = cast("list[Any]", row) if isinstance(row, list) else []
    if len(items) < 2 or not all(isinstance(item, str | None) for item in items[:2]):
        raise RequestError(
            f"Row {index + 1} of the history must have the texts of the user and of the reply.",
            param="file",
        )
    said, reply = (_clean(item or "") for item in items[:2])
    return said, reply


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _notes(notes: Mapping[str, Any], role: str, index: int) -> Fields:
    value = notes.get(f"{role}_{index}")
    return Fields(
        cast("dict[str, Any]", value) if isinstance(value, dict) else {}, f"metadata.{role}_{index}"
    )


def _has_files(notes: Mapping[str, Any], index: int) -> bool:
    return bool(_notes(notes, "user", index).values.get("attachments"))


def _with(
    conversation: Conversation, role: Role, text: str, notes: Fields, files: InlineFiles
) -> Conversation:
    """One more turn, with the versions that are noted; the text of the row is the chosen one."""
    attachments = tuple(_attachments(notes, files))
    versions = [_version(each.text("content"), each, ()) for each in notes.objects("versions")]
    current = _version(text, notes, attachments)
    at = next((i for i, each in enumerate(versions) if each.steps == current.steps), None)
    if at is None:
        at, versions = len(versions), [*versions, current]
    versions[at] = current
    grown = conversation.appended(role, current)
    return grown.with_turns((*conversation.turns, Turn(role, tuple(versions), at)))


def _version(text: str, notes: Fields, attachments: tuple[Attachment, ...]) -> Version:
    reasoning, answer = _split_thinking(text)
    return Version(
        (Step(answer, reasoning),), attachments, model=notes.text("model_name")[:200], created=0.0
    )


def _split_thinking(text: str) -> tuple[str, str]:
    """Thinking and answer; the old web UI kept them in one text."""
    start = text.lstrip()
    if not start.startswith(_OPEN) or _CLOSE not in start:
        return "", text
    thinking, _, answer = start.removeprefix(_OPEN).partition(_CLOSE)
    return thinking.strip(), answer.lstrip()


def _attachments(notes: Fields, files: InlineFiles) -> Iterator[Attachment]:
    """Pictures inside the file, and the texts of other files."""
    for each in notes.objects("attachments"):
        name = each.text("name")[:300] or "file"
        url = each.text("image_data")
        if url.startswith("data:"):
            yield Attachment(name, "image", file=files.add_picture(url, f"{each.where}.image_data"))
        elif each.text("content"):
            yield Attachment(name, "text", each.text("content"))
