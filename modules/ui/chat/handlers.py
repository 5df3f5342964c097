"""Between Gradio's events and the chat: what of the page has changed goes out, the rest is left alone."""

# pyright: basic
import asyncio
import logging
from collections.abc import AsyncGenerator
from typing import Any

import gradio as gr

from modules.core.errors import AppError, NotReady
from modules.ui.chat.actions import act
from modules.ui.chat.desk import ChatDesk
from modules.ui.chat.events import Sent
from modules.ui.chat.replying import PREPARATIONS, impersonate, reply
from modules.ui.markup import UNEXPECTED
from modules.ui.session import Session
from modules.ui.toasts import warn

PARTS = ("sidebar", "messages", "composer")
OPENING_S = 20.0
log = logging.getLogger("hearth.ui")


class Handlers:
    """Outputs are those of `PARTS`, for `on_reply` the live part before them."""

    def __init__(self, desk: ChatDesk) -> None:
        self._desk = desk

    async def on_open(self, session: Session) -> list[Any]:
        state = self._desk.state_of(session)
        try:
            if not state.conversation.turns:
                await self._desk.start_new(session)
            return await self._changes(session)
        finally:
            state.is_open = True

    async def on_signal(self, session: Session) -> list[Any]:
        """Something else than the chat has changed."""
        if not session.is_open:
            return [gr.skip()] * len(PARTS)
        await self._desk.follow(session)
        await self._desk.keep_parameters(session)
        return await self._changes(session)

    async def on_act(self, session: Session, event: gr.EventData) -> list[Any]:
        sent = Sent.of(event._data)
        await self._until_open(session)
        try:
            await act(self._desk, session, sent)
        except AppError as error:
            warn(error.message)
        return await self._changes(session)

    async def on_reply(self, session: Session, event: gr.EventData) -> AsyncGenerator[list[Any]]:
        sent = Sent.of(event._data)
        await self._until_open(session)
        if sent.what == "impersonate":
            lives = impersonate(self._desk, session, sent)
        elif sent.what in PREPARATIONS:
            lives = reply(self._desk, session, sent)
        else:
            return
        is_first = True
        last: dict[str, Any] | None = None
        try:
            async for live in lives:
                if live["state"] == "idle":
                    last = live
                    continue
                changes = await self._changes(session) if is_first else [gr.skip()] * len(PARTS)
                is_first = False
                yield [live, *changes]
        except Exception as error:
            log.error("A reply of the web UI failed", exc_info=error)
            state = self._desk.state_of(session)
            state.note = UNEXPECTED
            last = {"n": state.count(), "state": "idle", "note": "", "context": {}}
        finally:
            await lives.aclose()
        if last is not None:
            yield [last, *await self._changes(session)]

    async def _changes(self, session: Session) -> list[Any]:
        state = self._desk.state_of(session)
        async with state.telling:
            views = await self._desk.views(session)
            changed = [
                gr.skip() if state.sent.get(name) == views[name] else views[name] for name in PARTS
            ]
            state.sent, state.download = views, None
            return changed

    async def _until_open(self, session: Session) -> None:
        """Somebody may be quicker than the opening of the page, before which it is not known whose chats these are."""
        ends = asyncio.get_running_loop().time() + OPENING_S
        while not (session.is_open and self._desk.state_of(session).is_open):
            if asyncio.get_running_loop().time() > ends:
                raise NotReady("The page is not open yet; load it again.")
            await asyncio.sleep(0.05)
