"""One file from a hub that is not always kind. The hub is made up; the disk is real."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from modules.core.errors import AuthError, ModelError, Unreachable
from modules.downloads import transfer as transfers
from modules.downloads.disk import Disk
from modules.downloads.download import Download
from modules.downloads.hub import Body
from modules.downloads.hub_errors import Overtaken
from modules.downloads.layout import Layout
from modules.downloads.progress import FileProgress
from modules.downloads.staging import Staging
from modules.downloads.transfer import Transfer
from modules.downloads.wanted import parse_wanted
from tests.unit.downloads.repositories import small

pytestmark = pytest.mark.anyio

DATA = bytes(range(256)) * 40
FILE = small("w.gguf", DATA)


class Script:
    """A hub whose answers are written down: each is the bytes of one request, or an error, or a function of the range."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[int, int]] = []

    @asynccontextmanager
    async def open_file(self, _wanted, _commit, _file, start: int, end: int) -> AsyncIterator[Body]:
        self.asked.append((start, end))
        answer = self.answers.pop(0) if self.answers else DATA[start:end]
        if isinstance(answer, Exception):
            raise answer
        offset, data, fault = answer if isinstance(answer, tuple) else (start, answer, None)
        yield Body(offset, self._send(data, fault))

    async def _send(self, data: bytes, fault: Exception | None) -> AsyncIterator[bytes]:
        for at in range(0, len(data), 1000):
            yield data[at : at + 1000]
        if fault is not None:
            raise fault


@pytest.fixture
def disk() -> Iterator[Disk]:
    disk = Disk()
    yield disk
    disk.close()


@pytest.fixture
def staging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Staging:
    monkeypatch.setattr(transfers, "FIRST_WAIT_S", 0)
    staging = Staging(tmp_path, "models--org--name")
    staging.folder.mkdir(parents=True)
    return staging


async def fetch(hub: Any, staging: Staging, disk: Disk, max_retries: int = 2) -> FileProgress:
    progress = FileProgress(FILE, "w.gguf")
    layout = Layout(staging.root, staging.root, {FILE: "w.gguf"})
    download = Download(parse_wanted("org/name"), "0" * 40, layout, [progress])
    await Transfer(hub, download, staging, disk, max_retries).fetch(progress)
    assert staging.whole(FILE).read_bytes() == DATA
    assert (progress.done, progress.state) == (len(DATA), "done")
    return progress


async def test_a_large_file_is_asked_for_in_ranges(staging, disk, monkeypatch) -> None:
    monkeypatch.setattr(transfers, "SEGMENT_BYTES", 4000)
    hub = Script()
    await fetch(hub, staging, disk, max_retries=0)
    assert hub.asked == [(0, 4000), (4000, 8000), (8000, len(DATA))]


async def test_it_goes_on_where_the_connection_broke(staging, disk) -> None:
    broken = Unreachable("broken")
    hub = Script((0, DATA[:3000], broken), broken, (3000, DATA[3000:5000], broken))
    await fetch(hub, staging, disk, max_retries=3)
    assert [start for start, _ in hub.asked] == [0, 3000, 3000, 5000]


async def test_an_answer_that_ends_early_is_asked_for_again(staging, disk) -> None:
    hub = Script(DATA[:3000])
    await fetch(hub, staging, disk)
    assert [start for start, _ in hub.asked] == [0, 3000]


async def test_a_hub_that_dribbles_is_given_up(staging, disk) -> None:
    hub = Script(*([b"\0"] * 50))
    with pytest.raises(Unreachable):
        await fetch(hub, staging, disk)
    assert len(hub.asked) == 3


async def test_what_works_steadily_may_break_often(staging, disk, monkeypatch) -> None:
    monkeypatch.setattr(transfers, "STEADY_BYTES", 1000)
    broken = Unreachable("broken")
    pieces = [(at, DATA[at : at + 1000], broken) for at in range(0, 9000, 1000)]
    await fetch(Script(*pieces), staging, disk, max_retries=1)


async def test_a_range_that_the_hub_does_not_have_begins_anew(staging, disk) -> None:
    staging.append(FILE, DATA[:500])
    hub = Script(Overtaken())
    await fetch(hub, staging, disk)
    assert [start for start, _ in hub.asked] == [500, 0]


async def test_a_hub_that_sends_all_instead_of_the_rest(staging, disk) -> None:
    staging.append(FILE, DATA[:500])
    await fetch(Script((0, DATA, None)), staging, disk)


async def test_another_part_than_the_one_asked_for_is_not_taken(staging, disk) -> None:
    staging.append(FILE, DATA[:500])
    hub = Script((700, DATA[700:], None))
    await fetch(hub, staging, disk)
    assert [start for start, _ in hub.asked] == [500, 500]


async def test_more_bytes_than_announced_are_refused(staging, disk) -> None:
    with pytest.raises(ModelError, match="more of"):
        await fetch(Script(DATA + b"x"), staging, disk)


async def test_what_trying_again_cannot_mend_is_not_tried_again(staging, disk) -> None:
    hub = Script(AuthError("no", is_forbidden=True))
    with pytest.raises(AuthError):
        await fetch(hub, staging, disk)
    assert len(hub.asked) == 1


async def test_a_wrong_checksum_is_final_unless_the_beginning_was_old(staging, disk) -> None:
    wrong = bytes(len(DATA))
    with pytest.raises(ModelError, match="wrong checksum"):
        await fetch(Script(wrong), staging, disk)
    staging.append(FILE, wrong[:500])
    hub = Script()
    await fetch(hub, staging, disk)
    assert [start for start, _ in hub.asked] == [500, 0]
