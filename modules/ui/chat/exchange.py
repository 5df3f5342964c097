"""What a page sends, and what it is told in answer: the parts of it that have changed. Nothing here knows of Gradio."""

import asyncio
import logging
from collections.abc import AsyncGenerator

from modules.core.errors import AppError, NotReady
from modules.core.traces import trace_of
from modules.ui.chat.actions import act
from modules.ui.chat.desk import ChatDesk, Views
from modules.ui.chat.events import Sent
from modules.ui.chat.replying import PREPARATIONS, Live, impersonate, reply
from modules.ui.chat.state import ChatState
from modules.ui.markup import UNEXPECTED
from modules.ui.session import Session

OPENING_S = 20.0
log = logging.getLogger("hearth.ui")


class Exchange:
    """Answers are views by the names of their parts; those that the page has already are left out."""

    def __init__(self, desk: ChatDesk) -> None:
        self._desk = desk

    async def open(self, session: Session) -> Views:
        """The page shows its first chat. Until then what it sends waits."""
        state = self._desk.state_of(session)
        try:
            if not state.conversation.turns:
                await self._desk.start_new(session)
            return await self._changes(session)
        finally:
            state.is_open = True

    async def follow(self, session: Session) -> Views:
        """Something else than the chat has changed."""
        if not session.is_open:
            return {}
        await self._desk.follow(session)
        await self._desk.keep_parameters(session)
        return await self._changes(session)

    async def act(self, session: Session, sent: Sent) -> tuple[Views, str]:
        """And a sentence about what was refused, empty when nothing was. NotReady when the page does not open."""
        await self._until_open(session)
        refusal = ""
        try:
            await act(self._desk, session, sent)
        except AppError as error:
            refusal = error.message
        return await self._changes(session), refusal

    async def reply(
        self, session: Session, sent: Sent, logout: asyncio.Event | None = None
    ) -> AsyncGenerator[tuple[Live, Views]]:
        """A reply while it comes; what it has changed is told with the first look, when the chat is kept, and with the last. Closing it keeps
        what is there, and so does a `logout`."""
        await self._until_open(session)
        if sent.what == "impersonate":
            lives = impersonate(self._desk, session, sent)
        elif sent.what in PREPARATIONS:
            lives = reply(self._desk, session, sent)
        else:
            return
        state = self._desk.state_of(session)
        leaving = asyncio.ensure_future(_cut_off_at(logout, state))
        told: int | None = None
        last: Live | None = None
        try:
            async for live in lives:
                if live["state"] == "idle":
                    last = live
                    continue
                kept, before = state.conversation.revision, told
                told = kept
                yield live, await self._changes(session) if kept != before else {}
        except Exception as error:  # noqa: BLE001 - whatever it is, the page is told
            log.error("A reply of the web UI failed: %s", trace_of(error))
            state.note = UNEXPECTED
            last = {"n": state.count(), "state": "idle", "note": "", "context": {}}
        finally:
            leaving.cancel()
            await lives.aclose()
        if last is not None:
            yield last, await self._changes(session)

    async def _changes(self, session: Session) -> Views:
        state = self._desk.state_of(session)
        async with state.telling:
            views = await self._desk.views(session)
            changed = {name: view for name, view in views.items() if state.sent.get(name) != view}
            # A download is told once, and not held on to: it may be large.
            state.sent = {**views, "sidebar": {**views["sidebar"], "file": None}}
            state.download = None
            return changed

    async def _until_open(self, session: Session) -> None:
        """Somebody may be quicker than the opening of the page, before which it is not known whose chats these are."""
        ends = asyncio.get_running_loop().time() + OPENING_S
        while not (session.is_open and self._desk.state_of(session).is_open):
            if asyncio.get_running_loop().time() > ends:
                raise NotReady("The page is not open yet; load it again.")
            await asyncio.sleep(0.05)


async def _cut_off_at(logout: asyncio.Event | None, state: ChatState) -> None:
    if logout is not None:
        await logout.wait()
        state.cut_off()
