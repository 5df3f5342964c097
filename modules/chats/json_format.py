"""A conversation as JSON, and back. What is read may be anything: RequestError says where it is not right."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, cast

from modules.chats.conversation import Conversation, check_id, new_id
from modules.chats.titles import clean_title
from modules.chats.turns import (
    ATTACHMENT_KINDS,
    ROLES,
    Attachment,
    Step,
    Tally,
    ToolUse,
    Turn,
    Version,
)
from modules.core.errors import RequestError

FORMAT = "hearth-chat"
FORMAT_VERSION = 1
MAX_ITEMS = 100_000
"""Of any list."""
MODES = ("instruct", "chat", "chat-instruct")
FILE_NAME = re.compile(r"[0-9a-f]{32}\.[a-z0-9]{1,5}")
_MAX_SETTINGS = 200
_LATEST = 32503680000.0
"""The year 3000, in seconds since 1970: what is past it is no time."""

T = TypeVar("T")


def to_json(conversation: Conversation) -> dict[str, Any]:
    """Plain values; what is empty is left out."""
    return {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "id": conversation.id,
        "title": conversation.title,
        "character": conversation.character,
        "mode": conversation.mode,
        "created": conversation.created,
        "updated": conversation.updated,
        "revision": conversation.revision,
        "settings": None if conversation.settings is None else dict(conversation.settings),
        "turns": [_turn_to_json(turn) for turn in conversation.turns],
    }


def from_json(value: Any) -> Conversation:
    fields = Fields(value, "chat")
    if fields.text("format") != FORMAT:
        raise RequestError("This is no chat of Hearth.", param="format")
    if fields.whole("version", FORMAT_VERSION) > FORMAT_VERSION:
        raise RequestError("This chat was written by a newer version of Hearth.", param="version")
    mode = fields.text("mode") or MODES[0]
    return Conversation(
        id=check_id(fields.text("id") or new_id()),
        title=clean_title(fields.text("title")),
        character=fields.text("character")[:200],
        mode=mode if mode in MODES else MODES[0],
        turns=tuple(_turn(each) for each in fields.objects("turns")),
        settings=_settings(fields.values.get("settings")),
        created=fields.time("created"),
        updated=fields.time("updated"),
        revision=fields.whole("revision"),
    )


class Fields:
    """One JSON object of a file, by its fields. `where` it stands, for messages."""

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise RequestError(f"{where} must be an object with names and values.", param=where)
        self.values = cast("dict[str, Any]", value)
        self.where = where

    def text(self, name: str) -> str:
        """Empty where there is none. Halves of characters, which no file can hold, become question marks."""
        value = self.values.get(name)
        if value is None:
            return ""
        return self._checked(value, str, name, "text").encode("utf-8", "replace").decode()

    def whole(self, name: str, default: int = 0) -> int:
        value = self.values.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
            raise self._wrong(name, "a whole number from 0")
        return value

    def number(self, name: str) -> float:
        value = self.values.get(name)
        if value is None:
            return 0.0
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong(name, "a number")
        if not math.isfinite(value) or value < 0:
            raise self._wrong(name, "a number from 0")
        return float(value)

    def time(self, name: str) -> float:
        return min(self.number(name), _LATEST)

    def flag(self, name: str) -> bool:
        return self.values.get(name) is True

    def objects(self, name: str) -> Iterator["Fields"]:
        for i, each in enumerate(self.items(name)):
            yield Fields(each, f"{self.where}.{name}[{i}]")

    def items(self, name: str) -> list[Any]:
        value = self.values.get(name)
        if value is None:
            return []
        items = cast("list[Any]", self._checked(value, list, name, "a list"))
        if len(items) > MAX_ITEMS:
            raise self._wrong(name, f"a list of at most {MAX_ITEMS}")
        return items

    def _checked(self, value: Any, kind: type[T], name: str, word: str) -> T:
        if not isinstance(value, kind):
            raise self._wrong(name, word)
        return value

    def _wrong(self, name: str, word: str) -> RequestError:
        return RequestError(f"{self.where}.{name} must be {word}.", param=f"{self.where}.{name}")


def _turn_to_json(turn: Turn) -> dict[str, Any]:
    return {
        "role": turn.role,
        "chosen": turn.chosen,
        "versions": [_version_to_json(version) for version in turn.versions],
    }


def _version_to_json(version: Version) -> dict[str, Any]:
    tally = version.tally
    return _without_empty(
        {
            "created": version.created,
            "model": version.model,
            "finish_reason": version.finish_reason,
            "shown": version.shown,
            "tally": tally
            and {
                "prompt_tokens": tally.prompt_tokens,
                "completion_tokens": tally.completion_tokens,
                "seconds": tally.seconds,
            },
            "attachments": [_attachment_to_json(each) for each in version.attachments],
            "steps": [_step_to_json(step) for step in version.steps],
        }
    )


def _step_to_json(step: Step) -> dict[str, Any]:
    return {
        "text": step.text,
        **_without_empty(
            {
                "reasoning": step.reasoning,
                "calls": [
                    {
                        "id": call.id,
                        "name": call.name,
                        "arguments": call.arguments,
                        "result": call.result,
                        "is_error": call.is_error,
                    }
                    for call in step.calls
                ],
            }
        ),
    }


def _attachment_to_json(attachment: Attachment) -> dict[str, Any]:
    return _without_empty(
        {
            "name": attachment.name,
            "kind": attachment.kind,
            "text": attachment.text,
            "file": attachment.file,
            "media_type": attachment.media_type,
            "notice": attachment.notice,
        }
    )


def _without_empty(values: Mapping[str, Any]) -> dict[str, Any]:
    """`shown` may be an empty text that counts."""
    return {name: value for name, value in values.items() if value not in (None, "", [])}


def _turn(fields: Fields) -> Turn:
    role = next((each for each in ROLES if each == fields.text("role")), None)
    if role is None:
        raise RequestError(f"{fields.where}.role must be one of {', '.join(ROLES)}.", param="role")
    versions = tuple(_version(each) for each in fields.objects("versions"))
    if not versions:
        raise RequestError(f"{fields.where} has no versions.", param="versions")
    return Turn(role, versions, min(fields.whole("chosen"), len(versions) - 1))


def _version(fields: Fields) -> Version:
    steps = tuple(
        Step(each.text("text"), each.text("reasoning"), tuple(_calls(each)))
        for each in fields.objects("steps")
    )
    return Version(
        steps=steps or (Step(),),
        attachments=tuple(_attachment(each) for each in fields.objects("attachments")),
        shown=None if fields.values.get("shown") is None else fields.text("shown"),
        model=fields.text("model"),
        tally=_tally(fields),
        finish_reason=fields.text("finish_reason"),
        created=fields.time("created"),
    )


def _calls(fields: Fields) -> Iterator[ToolUse]:
    for each in fields.objects("calls"):
        has_result = each.values.get("result") is not None
        yield ToolUse(
            each.text("id"),
            each.text("name"),
            each.text("arguments"),
            each.text("result") if has_result else None,
            each.flag("is_error"),
        )


def _tally(fields: Fields) -> Tally | None:
    if fields.values.get("tally") is None:
        return None
    tally = Fields(fields.values["tally"], f"{fields.where}.tally")
    return Tally(
        tally.whole("prompt_tokens"), tally.whole("completion_tokens"), tally.number("seconds")
    )


def _attachment(fields: Fields) -> Attachment:
    kind = next((each for each in ATTACHMENT_KINDS if each == fields.text("kind")), None)
    if kind is None:
        raise RequestError(
            f"{fields.where}.kind must be one of {', '.join(ATTACHMENT_KINDS)}.", param="kind"
        )
    file = fields.text("file")
    return Attachment(
        name=fields.text("name")[:300] or "file",
        kind=kind,
        text=fields.text("text"),
        file=file if FILE_NAME.fullmatch(file) else "",
        media_type=fields.text("media_type")[:100],
        notice=fields.text("notice")[:500],
    )


def _settings(value: Any) -> dict[str, Any] | None:
    """Names with plain values, lists or objects of plain values; who uses them checks them."""
    if value is None:
        return None
    fields = Fields(value, "chat.settings")
    if len(fields.values) > _MAX_SETTINGS or not all(map(_is_setting, fields.values.values())):
        raise RequestError("chat.settings must be names with plain values.", param="settings")
    return dict(fields.values)


def _is_setting(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_is_plain_or_list(each) for each in cast("dict[str, Any]", value).values())
    return _is_plain_or_list(value)


def _is_plain_or_list(value: Any) -> bool:
    if isinstance(value, list):
        return all(_is_plain(each) for each in cast("list[Any]", value))
    return _is_plain(value) or (
        isinstance(value, dict)
        and all(_is_plain(each) for each in cast("dict[str, Any]", value).values())
    )


def _is_plain(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, str | bool | int)
