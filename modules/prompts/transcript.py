"""A conversation as a transcript, `NAME: text` line by line, for the modes in which the model plays a character.

The template sees a random mark in place of each text, and the texts are put in afterwards. So a template cannot change
them, one that leaves a message out is found out, and pictures and verbatim texts need no help of it.
"""

import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modules.core.errors import ModelError, RequestError
from modules.core.messages import Message
from modules.prompts.templates import ChatTemplate
from modules.prompts.turns import Part, Turn, joined

DEFAULT_TRANSCRIPT = r"""
{%- for message in messages -%}
    {%- if message.role == 'system' -%}
        {{- '' if loop.first or loop.previtem.role == 'system' else '\n' -}}
        {{- message.content + '\n\n' -}}
    {%- else -%}
        {{- message.name or (name1 if message.role == 'user' else name2) -}}
        {{- ': ' + message.content + '\n' -}}
    {%- endif -%}
{%- endfor -%}
"""
"""Its variables: name1 (the user), name2 (the character), user_bio, and messages of the system, the user and the assistant."""

TEMPLATE_LIMIT = 100_000
_RENDERED_LIMIT = 4_000_000
_STOP_LIMIT = 256
_MORE_REPEATS = 8
_FIRST_LINE = re.compile(r"\s*\S[^\n]*")
_TAG = re.compile(r"[^\w\n]*\w[^\n>\])}]*[>\])}]")


@dataclass(frozen=True, slots=True)
class Transcript:
    """`parts`: what has been said. `gap`: what the template has between that and the turn to be written. `opening`: how that turn
    begins, such as `NAME: `."""

    parts: tuple[Part, ...]
    gap: str
    opening: str


def to_transcript_template(text: str) -> ChatTemplate:
    """A template that came with a request. RequestError when it is too long or does not compile."""
    if len(text) > TEMPLATE_LIMIT:
        raise _template_error("is too long")
    try:
        return ChatTemplate(text, source="chat_template_str", is_trusted=False)
    except ModelError as error:
        raise RequestError(error.message, param="chat_template_str") from None


def render_transcript(
    template: ChatTemplate, turns: Sequence[Turn], variables: Mapping[str, Any]
) -> Transcript:
    """RequestError when the template cannot render the turns, or leaves one out."""
    marks = _Marks(len(turns))
    messages = [Message(t.role, marks[i], name=t.name) for i, t in enumerate(turns)]
    reply = Message("assistant", secrets.token_hex(16))
    opened, found, _ = _render(template, [*messages, reply], variables).partition(reply.text)
    if not found:
        raise _template_error("leaves out the reply")
    # Where the reply's turn begins, the two renderings part; but never before the last text has been said.
    closed = _render(template, messages, variables) if turns else ""
    end = max(_common_length(closed, opened), marks.end_in(opened))
    said = opened[:end].rstrip()
    return Transcript(marks.fill(said, turns), opened[len(said) : end], opened[end:])


def find_stops(
    template: ChatTemplate, variables: Mapping[str, Any], names: Iterable[str]
) -> tuple[str, ...] | None:
    """How turns of the user, of the character, and of others (`names`) begin after one that has ended.

    None when the template does not show the turns of a plain conversation in their order.
    """
    roles = [Message("user", ""), Message("assistant", ""), Message("user", "")]
    for name in names:
        roles += [Message("assistant", ""), Message("user", "", name=name)]
    marks = _Marks(len(roles))
    messages = [Message(m.role, marks[i], name=m.name) for i, m in enumerate(roles)]
    try:
        between = marks.between(_render(template, messages, variables))
    except RequestError:
        return None
    if between is None:
        return None
    # The odd ones stand in front of a user's turn, the first one in front of the character's.
    stops = (_to_stop(text) for text in (*between[1::2], between[0]))
    return tuple(dict.fromkeys(stop for stop in stops if 0 < len(stop) <= _STOP_LIMIT))


class _Marks:
    """One for each text: a random word with a number, so that all are found in one pass however many there are."""

    def __init__(self, count: int) -> None:
        self._stem = secrets.token_hex(12)
        self._count = count
        self._pattern = re.compile(f"{self._stem}([0-9]{{8}})")

    def __getitem__(self, index: int) -> str:
        return f"{self._stem}{index:08}"

    def end_in(self, text: str) -> int:
        """Where the last mark ends; 0 without one."""
        return max((found.end() for found in self._pattern.finditer(text)), default=0)

    def fill(self, text: str, turns: Sequence[Turn]) -> tuple[Part, ...]:
        """The texts of the turns in place of their marks."""
        pieces = self._pattern.split(text)
        shown = [int(number) for number in pieces[1::2]]
        if set(shown) != set(range(self._count)):
            raise _template_error("leaves out some of the messages")
        if len(shown) > 2 * self._count + _MORE_REPEATS:
            raise _template_error("repeats messages too often")
        return joined(
            part
            for index, piece in enumerate(pieces)
            for part in (turns[int(piece)].parts if index % 2 else (piece,))
        )

    def between(self, text: str) -> list[str] | None:
        """The texts between the marks; None when they are not all there in their order."""
        pieces = self._pattern.split(text)
        if [int(number) for number in pieces[1::2]] != list(range(self._count)):
            return None
        return pieces[2:-1:2]


def _render(
    template: ChatTemplate, messages: Sequence[Message], variables: Mapping[str, Any]
) -> str:
    try:
        text = template.render(messages, add_generation_prompt=False, variables=variables)
    except RequestError as error:
        raise RequestError(error.message, param="chat_template_str") from None
    if len(text) > _RENDERED_LIMIT:
        raise _template_error("writes too much")
    return text


def _template_error(what: str) -> RequestError:
    return RequestError(
        f"The template of the transcript (chat_template_str) {what}.", param="chat_template_str"
    )


def _common_length(one: str, other: str) -> int:
    differing = (i for i, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1])
    return next(differing, min(len(one), len(other)))


def _to_stop(between: str) -> str:
    """Up to the end of the first line that is not blank, or of the tag in it (`<end>`); blank lines alone are a stop too."""
    line = _FIRST_LINE.match(between)
    if line is not None:
        stop = line[0].rstrip()
        blank = len(stop) - len(stop.lstrip())
        tag = _TAG.match(stop, blank)
        return stop[: tag.end()] if tag else stop
    return between if "\n" in between else ""
