"""A conversation: a frozen value. What changes it gives back a new one, so that what is being shown or saved never changes meanwhile.

It is a list of turns. What follows a turn was said to the version of it that was chosen then. So versions can be chosen (swiped) at the last
turn only; an earlier version of an earlier turn becomes a conversation of its own by `branched`. An edit of an earlier message changes what
the rest is read after, and keeps the old wording beside it.
"""

import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from modules.chats.titles import UNTITLED, clean_title, title_from, with_note
from modules.chats.turns import Attachment, Role, Turn, Version
from modules.core.errors import RequestError

ANSWERS = "approvals"
"""The key of a chat's settings under which lasting answers about tools are kept."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def new_id() -> str:
    """In the order of time, and a file name everywhere."""
    return time.strftime("%Y%m%d-%H%M%S-", time.gmtime()) + secrets.token_hex(5)


def check_id(text: str) -> str:
    """RequestError for what cannot be the id of a conversation, such as a path."""
    if not _ID.fullmatch(text):
        raise RequestError("There is no such chat.", param="id", code="chat_not_found")
    return text


@dataclass(frozen=True, slots=True)
class Conversation:
    """`settings`: values of its own, JSON by their names; None where the ones for all chats count. `mode`: instruct, chat or chat-instruct.

    `created`, `updated`: seconds since 1970; the store sets the second. `revision`: how often it was saved; the store compares it.
    """

    id: str = field(default_factory=new_id)
    title: str = UNTITLED
    character: str = ""
    mode: str = "instruct"
    turns: tuple[Turn, ...] = ()
    settings: Mapping[str, Any] | None = None
    created: float = field(default_factory=time.time)
    updated: float = 0.0
    revision: int = 0

    @property
    def is_empty(self) -> bool:
        """Nobody said anything yet; a greeting does not count."""
        return not any(turn.role == "user" for turn in self.turns)

    @property
    def ends_with_reply(self) -> bool:
        return bool(self.turns) and self.turns[-1].role == "assistant"

    @property
    def before_reply(self) -> "Conversation":
        """What the last reply answered: what to generate from for another version of it."""
        return replace(self, turns=self.turns[:-1]) if self.ends_with_reply else self

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        """Of all versions."""
        return tuple(
            attachment
            for turn in self.turns
            for version in turn.versions
            for attachment in version.attachments
        )

    @property
    def file_names(self) -> frozenset[str]:
        """Files that the store keeps for it."""
        return frozenset(each.file for each in self.attachments if each.file)

    def turn(self, index: int) -> Turn:
        if not 0 <= index < len(self.turns):
            raise RequestError("There is no such message any more.", param="message")
        return self.turns[index]

    def appended(self, role: Role, version: Version) -> "Conversation":
        """The first message of the user gives a conversation without a title its own."""
        grown = replace(self, turns=(*self.turns, Turn(role, (version,))))
        if role == "user" and self.title == UNTITLED:
            return replace(grown, title=title_from(version.text or _names(version)))
        return grown

    def with_reply(self, version: Version) -> "Conversation":
        """A reply to the last message, or one more version of the reply that is there."""
        if not self.ends_with_reply:
            return self.appended("assistant", version)
        return self._with(len(self.turns) - 1, self.turns[-1].with_version(version))

    def with_chosen(self, index: int, version: Version) -> "Conversation":
        """In place of the chosen version: a reply that goes on, a call that has its result."""
        return self._with(index, self.turn(index).with_chosen(version))

    def edited(self, index: int, text: str) -> "Conversation":
        """A new version with this text; the old one is kept. The same text changes nothing."""
        turn = self.turn(index)
        if turn.version.last_text == text:
            return self
        return self._with(index, turn.with_version(turn.version.with_text(text)))

    def choosing(self, index: int, number: int) -> "Conversation":
        """Swipe. RequestError where something follows that was said to another version."""
        turn = self.turn(index)
        if not 0 <= number < len(turn.versions):
            raise RequestError("There is no such version.", param="version")
        if index != len(self.turns) - 1 and number != turn.chosen:
            raise RequestError(
                "Only the last message can change its version; branch from this one instead.",
                param="version",
            )
        return self._with(index, turn.choosing(number))

    def without(self, index: int) -> "Conversation":
        """The message goes, with its versions; what follows stays."""
        self.turn(index)
        return replace(self, turns=self.turns[:index] + self.turns[index + 1 :])

    def without_last_exchange(self) -> "Conversation":
        """The last message of the user and what follows it; where there is none, a greeting stays."""
        for index in range(len(self.turns) - 1, -1, -1):
            if self.turns[index].role == "user":
                return replace(self, turns=self.turns[:index])
        return self

    def branched(self, index: int, number: int | None = None) -> "Conversation":
        """A new conversation that has everything up to this message, of it the version of that number (None: the chosen one).

        Tools are asked about anew in it: what was allowed was allowed in the other chat.
        """
        turn = self.turn(index)
        if number is not None and not 0 <= number < len(turn.versions):
            raise RequestError("There is no such version.", param="version")
        last = turn if number is None else turn.choosing(number)
        turns = (*self.turns[:index], last)
        return replace(self._as_new("branch"), turns=turns, settings=without_answers(self.settings))

    def copied(self) -> "Conversation":
        """The same chat, where it goes on beside what somebody else made of it: with the answers about tools too."""
        return self._as_new("copy")

    def renamed(self, title: str) -> "Conversation":
        return replace(self, title=clean_title(title))

    def with_turns(self, turns: tuple[Turn, ...]) -> "Conversation":
        return replace(self, turns=turns)

    def with_settings(self, settings: Mapping[str, Any] | None) -> "Conversation":
        return replace(self, settings=settings)

    def _with(self, index: int, turn: Turn) -> "Conversation":
        return replace(self, turns=(*self.turns[:index], turn, *self.turns[index + 1 :]))

    def _as_new(self, note: str) -> "Conversation":
        return replace(
            self,
            id=new_id(),
            title=with_note(self.title, note),
            created=time.time(),
            updated=0.0,
            revision=0,
        )


def without_answers(settings: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Settings for a chat in which nobody has answered yet."""
    kept = {name: value for name, value in (settings or {}).items() if name != ANSWERS}
    return kept or None


def _names(version: Version) -> str:
    return ", ".join(each.name for each in version.attachments)
