"""What all pages of the chat share, and what each of them is shown."""

import asyncio
import base64
import mimetypes
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

from modules.chats.disk_store import ChatStore, user_folder
from modules.chats.memory_store import MemoryStore
from modules.chats.store import ConversationStore
from modules.chats.turns import Attachment
from modules.context import AppContext
from modules.core.errors import AppError, RequestError
from modules.core.tools import Tool
from modules.toolbox.toolbox import Toolbox
from modules.ui.chat.composer_view import (
    ModelFacts,
    ToolChoice,
    to_characters,
    to_modes,
    to_placeholder,
    to_thinking_view,
)
from modules.ui.chat.people import People
from modules.ui.chat.sidebar_view import to_sidebar
from modules.ui.chat.state import ChatState, default_mode, habits_of, new_conversation
from modules.ui.keeping import keep
from modules.ui.parameters.values import to_settings
from modules.ui.profile import to_profile
from modules.ui.session import Session

PART = "chat"
"""The name under which a session and a profile keep what is of the chat."""
EXAMPLES = (
    "What color is the sky?",
    "Tell me a joke",
    "Count from 3 to 9.",
    "What is the capital of Japan?",
)
Views = dict[str, dict[str, Any]]


@dataclass
class ChatDesk:
    """`serve`: makes an address of bytes and a file name. `uploads`: the folder where files of pages arrive."""

    context: AppContext
    toolbox: Toolbox
    people: People
    serve: Callable[[bytes, str], str]
    uploads: Path
    _stores: dict[str | None, ChatStore] = field(default_factory=dict[str | None, ChatStore])

    def state_of(self, session: Session) -> ChatState:
        """Made when it is first asked for."""
        state = session.parts.get(PART)
        if state is None:
            can_keep = not session.is_private
            state = ChatState(self._store_of(session), can_keep)
            state.is_private = not can_keep or not session.profile.keeps_history
            session.parts[PART] = state
        return cast("ChatState", state)

    async def start_new(self, session: Session, *, character: str | None = None) -> None:
        """An empty chat, with the person's usual mode and character."""
        state, profile = self.state_of(session), session.profile
        name = profile.character if character is None else character
        try:
            greeting = await asyncio.to_thread(self.people.greeting, name, profile)
        except RequestError:  # the character is gone
            name, greeting = "", ""
        state.show(new_conversation(name, default_mode(profile), greeting))
        state.habits = habits_of(profile)
        session.chat_parameters = None

    async def follow(self, session: Session) -> None:
        """Another tab may have changed the profile: an empty chat is made anew then, and another character begins a new one."""
        state, habits = self.state_of(session), habits_of(session.profile)
        before, state.habits = state.habits, habits
        if before is None or before == habits or state.is_busy:
            return
        is_empty = state.conversation.is_empty
        if is_empty and before[2] != habits[2]:
            state.is_private = not state.can_keep or not habits[2]
        if before[0] != habits[0] or (is_empty and before[1] != habits[1]):
            await self.start_new(session)

    async def open(self, session: Session, chat_id: str) -> None:
        state = self.state_of(session)
        holder = await asyncio.to_thread(state.holder_of, chat_id)
        conversation = await asyncio.to_thread(holder.load, chat_id)
        state.show(conversation, is_private=holder is state.private)
        settings = (conversation.settings or {}).get("parameters")
        own = to_profile({"parameters": settings}).parameters if settings else None
        session.chat_parameters = own

    async def keep_parameters(self, session: Session) -> None:
        """Those of the chat itself, when they were changed in their tab. While a reply is being made they count already, and are kept with it
        or by the next change."""
        async with self.state_of(session).changes:
            await self._keep_parameters(session)

    async def _keep_parameters(self, session: Session) -> None:
        state, own = self.state_of(session), session.chat_parameters
        settings = dict(state.conversation.settings or {})
        before = dict(settings)
        if own is None:
            settings.pop("parameters", None)
        else:
            settings["parameters"] = to_settings(own)
        if settings == before or state.is_busy:
            return
        changed = state.conversation.with_settings(settings or None)
        if changed.revision:
            await asyncio.to_thread(state.keep, changed)
        else:  # not kept yet
            state.show(changed)

    async def facts(self) -> ModelFacts:
        """Of the model that would answer now."""
        models = self.context.models
        model = next(iter(models.loaded), None)
        if model is None:
            return ModelFacts(next(iter(models.asleep), ""))
        info = model.info
        facts = ModelFacts(model.name, info.context_length, "vision" in info.capabilities)
        if info.renders_itself:
            return replace(facts, can_switch_thinking=True, has_effort=True)
        try:
            abilities = await asyncio.to_thread(lambda: model.template.abilities)
        except AppError:  # a broken template: the reply will say so
            return facts
        return replace(
            facts,
            can_switch_thinking=abilities.has_thinking_switch,
            thinks_by_default=abilities.has_thinking_switch and abilities.has_thinking_on,
            has_effort=abilities.has_effort,
        )

    async def tools(self, session: Session) -> tuple[Tool, ...]:
        """Those that the model may call; starts servers. Empty where tools are switched off."""
        choice = self.tool_choice(session)
        if not choice.is_on:
            return ()
        await self.look_for_tools(session)
        return tuple(tool.tool for tool in self.state_of(session).offered if tool.is_enabled)

    async def look_for_tools(self, session: Session) -> None:
        """What there is now. Starts servers that the person wants."""
        state, choice = self.state_of(session), self.tool_choice(session)
        if choice.is_on:
            state.offered = tuple(await self.toolbox.list(choice.switched_off))
        state.sources = tuple(await self.toolbox.sources())

    def tool_choice(self, session: Session) -> ToolChoice:
        kept = session.profile.extra.get(PART)
        fields = cast("dict[str, Any]", kept) if isinstance(kept, dict) else {}
        off = fields.get("tools_off")
        names = cast("list[Any]", off) if isinstance(off, list) else []
        state = self.state_of(session)
        allowed = tuple(n for n, is_ok in state.approvals.for_good.items() if is_ok)
        return ToolChoice(
            fields.get("tools") is True,
            frozenset(name for name in names if isinstance(name, str)),
            state.offered,
            state.sources,
            allowed,
        )

    async def keep_tool_choice(self, session: Session, choice: ToolChoice) -> None:
        kept = {"tools": choice.is_on, "tools_off": sorted(choice.switched_off)}
        await keep(session, extra={**session.profile.extra, PART: kept})

    async def views(self, session: Session) -> Views:
        """All parts of the page, by name."""
        state, facts = self.state_of(session), await self.facts()
        state.context = replace(state.context, total=facts.context_length)
        parts = {
            "sidebar": partial(self._sidebar, state),
            "messages": partial(self._messages, session, state, facts),
            "composer": partial(self._composer, session, state, facts),
        }
        return {name: await asyncio.to_thread(make) for name, make in parts.items()}

    def address(self, state: ChatState, attachment: Attachment) -> str:
        """Of a picture. Those of private chats are not written anywhere: they come in the page itself."""
        try:
            data = state.current_store.read_file(state.conversation.id, attachment.file)
        except RequestError:
            return ""
        kind = attachment.media_type or "image/png"
        if state.is_private:
            return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
        return self.serve(data, f"picture{mimetypes.guess_extension(kind) or '.png'}")

    def _sidebar(self, state: ChatState) -> dict[str, Any]:
        is_search = bool(state.query.strip())
        kept = state.store.search(state.query)
        private = state.private.search(state.query)
        download = state.download
        return {
            "groups": to_sidebar(kept, private, self.people.picture, is_search=is_search),
            "current": state.conversation.id,
            "query": state.query,
            "is_private": state.is_private,
            "can_keep": state.can_keep,
            "file": download
            and {"n": download.number, "name": download.name, "text": download.text},
        }

    def _messages(self, session: Session, state: ChatState, facts: ModelFacts) -> dict[str, Any]:
        chat = state.conversation
        turns = state.views.show(chat.turns, partial(self.address, state))
        names = self._names(session, state)
        shown = [{**turn, **names.get(turn["role"], {})} for turn in turns]
        if shown and state.left_out:
            shown[-1]["note"] = f"{left_out_note(state.left_out)} {shown[-1]['note']}".strip()
        return {
            "chat": chat.id,
            "title": chat.title,
            "turns": shown,
            "empty": self._empty(state, facts, names) if chat.is_empty else None,
            "note": state.note,
            "is_private": state.is_private,
        }

    def names(self, session: Session, role: str) -> dict[str, str]:
        """Name and picture that go with messages of a role."""
        return self._names(session, self.state_of(session)).get(role, {})

    def _names(self, session: Session, state: ChatState) -> dict[str, dict[str, str]]:
        chat = state.conversation
        if not chat.character and chat.mode == "instruct":
            return {}
        try:
            persona = self.people.persona(chat.character, chat.mode, session.profile)
            bot, user = persona.bot_name, persona.user_name
        except RequestError:
            bot, user = chat.character, "You"
        names = {"assistant": {"name": bot, "picture": self.people.picture(chat.character)}}
        if chat.mode != "instruct":
            names["user"] = {"name": user, "picture": ""}
        return names

    def _empty(
        self, state: ChatState, facts: ModelFacts, names: dict[str, dict[str, str]]
    ) -> dict[str, Any]:
        who = names.get("assistant") if state.conversation.character else None
        has_greeting = bool(state.conversation.turns)
        if not facts.name:
            return {
                "who": who,
                "headline": "No model is loaded",
                "sentence": "Choose one to begin. Your chats can be read without it.",
                "needs_model": True,
                "examples": [],
            }
        if has_greeting:
            return {
                "who": None,
                "headline": "",
                "sentence": "",
                "needs_model": False,
                "examples": [],
            }
        return {
            "who": who,
            "headline": f"Talk to {who['name']}" if who else "How can I help?",
            "sentence": f"{facts.name} answers, on this machine.",
            "needs_model": False,
            "examples": [] if who else list(EXAMPLES),
        }

    def _composer(self, session: Session, state: ChatState, facts: ModelFacts) -> dict[str, Any]:
        chat, profile = state.conversation, session.profile
        who = self._names(session, state).get("assistant")
        return {
            "mode": chat.mode,
            "modes": to_modes(),
            "character": chat.character,
            "who": who or {"name": "Assistant", "picture": ""},
            "characters": to_characters(self.people.faces()),
            "thinking": to_thinking_view(facts, profile),
            "tools": self.tool_choice(session).to_view(),
            "begin": state.begin,
            "sends_on_enter": profile.sends_on_enter,
            "can_hear": self._can_hear(),
            "can_see": facts.can_see or self.context.hooks.has("history_modifier"),
            "placeholder": to_placeholder(who["name"] if who else "", facts),
            "context": state.context.to_view(),
            "draft": state.draft and state.draft.to_view(),
            "login": session.user,
            "is_private": state.is_private,
        }

    def _can_hear(self) -> bool:
        try:
            self.context.media.transcription.catalog.default()
        except AppError:
            return False
        return True

    def _store_of(self, session: Session) -> ConversationStore:
        if session.is_private:
            return MemoryStore()
        folder = Path(self.context.settings.user_data_dir) / "logs" / "chats"
        user = session.user if self.context.settings.multi_user else None
        return self._stores.setdefault(user, ChatStore(user_folder(folder, user)))


def left_out_note(count: int) -> str:
    return f"{count} earlier {'message was' if count == 1 else 'messages were'} left out, as all do not fit into the context."
