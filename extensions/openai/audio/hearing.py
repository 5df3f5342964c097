"""An upload on its way through a transcription model: one path for answers that stream and for those that come whole."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import BinaryIO

from fastapi import Request

from extensions.openai.dependencies import while_connected
from extensions.openai.media_lease import lease_worker
from modules.context import AppContext
from modules.core.errors import ModelError
from modules.core.jobs import Job
from modules.core.transcripts import ListeningRequest, Passage, Segment, Transcript
from modules.engine.media.job_stream import JobStream
from modules.engine.media.statistics import MediaStatistics
from modules.loaders.base import Transcriber

Item = float | Passage
"""What the worker sends: the length of the recording in seconds, then what is heard."""


@dataclass(slots=True)
class Hearing:
    """A recording that has been read, and is being listened to."""

    id: str
    model: Transcriber
    seconds: float
    _stream: JobStream[Item]
    _statistics: MediaStatistics
    _language: str | None = None

    async def segments(self) -> AsyncIterator[Segment]:
        """As they are heard."""
        async for passage in self._stream:
            if isinstance(passage, Passage):
                if passage.segments:
                    self._language = self._language or passage.language
                for segment in passage.segments:
                    yield segment
        self._statistics.units += self.seconds

    async def fold(self) -> Transcript:
        return self.whole([segment async for segment in self.segments()])

    def whole(self, segments: list[Segment]) -> Transcript:
        return Transcript(self.seconds, self._language, tuple(segments))


@dataclass(frozen=True, slots=True)
class Upload:
    """`plan`: what to listen for, once the model is known; raises RequestError where the model cannot."""

    file: BinaryIO
    model: str | None
    plan: Callable[[Transcriber], ListeningRequest]


async def start_hearing(
    upload: Upload, request: Request, context: AppContext, stack: AsyncExitStack
) -> Hearing:
    """All errors of the request come from here. The file is not needed any more when this returns; `stack` holds the rest."""
    pool = context.media.transcription
    worker = await stack.enter_async_context(lease_worker(pool, upload.model, context, request))
    wanted = upload.plan(worker.model)
    limit_s = context.settings.max_audio_s
    await asyncio.to_thread(_probe, upload.file)
    job = Job(stop_id=f"transcription-{uuid.uuid4().hex}")

    def work(model: Transcriber, job: Job, send: Callable[[Item], None]) -> None:
        from modules.loaders.speech_recognition.recordings import read_recording

        recording = read_recording(upload.file, limit_s, job.check)
        send(recording.seconds)
        for passage in model.listen(recording, wanted, job):
            send(passage)

    stream = worker.stream(work, job)
    stack.push_async_callback(stream.aclose)
    seconds = await while_connected(request, _length(stream))
    return Hearing(job.stop_id, worker.model, seconds, stream, pool.statistics)


def _probe(file: BinaryIO) -> None:
    """A file that is no recording need not wait for its turn."""
    from modules.loaders.speech_recognition.recordings import probe_recording

    probe_recording(file)


async def _length(stream: JobStream[Item]) -> float:
    first = await anext(stream, None)
    if not isinstance(first, float):
        raise ModelError("The recording was not read.")
    return first
