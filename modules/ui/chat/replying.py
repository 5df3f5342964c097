"""What a person does that has a reply: send, regenerate, continue, edit and ask again, have their own part written."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import replace
from functools import partial
from typing import Any

from modules.chats.conversation import Conversation
from modules.chats.turns import Version
from modules.core.errors import AppError, RequestError
from modules.replies.input_hooks import enter_text
from modules.ui.chat.asking import Manner, to_request
from modules.ui.chat.attaching import attach, forget
from modules.ui.chat.composer_view import Draft
from modules.ui.chat.desk import ChatDesk, left_out_note
from modules.ui.chat.events import Sent
from modules.ui.chat.people import said_in_prompt
from modules.ui.chat.starting import reply_starter, user_starter
from modules.ui.chat.state import ChatState
from modules.ui.chat.tasks import Task, beginning, to_continue, to_regenerate, to_send
from modules.ui.chat.turn_view import ContextUse, GrowingView
from modules.ui.chat.writing import Writing
from modules.ui.session import Session

MIN_INTERVAL_S = 1 / 15
HEARTBEAT_S = 2.0
"""A page that is gone is noticed when it is sent something."""
Live = dict[str, Any]
Prepare = Callable[["Replying", Sent], Awaitable[Task | None]]


class Replying:
    """One reply of a page, from what was asked to what is kept of it."""

    def __init__(self, desk: ChatDesk, session: Session) -> None:
        self.desk = desk
        self.session = session
        self.state: ChatState = desk.state_of(session)

    async def manner(self) -> Manner:
        """RequestError when the character's file is gone or broken."""
        chat, session = self.state.conversation, self.session
        load = partial(self.desk.people.persona, chat.character, chat.mode, session.profile)
        persona = said_in_prompt(await asyncio.to_thread(load))
        tools = await self.desk.tools(session)
        manner = Manner.of(
            chat.mode, persona, chat.character, session.parameters, session.profile, tools
        )
        return replace(manner, person=session.person)

    async def keep(self, task: Task, writing: Writing) -> None:
        """What has been written, or what there was before where that is nothing."""
        state = self.state
        state.left_out = writing.left_out
        state.note = writing.fault
        state.context = _context_of(state, writing)
        if writing.has_written:
            placed = task.placed(writing.version)
            state.show(placed)
            await asyncio.to_thread(state.keep, state.with_approvals(writing.approvals))
        elif writing.fault and task.undone is not None:
            state.show(task.undone)
            files = tuple((file.path, file.name) for file in task.files)
            state.draft = Draft(state.count(), task.text, files=files)
            return
        elif task.undone is not None:
            await asyncio.to_thread(state.keep, task.base)
        await forget(task.files, self.desk.uploads)


async def reply(desk: ChatDesk, session: Session, sent: Sent) -> AsyncGenerator[Live]:
    """What the page shows of the reply, again and again until it is there; the last one says `idle`. Closing it keeps what is there.

    Errors are told in `ChatState.note`, and nothing is lost: what was written comes back as a draft.
    """
    replying = Replying(desk, session)
    state = replying.state
    if state.is_busy:
        return
    state.is_preparing, state.is_stopped, state.note = True, False, ""
    async with state.changes:  # what was changed a moment ago is being kept
        before = state.conversation
    try:
        task = await PREPARATIONS[sent.what](replying, sent)
        if task is not None:
            yield waiting_view(state, task, desk.names(session, "assistant"))
            async with aclosing(_written(replying, task)) as written:
                async for live in written:
                    yield live
    except AppError as error:
        state.show(before)
        state.note = error.message
        if sent.what in ("send", "say"):
            files = tuple((file.path, file.name) for file in sent.files)
            state.draft = Draft(state.count(), sent.text("text"), files=files)
    finally:
        state.is_preparing, state.writing = False, None
    yield idle_view(state)


async def impersonate(desk: ChatDesk, session: Session, sent: Sent) -> AsyncGenerator[Live]:
    """The same, for the field below: what is in it goes on."""
    replying = Replying(desk, session)
    state, text = replying.state, sent.text("text")
    if state.is_busy:
        return
    state.is_preparing, state.is_stopped, state.note = True, False, ""
    try:
        if not state.conversation.ends_with_reply:
            raise RequestError("There is no reply that could be answered yet.")
        task = Task(state.conversation, state.conversation, beginning(text))
        manner = await replying.manner()
        start = user_starter(desk.context, task, manner, state.current_store)
        writing = Writing(
            start, desk.toolbox, state.approvals, task.begun, grows_last=bool(text.strip())
        )
        async with aclosing(_running(state, writing)) as looks:
            async for _ in looks:
                yield {**_head(state, "writing"), "draft": writing.version.text.lstrip()}
        state.note = writing.fault
        state.draft = Draft(state.count(), writing.version.text.lstrip() or text)
    except AppError as error:
        state.note = error.message
    finally:
        state.is_preparing, state.writing = False, None
    yield idle_view(state)


async def _written(replying: Replying, task: Task) -> AsyncGenerator[Live]:
    state, desk = replying.state, replying.desk
    manner = await replying.manner()
    start = reply_starter(desk.context, task, manner, state.current_store)
    writing = Writing(start, desk.toolbox, state.approvals, task.begun, grows_last=task.grows_last)
    names = desk.names(replying.session, "assistant")
    view = GrowingView(task.turn_of, lambda _: "")
    try:
        async for _ in _running(state, writing):
            if task.undone is not None and writing.has_written and not state.conversation.revision:
                saved = await asyncio.to_thread(state.keep, task.base)
                task = task.on(saved)
            shown = await asyncio.to_thread(_show, view, writing)
            yield {**_writing_view(state, writing), "at": task.at, "turn": {**shown, **names}}
    finally:
        await writing.close()
        await asyncio.shield(replying.keep(task, writing))


async def _running(state: ChatState, writing: Writing) -> AsyncGenerator[None]:
    """A look whenever something has changed, at most 15 times a second, and less often where a look takes long."""
    if state.is_stopped:  # before it could begin
        return
    state.writing = writing
    writing.begin()
    try:
        while writing.state != "over":
            with suppress(TimeoutError):
                await asyncio.wait_for(writing.changed.wait(), HEARTBEAT_S)
            writing.changed.clear()
            begun = time.monotonic()
            yield
            await asyncio.sleep(max(MIN_INTERVAL_S, 3 * (time.monotonic() - begun)))
    finally:
        await writing.close()


def _show(view: GrowingView, writing: Writing) -> dict[str, Any]:
    waiting = {call.id for call in writing.waiting_calls}
    return view.show(
        writing.version,
        waiting=waiting,
        is_running=writing.state == "running",
        thinking_s=writing.thinking_s,
    )


def _head(state: ChatState, name: str) -> Live:
    return {"n": state.count(), "state": name, "note": "", "context": state.context.to_view()}


def waiting_view(state: ChatState, task: Task, names: Mapping[str, str]) -> Live:
    view = GrowingView(task.turn_of, lambda _: "").show(task.begun)
    return {**_head(state, "waiting"), "at": task.at, "turn": {**view, **names}}


def _writing_view(state: ChatState, writing: Writing) -> Live:
    speed = writing.tokens_per_second
    head = _head(state, "waiting" if writing.state == "over" else writing.state)
    return {
        **head,
        "note": left_out_note(writing.left_out) if writing.left_out else "",
        "speed": f"{speed:.0f} tokens/s" if speed else "",
        "context": _context_of(state, writing).to_view(),
    }


def _context_of(state: ChatState, writing: Writing) -> ContextUse:
    """As far as the rounds that have ended tell; before that what it was."""
    return ContextUse(
        writing.context_used or state.context.used,
        writing.context_length or state.context.total,
    )


def idle_view(state: ChatState) -> Live:
    return _head(state, "idle")


async def _send(replying: Replying, sent: Sent) -> Task | None:
    state = replying.state
    message = await _message(replying, sent)
    task = to_send(state.conversation, message, state.begin, sent.files)
    state.show(task.base)
    return replace(task, text=sent.text("text"))


async def _say(replying: Replying, sent: Sent) -> Task | None:
    """Without a reply."""
    message = await _message(replying, sent)
    said = replying.state.conversation.appended("user", message)
    await asyncio.to_thread(replying.state.keep, said)
    await forget(sent.files, replying.desk.uploads)
    return None


async def _message(replying: Replying, sent: Sent) -> Version:
    state, desk = replying.state, replying.desk
    text = sent.text("text").strip("\n")
    if not text.strip() and not sent.files:
        raise RequestError("There is nothing to send.")
    chat_id = state.conversation.id
    attachments = await attach(sent.files, desk.uploads, state.current_store, chat_id, desk.context)
    shown = text
    if desk.context.hooks.has("chat_input_modifier"):
        request = to_request((), await replying.manner(), desk.context.settings)
        text, shown = await asyncio.to_thread(enter_text, text, text, request, desk.context.hooks)
    return Version.of(text, attachments=attachments, shown=None if shown == text else shown)


async def _regenerate(replying: Replying, sent: Sent) -> Task | None:
    """Of a reply in the middle it becomes a chat of its own, as all that follows was said to that one."""
    state, at = replying.state, sent.number("at")
    chat = state.conversation
    if at < len(chat.turns) - 1:
        chat = await _branch(state, chat.branched(at), chat)
    return to_regenerate(chat, state.begin)


async def _continue(replying: Replying, sent: Sent) -> Task | None:
    return to_continue(replying.state.conversation)


async def _edit(replying: Replying, sent: Sent) -> Task | None:
    """The question is another; the reply to it is one more version, and the old wording is kept beside it."""
    state, at = replying.state, sent.number("at")
    chat = state.conversation
    chat.turn(at)
    edited = chat.edited(at, sent.text("text"))
    if at < len(chat.turns) - 2:
        edited = await _branch(state, edited.branched(at), chat)
    elif edited is not chat:
        edited = await asyncio.to_thread(state.keep, edited)
    return to_regenerate(edited, state.begin)


async def _edit_continue(replying: Replying, sent: Sent) -> Task | None:
    state = replying.state
    edited = state.conversation.edited(sent.number("at"), sent.text("text"))
    if edited is not state.conversation:
        await asyncio.to_thread(state.keep, edited)
    return to_continue(state.conversation)


async def _branch(state: ChatState, branch: Conversation, source: Conversation) -> Conversation:
    saved = await asyncio.to_thread(state.current_store.save, branch, files_of=source.id)
    state.show(saved)
    return saved


PREPARATIONS: Mapping[str, Prepare] = {
    "send": _send,
    "say": _say,
    "regenerate": _regenerate,
    "continue": _continue,
    "edit": _edit,
    "edit-continue": _edit_continue,
}
"""By the names that the scripts send."""
