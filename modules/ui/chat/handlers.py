"""Between Gradio's events and the chat: what of the page has changed goes out, the rest is left alone."""

# pyright: basic
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import gradio as gr

from modules.ui.access.door import ENDED
from modules.ui.chat.desk import ChatDesk, Views
from modules.ui.chat.events import Sent
from modules.ui.chat.exchange import Exchange
from modules.ui.session import Session
from modules.ui.toasts import warn

PARTS = ("sidebar", "messages", "composer")


class Handlers:
    """Outputs are those of `PARTS`, for `on_reply` the live part before them."""

    def __init__(self, desk: ChatDesk) -> None:
        self._exchange = Exchange(desk)

    async def on_open(self, session: Session) -> list[Any]:
        return _outputs(await self._exchange.open(session))

    async def on_signal(self, session: Session) -> list[Any]:
        return _outputs(await self._exchange.follow(session))

    async def on_act(self, session: Session, event: gr.EventData) -> list[Any]:
        changed, refusal = await self._exchange.act(session, Sent.of(event._data))
        if refusal:
            warn(refusal)
        return _outputs(changed)

    async def on_reply(
        self, session: Session, event: gr.EventData, request: gr.Request
    ) -> AsyncGenerator[list[Any]]:
        logout = getattr(request.state, ENDED, None)  # none without logins
        replying = self._exchange.reply(session, Sent.of(event._data), logout)
        async with aclosing(replying) as looks:
            async for live, changed in looks:
                yield [live, *_outputs(changed)]


def _outputs(changed: Views) -> list[Any]:
    return [changed.get(name, gr.skip()) for name in PARTS]
