"""What a page is told, when several things happen at once."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from modules.ui.chat.desk import Views
from modules.ui.chat.events import Sent
from modules.ui.chat.exchange import Exchange
from tests.unit.ui.chat.desk import Visit, make_desk

HEAD_START_S = 0.5
"""Far more than what must wait would take, if it did not wait."""


@pytest.fixture
def page(tmp_path: Path) -> Visit:
    """Whose chats begin with a greeting."""
    visit = Visit(make_desk(tmp_path), tmp_path)
    visit.session.profile = replace(visit.session.profile, character="Ember", mode="chat")
    return visit


@pytest.fixture
def release_greeting(page: Visit, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """The page opens slowly: its first chat is made when this is called."""
    released, greeting = threading.Event(), page.desk.people.greeting

    def wait(*given: Any) -> str:
        assert released.wait(10)
        return greeting(*given)

    monkeypatch.setattr(page.desk.people, "greeting", wait)
    return released.set


async def say(exchange: Exchange, page: Visit, text: str) -> Views:
    told: Views = {}
    async for _, changed in exchange.reply(page.session, Sent({"do": "say", "text": text})):
        told |= changed
    return told


def test_what_is_sent_while_the_page_opens_is_not_lost(
    page: Visit, release_greeting: Callable[[], None]
) -> None:
    async def main() -> None:
        exchange = Exchange(page.desk)
        opening = asyncio.create_task(exchange.open(page.session))
        await asyncio.sleep(0)
        saying = asyncio.create_task(say(exchange, page, "Hello"))
        await asyncio.wait({saying}, timeout=HEAD_START_S)
        release_greeting()
        await asyncio.gather(opening, saying)
        assert page.texts == ["Come in, You.", "Hello"]
        assert [turn["role"] for turn in saying.result()["messages"]["turns"]] == [
            "assistant",
            "user",
        ]

    asyncio.run(main())


def test_what_is_done_while_the_page_opens_is_done_to_its_first_chat(
    page: Visit, release_greeting: Callable[[], None]
) -> None:
    async def main() -> None:
        exchange = Exchange(page.desk)
        opening = asyncio.create_task(exchange.open(page.session))
        await asyncio.sleep(0)
        sent = Sent({"do": "set", "mode": "chat-instruct"})
        setting = asyncio.create_task(exchange.act(page.session, sent))
        await asyncio.wait({setting}, timeout=HEAD_START_S)
        release_greeting()
        await asyncio.gather(opening, setting)
        assert page.state.conversation.mode == "chat-instruct"

    asyncio.run(main())


def test_a_page_whose_opening_fails_is_not_waited_for(
    page: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> str:
        raise OSError("no such disk")

    async def main() -> None:
        exchange = Exchange(page.desk)
        with monkeypatch.context() as broken:
            broken.setattr(page.desk.people, "greeting", fail)
            with pytest.raises(OSError, match="no such disk"):
                await exchange.open(page.session)
        await say(exchange, page, "Hello")
        assert page.texts == ["Hello"]

    asyncio.run(main())


def test_an_older_look_is_not_told_after_a_newer_one(
    page: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first look is taken before a change, and is slow to be told."""
    looked, released = asyncio.Event(), asyncio.Event()
    views_of = page.desk.views

    async def slow_at_first(*given: Any) -> Views:
        views, is_first = await views_of(*given), not looked.is_set()
        looked.set()
        if is_first:
            await released.wait()
        return views

    async def main() -> None:
        exchange = Exchange(page.desk)
        await exchange.open(page.session)
        monkeypatch.setattr(page.desk, "views", slow_at_first)
        titles: list[str] = []

        async def rename(title: str) -> None:
            sent = Sent({"do": "rename", "id": page.state.conversation.id, "title": title})
            changed, refusal = await exchange.act(page.session, sent)
            assert not refusal
            titles.append(changed["messages"]["title"])

        first = asyncio.create_task(rename("Older"))
        await looked.wait()
        second = asyncio.create_task(rename("Newer"))
        await asyncio.wait({second}, timeout=HEAD_START_S)
        released.set()
        await asyncio.gather(first, second)
        assert titles[-1] == "Newer"
        assert page.state.sent["messages"]["title"] == "Newer"

    asyncio.run(main())


def test_only_what_has_changed_is_told(page: Visit) -> None:
    async def main() -> None:
        exchange = Exchange(page.desk)
        assert set(await exchange.open(page.session)) == {"sidebar", "messages", "composer"}
        assert await exchange.follow(page.session) == {}
        changed, refusal = await exchange.act(page.session, Sent({"do": "set", "begin": "So"}))
        assert (set(changed), refusal) == ({"composer"}, "")
        changed, refusal = await exchange.act(page.session, Sent({"do": "open", "id": "none"}))
        assert changed == {}
        assert "no such chat" in refusal

    asyncio.run(main())


def test_who_comes_back_is_told_what_another_page_has_done_and_else_nothing(
    page: Visit, tmp_path: Path
) -> None:
    async def main() -> None:
        exchange, other = Exchange(page.desk), Visit(page.desk, tmp_path)
        look = Sent({"do": "look", "is_editing": False})
        await exchange.open(page.session)
        await say(exchange, page, "Hello")
        assert await exchange.act(page.session, look) == ({}, "")
        await other.do("open", id=page.state.conversation.id)
        await other.say("and from here")
        while_editing = Sent({"do": "look", "is_editing": True})
        assert set((await exchange.act(page.session, while_editing))[0]) == set()
        assert set((await exchange.act(page.session, look))[0]) == {"messages"}
        assert page.texts == ["Come in, You.", "Hello", "and from here"]
        await other.do("delete", id=page.state.conversation.id)
        assert set((await exchange.act(page.session, look))[0]) == {"sidebar"}
        assert page.texts == ["Come in, You.", "Hello", "and from here"]

    asyncio.run(main())


def test_a_download_is_told_once_and_not_held_on_to(page: Visit) -> None:
    async def main() -> None:
        exchange = Exchange(page.desk)
        await exchange.open(page.session)
        await say(exchange, page, "Keep this")
        changed, _ = await exchange.act(page.session, Sent({"do": "export-all"}))
        assert "Keep this" in changed["sidebar"]["file"]["text"]
        assert page.state.sent["sidebar"]["file"] is None
        assert page.state.download is None
        assert await exchange.follow(page.session) == {}

    asyncio.run(main())
