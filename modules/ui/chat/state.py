"""What one open page knows of its chats."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from modules.chats.conversation import ANSWERS, Conversation
from modules.chats.memory_store import MemoryStore
from modules.chats.store import ConversationStore
from modules.chats.turns import Version
from modules.core.errors import Conflict, RequestError
from modules.toolbox.approvals import Approvals
from modules.toolbox.offered import OfferedTool, SourceStatus
from modules.ui.chat.composer_view import Draft
from modules.ui.chat.turn_view import ContextUse, TurnViews
from modules.ui.chat.writing import Writing
from modules.ui.profile import Profile


@dataclass(frozen=True, slots=True)
class Download:
    """A file for the browser to keep. `number` tells downloads apart."""

    number: int
    name: str
    text: str


@dataclass
class ChatState:
    """`store`: of the person's chats; `private`: of those that end with the page. `can_keep`: whether there are others at all.

    `note`: a sentence that is shown under the messages. `sent`: what the page was told last, by the name of its part.
    """

    store: ConversationStore
    can_keep: bool
    private: MemoryStore = field(default_factory=MemoryStore)
    conversation: Conversation = field(default_factory=Conversation)
    is_private: bool = False
    query: str = ""
    note: str = ""
    begin: str = ""
    draft: Draft | None = None
    download: Download | None = None
    writing: Writing | None = None
    is_preparing: bool = False
    is_stopped: bool = False
    """While a reply is being prepared: it is not to begin."""
    changes: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by what changes the conversation, until it is kept: see `changing`."""
    is_open: bool = False
    """The page has been shown its first chat: what is sent before that waits, or the new chat would take its place."""
    telling: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while the page is told what has changed: an older look must not be told after a newer one."""
    habits: tuple[str, str, bool] | None = None
    """Of the person's profile as it was seen last: character, mode, and whether chats are kept."""
    left_out: int = 0
    context: ContextUse = field(default_factory=ContextUse)
    views: TurnViews = field(default_factory=TurnViews)
    sources: tuple[SourceStatus, ...] = ()
    offered: tuple[OfferedTool, ...] = ()
    sent: dict[str, Any] = field(default_factory=dict[str, Any])
    counter: int = 0

    @property
    def is_busy(self) -> bool:
        return self.is_preparing or self.writing is not None

    @property
    def current_store(self) -> ConversationStore:
        return self.private if self.is_private else self.store

    @property
    def approvals(self) -> Approvals:
        return Approvals.from_json((self.conversation.settings or {}).get(ANSWERS))

    def stop(self) -> None:
        """The reply that is being made, or prepared."""
        if self.writing is not None:
            self.writing.stop()
        else:
            self.is_stopped = self.is_preparing

    def cut_off(self) -> None:
        """The same at once: nothing more of it is wanted."""
        if self.writing is not None:
            self.writing.cut_off()
        else:
            self.stop()

    def count(self) -> int:
        """Another number each time."""
        self.counter += 1
        return self.counter

    def refuse_while_busy(self) -> None:
        if self.is_busy:
            raise Conflict("A reply is being made; stop it first.")

    @asynccontextmanager
    async def changing(self) -> AsyncGenerator[Conversation]:
        """The conversation, for one change at a time: of two that began from the same, the second would be taken for another window's, and
        become a copy. Conflict while a reply is being made."""
        async with self.changes:
            self.refuse_while_busy()
            yield self.conversation

    def with_approvals(self, approvals: Approvals) -> Conversation:
        """The conversation with the answers that last."""
        return with_approvals(self.conversation, approvals)

    def show(self, conversation: Conversation, *, is_private: bool | None = None) -> None:
        """Another conversation, or another state of this one."""
        if conversation.id != self.conversation.id:
            self.private.leave(self.conversation.id)
            self.note, self.left_out, self.begin = "", 0, ""
            self.context = replace(self.context, used=_used(conversation))
        self.conversation = conversation
        if is_private is not None:
            self.is_private = is_private

    def is_behind(self) -> bool:
        """Whether the chat has been kept by another page since it was shown here. Blocking."""
        if self.is_private or not self.conversation.revision:
            return False
        kept = {each.id: each for each in self.store.list() if not each.problem}
        found = kept.get(self.conversation.id)
        return found is not None and found.updated != self.conversation.updated

    def holder_of(self, chat_id: str) -> ConversationStore:
        """The store that has this chat. Blocking."""
        try:
            self.private.load(chat_id)
        except RequestError:
            return self.store
        return self.private

    def keep(self, conversation: Conversation) -> Conversation:
        """Saved, and shown. Where somebody else has changed it meanwhile, this becomes a chat of its own. Blocking."""
        store = self.current_store
        try:
            saved = store.save(conversation)
        except Conflict:
            copy = conversation.copied()
            saved = store.save(copy, files_of=conversation.id)
            self.show(saved)
            self.note = (
                "This chat was changed in another window meanwhile, so it goes on here as a copy."
            )
            return saved
        self.show(saved)
        return saved


def with_approvals(conversation: Conversation, approvals: Approvals) -> Conversation:
    settings = dict(conversation.settings or {})
    if approvals.for_good:
        settings[ANSWERS] = approvals.to_json()
    else:
        settings.pop(ANSWERS, None)
    return conversation.with_settings(settings or None)


def new_conversation(character: str, mode: str, greeting: str) -> Conversation:
    """What the character says first stands in it from the beginning."""
    conversation = Conversation(character=character, mode=mode)
    return conversation.appended("assistant", Version.of(greeting)) if greeting else conversation


def habits_of(profile: Profile) -> tuple[str, str, bool]:
    return profile.character, profile.mode, profile.keeps_history


def default_mode(profile: Profile) -> str:
    return profile.mode if profile.mode in ("instruct", "chat", "chat-instruct") else "instruct"


def _used(conversation: Conversation) -> int:
    """Tokens of the context, as the last reply tells that knows them."""
    for turn in reversed(conversation.turns):
        version = turn.version
        if turn.role != "assistant" or version.tally is None:
            continue
        used = version.tally.context_tokens
        if not used and len(version.steps) == 1:  # kept before this was counted
            used = version.tally.prompt_tokens + version.tally.completion_tokens
        if used:
            return used
    return 0
