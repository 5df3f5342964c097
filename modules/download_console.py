"""What the operator sees of a download: a bar in a terminal, else a line from time to time."""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any

from modules.downloads.download import Download
from modules.downloads.sizes import shown_size

BAR_INTERVAL_S = 0.2
LINE_INTERVAL_S = 10.0


def show_plan(download: Download) -> None:
    here = f" ({shown_size(download.bytes_done)} are here already)" if download.bytes_done else ""
    count = len(download.files)
    _tell(
        f"{download.wanted.model}: {count} file{'s' if count > 1 else ''}, {shown_size(download.bytes_total)}{here}, "
        f"into {download.layout.folder}"
    )


async def watch(download: Download, work: Coroutine[Any, Any, None]) -> None:
    """Shows the progress of `work` until it ends, with its error or without."""
    running = asyncio.ensure_future(work)
    try:
        if sys.stderr.isatty():
            await _draw_bar(download, running)
        else:
            await _write_lines(download, running)
        await running
    finally:
        running.cancel()
        await asyncio.wait([running])
    _tell(f"Everything is in place and its checksums are right: {_place(download)}")
    if download.wanted.purpose == "models":
        _tell(f"To use it: python3 start.py --model {download.layout.model_name}")


async def _draw_bar(download: Download, running: "asyncio.Future[None]") -> None:
    from tqdm import tqdm

    bar = tqdm(
        total=download.bytes_total,
        initial=download.bytes_done,
        unit="B",
        unit_scale=True,
        desc=download.wanted.repository.rpartition("/")[2],
        dynamic_ncols=True,
    )
    with bar:
        while not running.done():
            await asyncio.wait([running], timeout=BAR_INTERVAL_S)
            bar.set_postfix_str("" if running.done() else download.state, refresh=False)
            bar.update(download.bytes_done - bar.n)


async def _write_lines(download: Download, running: "asyncio.Future[None]") -> None:
    while not running.done():
        await asyncio.wait([running], timeout=LINE_INTERVAL_S)
        if not running.done():
            share = download.bytes_done / max(download.bytes_total, 1)
            speed = shown_size(download.speed.bytes_per_second())
            _tell(f"{share:.0%} of {shown_size(download.bytes_total)}, {speed}/s, {download.state}")


def _place(download: Download) -> str:
    layout = download.layout
    is_single = len(download.files) == 1
    return str(layout.path_of(download.files[0].file) if is_single else layout.folder)


def _tell(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - for the person at the terminal
