"""One text on its way to sound: the worker's thread speaks and encodes, the response reads along."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field

from modules.core.errors import NotInstalled, RequestError
from modules.core.jobs import Job
from modules.core.speech import Utterance
from modules.engine.media.job_stream import JobStream
from modules.loaders.media_base import Speaker
from modules.sound.formats import AudioFormat
from modules.sound.tape import Tape
from modules.text.spoken import to_spoken


@dataclass(eq=False)
class Narration:
    """`seconds` that were spoken so far; `is_whole`: nothing more will come."""

    utterance: Utterance
    audio_format: AudioFormat
    tape: Tape = field(default_factory=Tape)
    seconds: float = 0.0
    is_whole: bool = False

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        return len(self.audio_format.header(0)) + self.tape.written

    def run(self, speaker: Speaker, job: Job, send: Callable[[None], None]) -> None:
        """In the worker's thread. Sends None whenever there is something new to read."""
        try:
            from modules.sound.encoder import Encoder
        except ModuleNotFoundError as error:
            raise NotInstalled(
                f"Speech needs the Python package {error.name}, which is not installed here: "
                "`python3 start.py` without --minimal installs it."
            ) from error

        def keep(data: bytes) -> None:
            self.seconds = encoder.seconds
            if data:
                self.tape.write(data)
                send(None)

        with Encoder(self.audio_format, speaker.sample_rate) as encoder:
            speaker.speak(self.utterance, job, lambda pcm: keep(encoder.encode(pcm)))
            if not encoder.seconds:
                raise RequestError(
                    "There is nothing in 'input' that this voice can speak.", param="input"
                )
            keep(encoder.finish())

    async def begin(self, news: JobStream[None], patience_s: float | None) -> None:
        """Return once there is sound; an error before it is raised here. The whole is waited for as long as `patience_s`,
        without an end where that is None."""
        if await anext(news, ...) is ...:
            self.is_whole = True
            return
        try:
            async with asyncio.timeout(patience_s):
                await self.end(news)
        except TimeoutError:
            pass

    async def end(self, news: JobStream[None]) -> None:
        async for _ in news:
            pass
        self.is_whole = True

    async def read(self, news: JobStream[None]) -> AsyncGenerator[bytes]:
        """The bytes of the format, as they are made."""
        header = self.audio_format.header(self.tape.written if self.is_whole else None)
        if header:
            yield header
        sent = 0
        while not self.is_whole or sent < self.tape.written:
            if not self.is_whole:
                self.is_whole = await anext(news, ...) is ...
            while sent < self.tape.written:
                data = await asyncio.to_thread(self.tape.read)
                sent += len(data)
                yield data


def checked_text(text: str, longest: int) -> str:
    """RequestError where it is too long, or there is nothing to say."""
    if len(text) > longest:
        raise RequestError(
            f"'input' has {len(text)} characters; at most {longest} can be spoken at once.",
            param="input",
            code="string_above_max_length",
        )
    spoken = to_spoken(text)
    if not spoken.strip():
        raise RequestError("'input' has no text to speak.", param="input")
    return spoken
