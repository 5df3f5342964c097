"""Replies of a page over scripted streams: what is kept of them, and that nothing comes between two changes of a chat."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from modules.core.events import Event, Finished, TextDelta, Usage
from modules.ui.chat.events import Sent
from modules.ui.chat.exchange import Exchange
from modules.ui.chat.replying import reply
from modules.ui.chat.writing import Started
from tests.unit.ui.chat.desk import Visit, make_desk


class Endless:
    """Says one word, and then nothing until it is stopped; where it `heeds` nothing, until it is closed."""

    heeds = True

    def __init__(self) -> None:
        self._events: list[Event] = [TextDelta("Well,")]
        self._stopped = asyncio.Event()

    async def batch(self) -> list[Event]:
        if not self._events:
            await self._stopped.wait()
            return [Finished("cancelled", Usage(1, 1))]
        return [self._events.pop()]

    def stop(self) -> None:
        if self.heeds:
            self._stopped.set()

    async def aclose(self) -> None:
        pass


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Visit:
    @asynccontextmanager
    async def begin(*_: Any) -> AsyncGenerator[Started]:
        yield Started(Endless(), "tiny", 100)

    monkeypatch.setattr("modules.ui.chat.replying.reply_starter", lambda *_: begin)
    return Visit(make_desk(tmp_path), tmp_path)


def test_a_page_that_goes_away_has_kept_the_reply_when_it_is_closed(page: Visit) -> None:
    async def main() -> None:
        lives = reply(page.desk, page.session, Sent({"do": "send", "text": "Hello"}))
        async for live in lives:
            if live["state"] == "writing":
                break
        await lives.aclose()
        assert not page.state.is_busy
        kept = page.state.store.load(page.state.conversation.id)
        assert [turn.version.text for turn in kept.turns] == ["Hello", "Well,"]

    asyncio.run(main())


def test_a_chat_is_deleted_without_waiting_for_the_rest_of_its_reply(
    page: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Endless, "heeds", False)
    monkeypatch.setattr("modules.ui.chat.writing.STOP_PATIENCE_S", 3600)

    async def main() -> None:
        is_writing = asyncio.Event()

        async def follow() -> None:
            sent = Sent({"do": "send", "text": "Hello"})
            async for live in reply(page.desk, page.session, sent):
                if live["state"] == "writing":
                    is_writing.set()

        following = asyncio.ensure_future(follow())
        await is_writing.wait()
        await page.do("delete", id=page.state.conversation.id)
        await following
        assert page.state.store.list() == ()
        assert page.texts == []

    asyncio.run(main())


def test_a_logout_ends_the_reply_and_keeps_it(page: Visit) -> None:
    async def main() -> None:
        exchange, logout = Exchange(page.desk), asyncio.Event()
        await exchange.open(page.session)
        states: list[str] = []
        sent = Sent({"do": "send", "text": "Hello"})
        async for live, _ in exchange.reply(page.session, sent, logout):
            states.append(live["state"])
            if live["state"] == "writing":
                logout.set()
        assert states[-1] == "idle"
        kept = page.state.store.load(page.state.conversation.id)
        assert [turn.version.text for turn in kept.turns] == ["Hello", "Well,"]

    asyncio.run(asyncio.wait_for(main(), 10))


def test_stop_counts_while_a_reply_is_still_prepared(
    page: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        asked, prepared = asyncio.Event(), asyncio.Event()
        tools_of = page.desk.tools

        async def slow_tools(*given: Any) -> Any:
            asked.set()
            await prepared.wait()
            return await tools_of(*given)

        monkeypatch.setattr(page.desk, "tools", slow_tools)
        replying = asyncio.ensure_future(page.reply("send", text="Hello"))
        await asked.wait()
        await page.do("stop")
        prepared.set()
        lives = await asyncio.wait_for(replying, 5)
        assert all(live["state"] != "writing" for live in lives)
        assert page.texts == ["Hello"]

    asyncio.run(main())


def test_two_changes_at_once_are_two_changes_of_one_chat(page: Visit) -> None:
    async def main() -> None:
        for text in ("one", "two", "three"):
            await page.say(text)
        chat_id = page.state.conversation.id
        await asyncio.gather(page.do("remove", at=2), page.do("remove", at=0))
        assert page.state.conversation.id == chat_id
        assert page.state.note == ""
        assert page.texts == ["two"]

    asyncio.run(main())


def test_a_message_that_is_sent_at_once_follows_the_change_before_it(page: Visit) -> None:
    async def main() -> None:
        await page.say("one")
        chat_id = page.state.conversation.id
        await asyncio.gather(page.do("edit", at=0, text="first"), page.say("two"))
        assert page.state.conversation.id == chat_id
        assert page.texts == ["first", "two"]

    asyncio.run(main())
