"""What a person does that needs no reply: open, rename, delete, edit, choose, …"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import date

from modules.chats.conversation import Conversation
from modules.chats.exporting import export_chat, export_chats
from modules.chats.importing import import_chats
from modules.core.errors import NotFound, RequestError
from modules.toolbox.approvals import Answer
from modules.ui.chat.attaching import find_upload, forget, hear
from modules.ui.chat.composer_view import EFFORTS, MODES, Draft
from modules.ui.chat.desk import ChatDesk
from modules.ui.chat.events import Sent, SentFile
from modules.ui.chat.state import ChatState, Download, habits_of
from modules.ui.keeping import keep
from modules.ui.session import Session

Action = Callable[["Doing", Sent], Awaitable[None]]
SETTLE_S = 10.0


class Doing:
    """A page that does something: its session, its state, and the desk."""

    def __init__(self, desk: ChatDesk, session: Session) -> None:
        self.desk = desk
        self.session = session
        self.state: ChatState = desk.state_of(session)

    async def settle(self) -> None:
        """Stops a reply that is being made, and waits until it is kept, as any other change is."""
        self.state.stop()
        await self._until_kept()

    async def cut_off(self) -> None:
        """The same for a chat that goes: what an extension holds back of the reply is not waited for."""
        self.state.cut_off()
        await self._until_kept()

    async def _until_kept(self) -> None:
        state = self.state
        for _ in range(int(SETTLE_S / 0.02)):
            if not state.is_busy:
                async with state.changes:
                    return
            await asyncio.sleep(0.02)
        state.refuse_while_busy()


async def act(desk: ChatDesk, session: Session, sent: Sent) -> None:
    """AppError where it cannot be done."""
    action = ACTIONS.get(sent.what)
    if action is None:
        raise RequestError("The page asked for something that is not known here.")
    await action(Doing(desk, session), sent)


async def _new(doing: Doing, sent: Sent) -> None:
    await doing.settle()
    await doing.desk.start_new(doing.session)


async def _open(doing: Doing, sent: Sent) -> None:
    if sent.text("id") == doing.state.conversation.id:
        return
    await doing.settle()
    await doing.desk.open(doing.session, sent.text("id"))


async def _look(doing: Doing, sent: Sent) -> None:
    """Somebody comes back to the page: another one may have gone on with its chat. What is being changed here stays as it is."""
    state = doing.state
    if sent.flag("is_editing"):
        return
    async with state.changes:
        if not state.is_busy and await asyncio.to_thread(state.is_behind):
            await doing.desk.open(doing.session, state.conversation.id)


async def _search(doing: Doing, sent: Sent) -> None:
    doing.state.query = sent.text("query")[:200]


async def _rename(doing: Doing, sent: Sent) -> None:
    state, chat_id = doing.state, sent.text("id")
    if chat_id == state.conversation.id:
        async with state.changing() as chat:
            await asyncio.to_thread(state.keep, chat.renamed(sent.text("title")))
        return
    holder = await asyncio.to_thread(state.holder_of, chat_id)
    await asyncio.to_thread(holder.rename, chat_id, sent.text("title"))


async def _delete(doing: Doing, sent: Sent) -> None:
    state, chat_id = doing.state, sent.text("id")
    is_current = chat_id == state.conversation.id
    if is_current:
        await doing.cut_off()
    holder = await asyncio.to_thread(state.holder_of, chat_id)
    await asyncio.to_thread(holder.delete, chat_id)
    if is_current:
        await doing.desk.start_new(doing.session)


async def _export(doing: Doing, sent: Sent) -> None:
    state, chat_id = doing.state, sent.text("id")
    holder = await asyncio.to_thread(state.holder_of, chat_id)
    try:
        conversation = await asyncio.to_thread(holder.load, chat_id)
        data = await asyncio.to_thread(export_chat, holder, chat_id)
    except NotFound:
        raise RequestError("There is nothing to export yet.") from None
    name = f"{to_file_name(conversation.title)}.json"
    state.download = Download(state.count(), name, data.decode("utf-8"))


async def _export_all(doing: Doing, sent: Sent) -> None:
    """Those that are kept; private ones only where there are no others."""
    state = doing.state

    def export() -> bytes:
        for store in (state.store, state.private):
            if ids := [each.id for each in store.list()]:
                return export_chats(store, ids)
        raise RequestError("There is nothing to export yet.")

    data = await asyncio.to_thread(export)
    name = f"hearth-chats-{date.today():%Y-%m-%d}.json"
    state.download = Download(state.count(), name, data.decode("utf-8"))


async def _import(doing: Doing, sent: Sent) -> None:
    state = doing.state
    await doing.settle()
    for file in sent.files:
        path = find_upload(file, doing.desk.uploads)
        data = await asyncio.to_thread(path.read_bytes)
        saved = await asyncio.to_thread(import_chats, state.current_store, data, file.name)
        await doing.desk.open(doing.session, saved[-1].id)
    await forget(sent.files, doing.desk.uploads)


async def _private(doing: Doing, sent: Sent) -> None:
    """A chat that has begun stays what it is: another one begins."""
    state = doing.state
    if not state.can_keep:
        raise RequestError("Nothing is kept here, as nobody is logged in.")
    await doing.settle()
    if not state.conversation.is_empty:
        await doing.desk.start_new(doing.session)
    state.is_private = sent.flag("on")


async def _choose(doing: Doing, sent: Sent) -> None:
    async with doing.state.changing() as chat:
        await _keep(doing.state, chat.choosing(sent.number("at"), sent.number("number")))


async def _edit(doing: Doing, sent: Sent) -> None:
    async with doing.state.changing() as chat:
        await _keep(doing.state, chat.edited(sent.number("at"), sent.text("text")))


async def _branch(doing: Doing, sent: Sent) -> None:
    state = doing.state
    async with state.changing() as source:
        branch = source.branched(sent.number("at"))
        saved = await asyncio.to_thread(state.current_store.save, branch, files_of=source.id)
        state.show(saved)


async def _remove(doing: Doing, sent: Sent) -> None:
    async with doing.state.changing() as chat:
        await _keep(doing.state, chat.without(sent.number("at")))


async def _remove_last(doing: Doing, sent: Sent) -> None:
    """What was said comes back to the field."""
    state = doing.state
    async with state.changing() as chat:
        shorter = chat.without_last_exchange()
        if shorter is chat:
            return
        asked = chat.turns[len(shorter.turns)]
        await _keep(state, shorter)
        state.draft = Draft(state.count(), asked.version.text)


async def _stop(doing: Doing, sent: Sent) -> None:
    doing.state.stop()


async def _answer(doing: Doing, sent: Sent) -> None:
    writing = doing.state.writing
    if writing is None:
        raise RequestError("Nothing waits for an answer any more.")
    try:
        answer = Answer(sent.text("verdict"))
    except ValueError:
        raise RequestError("That is no answer to a call.") from None
    writing.answer(sent.text("call"), answer)


async def _ask_again(doing: Doing, sent: Sent) -> None:
    state = doing.state
    async with state.changing():
        await _keep(state, state.with_approvals(state.approvals.forgotten(sent.text("name"))))


async def _set(doing: Doing, sent: Sent) -> None:
    for name, setter in _SETTINGS.items():
        if sent.has(name):
            await setter(doing, sent)


async def _set_mode(doing: Doing, sent: Sent) -> None:
    mode, state = sent.text("mode"), doing.state
    if mode not in MODES:
        raise RequestError("There is no such mode.")
    async with state.changing() as chat:
        await _keep(state, replace(chat, mode=mode))
    await keep(doing.session, mode=mode)
    state.habits = habits_of(doing.session.profile)


async def _set_character(doing: Doing, sent: Sent) -> None:
    """Somebody else is somebody else's chat: one that has begun is left as it is."""
    name = sent.text("character")
    if name == doing.state.conversation.character:
        return
    if name:
        await asyncio.to_thread(doing.desk.people.load, name)
    await doing.settle()
    await keep(doing.session, character=name)
    await doing.desk.start_new(doing.session)


async def _set_thinks(doing: Doing, sent: Sent) -> None:
    await keep(doing.session, thinks=sent.flag("thinks"))


async def _set_effort(doing: Doing, sent: Sent) -> None:
    effort = sent.text("effort")
    if effort not in EFFORTS:
        raise RequestError("There is no such effort.")
    await keep(doing.session, thinks=True, reasoning_effort=effort)


async def _set_begin(doing: Doing, sent: Sent) -> None:
    doing.state.begin = sent.text("begin")


async def _set_tools(doing: Doing, sent: Sent) -> None:
    choice = replace(doing.desk.tool_choice(doing.session), is_on=sent.flag("tools"))
    await doing.desk.keep_tool_choice(doing.session, choice)
    await doing.desk.look_for_tools(doing.session)


async def _tool(doing: Doing, sent: Sent) -> None:
    choice = doing.desk.tool_choice(doing.session)
    key = frozenset([sent.text("key")])
    off = choice.switched_off - key if sent.flag("on") else choice.switched_off | key
    await doing.desk.keep_tool_choice(doing.session, replace(choice, switched_off=off))
    await doing.desk.look_for_tools(doing.session)


async def _tools(doing: Doing, sent: Sent) -> None:
    await doing.desk.look_for_tools(doing.session)


async def _dictate(doing: Doing, sent: Sent) -> None:
    file = SentFile(sent.text("path"), "The recording")
    path = find_upload(file, doing.desk.uploads)
    try:
        text = await hear(path, doing.desk.context)
    finally:
        await forget([file], doing.desk.uploads)
    if not text:
        raise RequestError("Nothing was understood.")
    doing.state.draft = Draft(doing.state.count(), text, adds=True)


async def _no_microphone(doing: Doing, sent: Sent) -> None:
    raise RequestError(
        "The browser gives no microphone to this page: it must be allowed, and the address must be https or localhost."
    )


async def _dismiss(doing: Doing, sent: Sent) -> None:
    doing.state.note = ""


async def _keep(state: ChatState, changed: Conversation) -> None:
    state.left_out = 0
    if changed.is_empty and not changed.revision:
        state.show(changed)
        return
    await asyncio.to_thread(state.keep, changed)


def to_file_name(title: str) -> str:
    plain = re.sub(r"[^\w\- ]+", "", title).strip()
    return plain[:60] or "chat"


_SETTINGS: Mapping[str, Action] = {
    "mode": _set_mode,
    "character": _set_character,
    "thinks": _set_thinks,
    "effort": _set_effort,
    "begin": _set_begin,
    "tools": _set_tools,
}
ACTIONS: Mapping[str, Action] = {
    "new": _new,
    "open": _open,
    "look": _look,
    "search": _search,
    "rename": _rename,
    "delete": _delete,
    "export": _export,
    "export-all": _export_all,
    "import": _import,
    "private": _private,
    "choose": _choose,
    "edit": _edit,
    "branch": _branch,
    "remove": _remove,
    "remove-last": _remove_last,
    "stop": _stop,
    "answer": _answer,
    "ask-again": _ask_again,
    "set": _set,
    "tool": _tool,
    "tools": _tools,
    "dictate": _dictate,
    "no-microphone": _no_microphone,
    "dismiss": _dismiss,
}
"""By the names that the scripts send."""
