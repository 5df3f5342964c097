"""Two open pages of one person: each keeps what it changed, and nothing of what the other did."""

import asyncio
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modules.core.errors import ConfigError
from modules.ui.keeping import keep
from modules.ui.parameters.values import change
from modules.ui.profile import Parameters, Profile, ProfileFile
from modules.ui.session import Session


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "default.json"


@pytest.fixture
def lock() -> threading.Lock:
    return threading.Lock()


@pytest.fixture
def pages(path: Path, lock: threading.Lock) -> tuple[Session, Session]:
    """Opened before either changes anything."""
    return open_page(path, lock), open_page(path, lock)


def open_page(path: Path, lock: threading.Lock) -> Session:
    profiles = ProfileFile(path, lock)
    profile = profiles.load()
    return Session(profiles=profiles, profile=profile, known_profile=profile, is_open=True)


def set_samplers(page: Session, **values: Any) -> None:
    preset = values.pop("preset", "")
    asyncio.run(change(page, Parameters(sampling=values, preset=preset)))


def test_what_either_page_changed_survives(pages: tuple[Session, Session], path: Path) -> None:
    first, second = pages
    set_samplers(first, temperature=0.3)
    asyncio.run(keep(second, user_name="Ann", thinks=True))
    asyncio.run(keep(first, mode="chat"))
    kept = ProfileFile(path).load()
    assert kept.parameters.sampling == {"temperature": 0.3}
    assert (kept.user_name, kept.thinks, kept.mode) == ("Ann", True, "chat")
    assert second.profile.parameters == Parameters()  # as its own tab shows them


def test_samplers_and_parts_of_tabs_are_merged_one_by_one(
    pages: tuple[Session, Session], path: Path
) -> None:
    first, second = pages
    set_samplers(first, temperature=0.3)
    set_samplers(second, top_k=7)
    asyncio.run(keep(first, extra={"chat": {"tools": True}}))
    asyncio.run(keep(second, extra={"images": {"keeps": False}}))
    kept = ProfileFile(path).load()
    assert kept.parameters.sampling == {"temperature": 0.3, "top_k": 7}
    assert kept.extra == {"chat": {"tools": True}, "images": {"keeps": False}}
    set_samplers(first)
    assert ProfileFile(path).load().parameters.sampling == {"top_k": 7}


def test_a_preset_is_taken_whole(pages: tuple[Session, Session], path: Path) -> None:
    """What it does not name is the server's, whatever another page has set."""
    first, second = pages
    set_samplers(first, temperature=1.5)
    set_samplers(second, top_p=0.9, preset="Calm")
    kept = ProfileFile(path).load().parameters
    assert (kept.sampling, kept.preset) == ({"top_p": 0.9}, "Calm")
    set_samplers(first, temperature=1.5)
    set_samplers(first, top_k=1, min_p=0.1)
    assert ProfileFile(path).load().parameters.sampling == {"top_k": 1, "min_p": 0.1}


def test_pages_that_write_at_once_lose_nothing(path: Path, lock: threading.Lock) -> None:
    pages = [open_page(path, lock) for _ in range(12)]

    def write(number: int) -> None:
        asyncio.run(keep(pages[number], extra={f"page{number}": number}))

    threads = [threading.Thread(target=write, args=(i,)) for i in range(len(pages))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ProfileFile(path).load().extra == {f"page{i}": i for i in range(len(pages))}


class Overtaken(ProfileFile):
    """Its first write lets a second go before it, where that comes at once."""

    def __init__(self, path: Path, lock: threading.Lock) -> None:
        super().__init__(path, lock)
        self._is_first = True
        self._second = threading.Event()

    def update(self, change: Callable[[Profile | None], Profile]) -> None:
        if self._is_first:
            self._is_first = False
            self._second.wait(0.3)
        super().update(change)
        self._second.set()


def test_of_two_changes_of_one_page_the_last_is_kept(path: Path, lock: threading.Lock) -> None:
    page = Session(profiles=Overtaken(path, lock))

    async def main() -> None:
        await asyncio.gather(keep(page, user_name="Ann"), keep(page, user_name="Bob"))

    asyncio.run(main())
    assert page.profile.user_name == ProfileFile(path).load().user_name == "Bob"


def test_a_file_that_broke_meanwhile_is_written_anew_from_the_page(
    path: Path, lock: threading.Lock
) -> None:
    page = open_page(path, lock)
    asyncio.run(keep(page, user_name="Ann"))
    path.write_text("{")
    asyncio.run(keep(page, mode="chat"))
    assert ProfileFile(path).load() == Profile(user_name="Ann", mode="chat")


def test_what_could_not_be_kept_is_kept_with_the_next_change(
    path: Path, lock: threading.Lock
) -> None:
    page = open_page(path, lock)
    path.mkdir()
    with pytest.raises(ConfigError, match="cannot be kept"):
        asyncio.run(keep(page, user_name="Ann"))
    path.rmdir()
    path.write_text(json.dumps({"user_bio": "of another page"}))
    asyncio.run(keep(page, mode="chat"))
    kept = ProfileFile(path).load()
    assert (kept.user_name, kept.user_bio, kept.mode) == ("Ann", "of another page", "chat")
