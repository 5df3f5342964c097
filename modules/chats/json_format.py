"""A conversation as JSON, and back. What is read may be anything: RequestError says where it is not right."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from modules.chats.conversation import Conversation, check_id, new_id
from modules.chats.json_fields import Fields
from modules.chats.titles import clean_title
from modules.chats.turns import (
    ATTACHMENT_KINDS,
    ROLES,
    Attachment,
    Role,
    Step,
    Tally,
    ToolUse,
    Turn,
    Version,
)
from modules.core.errors import RequestError

FORMAT = "hearth-chat"
FORMAT_VERSION = 1
MODES = ("instruct", "chat", "chat-instruct")
FILE_NAME = re.compile(r"[0-9a-f]{32}\.[a-z0-9]{1,5}")
_MAX_SETTINGS = 200


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


def _turn_to_json(turn: Turn) -> dict[str, Any]:
    return {
        "role": turn.role,
        "chosen": turn.chosen,
        "versions": [_version_to_json(version) for version in turn.versions],
    }


def _version_to_json(version: Version) -> dict[str, Any]:
    tally = version.tally
    shown = {} if version.shown is None else {"shown": version.shown}
    return shown | _without_empty(
        {
            "created": version.created,
            "model": version.model,
            "finish_reason": version.finish_reason,
            "tally": tally
            and {
                "prompt_tokens": tally.prompt_tokens,
                "completion_tokens": tally.completion_tokens,
                "seconds": tally.seconds,
                "context_tokens": tally.context_tokens,
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
    return {name: value for name, value in values.items() if value not in (None, "", [])}


def _turn(fields: Fields) -> Turn:
    role: Role = fields.one_of("role", ROLES)
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
        tally.whole("prompt_tokens"),
        tally.whole("completion_tokens"),
        tally.number("seconds"),
        tally.whole("context_tokens"),
    )


def _attachment(fields: Fields) -> Attachment:
    file = fields.text("file")
    return Attachment(
        name=fields.text("name")[:300] or "file",
        kind=fields.one_of("kind", ATTACHMENT_KINDS),
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
