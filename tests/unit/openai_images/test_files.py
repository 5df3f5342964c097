"""The store of pictures that were asked for as URLs."""

import asyncio
from typing import Any

import pytest

from extensions.openai.images.files import ImageFiles
from modules.core.errors import NotFound

pytestmark = pytest.mark.anyio


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_a_picture_is_there_until_its_time_is_over() -> None:
    clock = Clock()
    files = ImageFiles(10, clock=clock)
    name = files.add(b"abc", "png", "image/png")
    clock.now = 9.9
    assert files.get(name).data == b"abc"
    clock.now = 10
    with pytest.raises(NotFound):
        files.get(name)


async def test_names_cannot_be_guessed() -> None:
    files = ImageFiles(10)
    names = {files.add(b"same", "png", "image/png") for _ in range(100)}
    assert len(names) == 100
    assert all(len(name.partition(".")[0]) >= 43 for name in names)


async def test_the_oldest_go_when_there_are_too_many() -> None:
    files = ImageFiles(10, max_files=2)
    first, second, third = (files.add(b"x", "png", "image/png") for _ in range(3))
    with pytest.raises(NotFound):
        files.get(first)
    assert files.get(second)
    assert files.get(third)


async def test_an_answers_own_pictures_stay_until_it_is_out() -> None:
    files = ImageFiles(10, max_bytes=10)
    other = files.add(b"12345", "png", "image/png")
    kept: list[str] = []
    for _ in range(4):
        kept.append(files.add(b"12345", "png", "image/png", kept))
    assert all(files.get(name) for name in kept)
    with pytest.raises(NotFound):
        files.get(other)
    last = files.add(b"1", "png", "image/png")
    assert files.get(last)
    with pytest.raises(NotFound):
        files.get(kept[0])


async def test_one_timer_ends_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    timers: list[float] = []
    call_later = loop.call_later

    def counted(delay: float, *call: Any) -> asyncio.TimerHandle:
        timers.append(delay)
        return call_later(delay, *call)

    monkeypatch.setattr(loop, "call_later", counted)
    files = ImageFiles(0.2)
    for _ in range(50):
        files.add(b"x", "png", "image/png")
    assert len(timers) == 1
    async with asyncio.timeout(20):
        while files._files:  # noqa: ASYNC110 - nothing tells of it  # pyright: ignore[reportPrivateUsage]
            await asyncio.sleep(0.02)


async def test_the_oldest_go_when_they_are_too_large() -> None:
    files = ImageFiles(10, max_bytes=10)
    first = files.add(b"12345", "png", "image/png")
    second = files.add(b"12345", "png", "image/png")
    assert files.get(first)
    third = files.add(b"1234567", "png", "image/png")
    for gone in (first, second):
        with pytest.raises(NotFound):
            files.get(gone)
    assert files.get(third)
