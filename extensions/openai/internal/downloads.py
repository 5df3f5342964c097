"""/v1/internal/model/download: fetches models from the hub, beside the traffic (administrators only)."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from typing import Annotated

from fastapi import APIRouter, Path, Response

from extensions.openai.dependencies import AdminOnly, Context, note_ignored
from extensions.openai.errors import describe
from extensions.openai.internal.download_types import (
    DownloadDeleted,
    DownloadFile,
    DownloadInfo,
    DownloadList,
    DownloadRequest,
)
from extensions.openai.sse import EventStreamResponse, frame_of, guarded
from modules.downloads.download import Download
from modules.downloads.staging import Leftover
from modules.downloads.wanted import parse_wanted

router = APIRouter(
    prefix="/v1/internal/model/download", tags=["internal"], dependencies=[AdminOnly]
)

EVENT_INTERVAL_S = 0.5
Id = Annotated[str, Path(alias="id")]


@router.post("", status_code=202)
async def start_download(
    body: DownloadRequest, response: Response, context: Context
) -> DownloadInfo:
    """Answers when the download is planned and under way; it goes on when the client leaves."""
    note_ignored(body, response, context)
    wanted = parse_wanted(
        body.model,
        body.files or (),
        body.exclude or (),
        body.to or "models",
        overwrite=bool(body.overwrite),
    )
    return to_info(await context.downloads.start(wanted))


@router.get("")
async def list_downloads(context: Context) -> DownloadList:
    """Running and ended ones, the newest first; then those that an earlier run of the program left unfinished."""
    known = [to_info(each) for each in reversed(context.downloads.known)]
    left = [_to_leftover(each) for each in await context.downloads.leftovers()]
    return DownloadList(data=[*known, *left])


@router.get("/{id}")
async def show_download(download_id: Id, context: Context) -> DownloadInfo:
    return to_info(context.downloads.get(download_id))


@router.get("/{id}/events", response_class=Response)
async def watch_download(download_id: Id, context: Context) -> EventStreamResponse:
    """The download as server-sent events: at every change, twice a second at most, until it has ended."""
    frames = guarded(_frames(context.downloads.get(download_id)), sends_done=True)
    keep_alive_s = context.settings.api_keep_alive_s
    return EventStreamResponse(frames, AsyncExitStack(), keep_alive_s, {})


@router.post("/{id}/cancel")
async def cancel_download(download_id: Id, context: Context) -> DownloadInfo:
    """What was fetched stays, and the next download of this model goes on from there."""
    return to_info(await context.downloads.cancel(download_id))


@router.delete("/{id}")
async def delete_download(download_id: Id, context: Context) -> DownloadDeleted:
    """Cancels it if it runs, forgets it, and removes what was fetched and is not in place."""
    await context.downloads.remove(download_id)
    return DownloadDeleted(id=download_id)


async def _frames(download: Download) -> AsyncGenerator[bytes]:
    sent = b""
    while True:
        is_over = download.ended.is_set()
        frame = frame_of(to_info(download).model_dump_json().encode())
        if frame != sent:
            yield frame
            sent = frame
        if is_over:
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(download.ended.wait(), EVENT_INTERVAL_S)


def to_info(download: Download) -> DownloadInfo:
    wanted = download.wanted
    speed = round(download.speed.bytes_per_second()) if download.is_running else 0
    return DownloadInfo(
        id=download.key,
        model=wanted.model,
        to=wanted.purpose,
        state=download.state,
        commit=download.commit,
        model_name=download.layout.model_name,
        bytes_total=download.bytes_total,
        bytes_done=download.bytes_done,
        bytes_per_second=speed,
        seconds_left=round(download.bytes_left / speed, 1) if speed else None,
        files=[
            DownloadFile(name=each.name, size=each.file.size, done=each.done, state=each.state)
            for each in download.files
        ],
        error=None if download.error is None else describe(download.error)[1]["error"],
        created_at=int(download.created),
        finished_at=None if download.finished is None else int(download.finished),
    )


def _to_leftover(leftover: Leftover) -> DownloadInfo:
    return DownloadInfo(
        id=leftover.key,
        model=leftover.model,
        to=leftover.key.partition("--")[0],
        state="interrupted",
        bytes_total=leftover.bytes_total,
        bytes_done=leftover.bytes_done,
    )
