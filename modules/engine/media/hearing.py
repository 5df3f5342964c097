"""A recording on its way through a transcription model: one path for those who read along and those who want the whole."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from modules.core.errors import ModelError, RequestError
from modules.core.jobs import Job
from modules.core.options import shown
from modules.core.transcripts import ListeningRequest, Passage, Segment, Transcript
from modules.engine.media.job_stream import JobStream
from modules.engine.media.pool import ModelPool
from modules.engine.media.statistics import MediaStatistics
from modules.engine.media.worker import Worker
from modules.loaders.media_base import Transcriber

Item = float | Passage
"""What the worker sends: the length of the recording in seconds, then what is heard."""


@dataclass(slots=True)
class Hearing:
    """A recording that is waiting, or being read and listened to. `seconds` is known after `begin`; `aclose` gives it up."""

    model: Transcriber
    stream: JobStream[Item]
    _statistics: MediaStatistics
    seconds: float = 0.0
    _language: str | None = None

    @property
    def job(self) -> Job:
        return self.stream.job

    async def begin(self) -> None:
        """Until the whole file was read, which is not needed any more then. RequestError says what is wrong with it."""
        first = await anext(self.stream, None)
        if not isinstance(first, float):
            raise ModelError("The recording was not read.")
        self.seconds = first

    async def segments(self) -> AsyncIterator[Segment]:
        """As they are heard."""
        async for passage in self.stream:
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

    async def aclose(self) -> None:
        await self.stream.aclose()


async def start_hearing(
    file: BinaryIO, worker: Worker[Transcriber], wanted: ListeningRequest, max_seconds: float
) -> Hearing:
    """RequestError for a file that is no recording, which need not wait for its turn; Busy where too many wait."""
    await asyncio.to_thread(_probe, file)
    job = Job(stop_id=f"transcription-{uuid.uuid4().hex}")

    def work(model: Transcriber, job: Job, send: Callable[[Item], None]) -> None:
        from modules.loaders.speech_recognition.recordings import read_recording

        recording = read_recording(file, max_seconds, job.check)
        send(recording.seconds)
        for passage in model.listen(recording, wanted, job):
            send(passage)

    return Hearing(worker.model, worker.stream(work, job), worker.statistics)


async def hear_file(
    path: Path, pool: ModelPool[Transcriber], max_seconds: float, language: str = ""
) -> str:
    """All that is said in a recording, by the default model; "" where nothing was understood. `language`: its name or code, "" lets the
    model find out. RequestError for a file that is no recording, or a language that the model does not know."""
    with await asyncio.to_thread(path.open, "rb") as file:
        async with pool.lease() as worker:
            spoken = find_language(language, worker.model) if language.strip() else None
            wanted = ListeningRequest(language=spoken)
            hearing = await start_hearing(file, worker, wanted, max_seconds)
            async with aclosing(hearing):
                await hearing.begin()
                transcript = await hearing.fold()
    return transcript.text.strip()


def _probe(file: BinaryIO) -> None:
    from modules.loaders.speech_recognition.recordings import probe_recording

    probe_recording(file)


def find_language(name: str, model: Transcriber) -> str:
    """The code of a language, by code or English name; of `en-US` the first part counts."""
    wanted = name.strip().lower()
    code = model.languages.get(wanted) or model.languages.get(
        wanted.replace("_", "-").split("-")[0]
    )
    if code is not None:
        return code
    known = sorted(set(model.languages.values()))
    hint = ", ".join(known) if len(known) <= 3 else f"{len(known)} languages, such as en"
    raise RequestError(
        f"{model.info.name} does not know the language {shown(name)}. It knows {hint} (ISO 639-1).",
        param="language",
    )
