"""A desk without models, for tests: real stores, characters and tools in a folder of the test."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from modules.core.errors import NotInstalled, NotReady
from modules.hooks import Hooks
from modules.settings import Settings
from modules.toolbox.toolbox import Toolbox
from modules.ui.chat.actions import act
from modules.ui.chat.desk import ChatDesk
from modules.ui.chat.events import Sent
from modules.ui.chat.people import People
from modules.ui.chat.replying import reply
from modules.ui.chat.state import ChatState
from modules.ui.profile import ProfileFile
from modules.ui.session import Session


def _none() -> Any:
    raise NotInstalled("There is no model that hears.")


@asynccontextmanager
async def _no_lease(name: str | None = None) -> AsyncGenerator[Any]:
    raise NotReady("No model.")
    yield


def make_desk(folder: Path, **settings: Any) -> ChatDesk:
    (folder / "uploads").mkdir(exist_ok=True)
    characters = folder / "characters"
    characters.mkdir(exist_ok=True)
    (characters / "Ember.yaml").write_text(
        "name: Ember\ngreeting: Come in, {{user}}.\ncontext: Keeps a hut."
    )
    models = SimpleNamespace(loaded=[], asleep=(), loading=None, last_error=None, lease=_no_lease)
    hearing = SimpleNamespace(catalog=SimpleNamespace(default=_none))
    context: Any = SimpleNamespace(
        settings=Settings(user_data_dir=str(folder), **settings),
        models=models,
        hooks=Hooks(),
        media=SimpleNamespace(transcription=hearing),
    )
    people = People(characters, lambda _, name: f"served/{name}")
    return ChatDesk(
        context, Toolbox(folder), people, lambda _, name: f"served/{name}", folder / "uploads"
    )


class Visit:
    """One page of the desk. `do` acts as the page's scripts do."""

    def __init__(
        self, desk: ChatDesk, folder: Path, user: str | None = None, *, is_private: bool = False
    ) -> None:
        self.desk = desk
        self.session = Session(user=user, is_open=True, is_private=is_private)
        self.session.profiles = ProfileFile(folder / f"{user or 'default'}.json")

    @property
    def state(self) -> ChatState:
        return self.desk.state_of(self.session)

    async def do(self, what: str, **fields: Any) -> None:
        await act(self.desk, self.session, Sent({"do": what, **fields}))

    async def reply(self, what: str, **fields: Any) -> list[dict[str, Any]]:
        sent = Sent({"do": what, **fields})
        return [live async for live in reply(self.desk, self.session, sent)]

    async def views(self) -> dict[str, dict[str, Any]]:
        return await self.desk.views(self.session)

    async def say(self, text: str) -> None:
        await self.reply("say", text=text)

    @property
    def texts(self) -> list[str]:
        return [turn.version.text for turn in self.state.conversation.turns]
