"""What is to be written: after which messages, and where it goes."""

from dataclasses import dataclass, replace

from modules.chats.conversation import Conversation
from modules.chats.turns import Step, Turn, Version
from modules.core.errors import RequestError
from modules.ui.chat.events import SentFile


@dataclass(frozen=True, slots=True)
class Task:
    """`base`: the conversation that the reply goes into; `asked`: what is answered. `begun`: what the reply has already.

    `replaces`: the reply takes the place of the chosen version, else it is one more. `undone`: what to go back to when nothing could be
    written, with `text` and `files` for the field; None where `base` is right then too.
    """

    base: Conversation
    asked: Conversation
    begun: Version
    replaces: bool = False
    undone: Conversation | None = None
    text: str = ""
    files: tuple[SentFile, ...] = ()

    @property
    def at(self) -> int:
        """The index of the reply's turn."""
        return len(self.base.turns) - (1 if self.base.ends_with_reply else 0)

    @property
    def grows_last(self) -> bool:
        """The last step goes on, rather than a new one."""
        return goes_on(self.begun)

    def turn_of(self, version: Version) -> Turn:
        return self.placed(version).turns[self.at]

    def placed(self, version: Version) -> Conversation:
        if self.replaces:
            return self.base.with_chosen(self.at, version)
        return self.base.with_reply(version)

    def on(self, base: Conversation) -> "Task":
        """The same, on what was saved meanwhile."""
        return replace(self, base=base)


def goes_on(version: Version) -> bool:
    """Whether its last step has text to go on from, and no calls after that."""
    return bool(version.steps) and bool(version.last_text.strip()) and not version.steps[-1].calls


def to_send(
    before: Conversation, message: Version, begin: str, files: tuple[SentFile, ...]
) -> Task:
    base = before.appended("user", message)
    return Task(base, base, beginning(begin), undone=before, text=message.text, files=files)


def to_regenerate(chat: Conversation, begin: str) -> Task:
    """One more version of the last reply, or the first where there is none yet."""
    asked = chat.before_reply
    if asked.is_empty:
        raise RequestError("There is nothing to answer yet.")
    return Task(chat, asked, beginning(begin))


def to_continue(chat: Conversation) -> Task:
    if not chat.ends_with_reply:
        raise RequestError("There is no reply to continue.")
    version = chat.turns[-1].version
    *earlier, last = version.steps or (Step(),)
    if not last.text.strip() and not last.calls:  # it ended while the model was thinking
        version = replace(version, steps=tuple(earlier))
    begun = replace(version, shown=None)
    return Task(chat, chat.before_reply, begun, replaces=True)


def beginning(text: str) -> Version:
    """Of a reply that starts with a text of the person's."""
    return Version((Step(text),) if text.strip() else ())
