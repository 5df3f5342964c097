# pyright: basic
"""Sound files to samples, by ffmpeg's libraries.

What comes from outside is only ever read through a file object. Playlists and everything else that names further files or addresses
is no allowed container, no protocol is allowed, and a demuxer that asks for another file gets none.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import av
import numpy as np
from av.audio.resampler import AudioResampler
from av.error import FFmpegError

from modules.core.errors import RequestError
from modules.core.transcripts import Recording

RATE = 16_000
"""Samples a second that Whisper listens to."""
CONTAINERS = "wav,w64,mp3,aac,flac,ogg,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,asf,avi,flv,mpeg,mpegts,aiff,caf,au,amr,wv"
_DECODERS = """
pcm_s16le pcm_s16be pcm_s24le pcm_s24be pcm_s32le pcm_s32be pcm_u8 pcm_s8 pcm_f32le pcm_f32be pcm_f64le pcm_f64be
pcm_alaw pcm_mulaw adpcm_ms adpcm_ima_wav adpcm_ima_qt mp3float mp3 mp2float mp2 mp1float mp1 aac aac_latm alac flac
opus libopus vorbis ac3 eac3 wmav1 wmav2 wmapro amrnb amrwb gsm gsm_ms speex wavpack
"""
CODECS = frozenset(_DECODERS.split())
"""Decoders of sound that people have; never one for pictures, also not while ffmpeg looks what there is."""
RATES = range(1_000, 768_001)
"""A file that claims one sample a second would grow to 16,000 times its size."""
MAX_FRAME_SAMPLES = 2**24
ROUNDING_S = 1e-6

READABLE = "wav, mp3, mp4, m4a, ogg, opus, flac, webm, aac and other common formats"
Check = Callable[[], None]
"""Called between steps; raises when the work is given up."""


def probe_recording(file: BinaryIO) -> None:
    """RequestError when the file is surely no recording that can be heard; quick, from any thread."""
    with _opened(file):
        pass


def read_recording(file: BinaryIO, max_seconds: float, check: Check) -> Recording:
    """The first track of sound, as one channel of 16-bit samples. RequestError says what is wrong with the file.

    Damaged parts are left out, as players do. What the file claims about its length counts for nothing.
    """
    with _opened(file) as (container, stream):
        sound = _Sound(max_seconds)
        faults = 0
        for packet in _packets(container, stream):
            check()
            try:
                sound.add(packet.decode())
                faults -= 1
            except FFmpegError:
                faults += 1
        sound.add_rest()
    check()  # a file that was closed meanwhile ends early
    if not sound.chunks or faults > 0:
        raise _invalid("There is no sound in the file, or it is damaged.")
    return Recording(np.concatenate(sound.chunks), RATE)


@contextmanager
def _opened(file: BinaryIO) -> Generator[tuple[Any, Any]]:
    """The container and its stream of sound."""
    upload = _Upload(file)
    if upload.is_empty:
        raise _invalid("The file is empty.")
    options = {
        "format_whitelist": CONTAINERS,
        "protocol_whitelist": "none",
        "codec_whitelist": ",".join(sorted(CODECS)),
    }
    try:
        container = av.open(
            upload, "r", container_options=options, metadata_errors="ignore", io_open=_open_nothing
        )
    except (FFmpegError, ValueError, PermissionError):
        raise _invalid(f"The file cannot be read as a recording; {READABLE} can.") from None
    with container:
        yield container, _stream_of_sound(container)


def _stream_of_sound(container: Any) -> Any:
    stream = container.streams.best("audio")
    if stream is None:
        raise _invalid("There is no track of sound in the file.")
    context = stream.codec_context
    if context is None or context.codec.name not in CODECS:
        raise _invalid(
            f"The sound in the file is coded in a way that cannot be read; {READABLE} can."
        )
    context.options = {"max_samples": str(MAX_FRAME_SAMPLES)}
    return stream


def _packets(container: Any, stream: Any) -> Iterator[Any]:
    """A file that breaks off ends there."""
    try:
        yield from container.demux(stream)
    except FFmpegError:
        return


def _open_nothing(url: str, flags: int, options: dict[str, str]) -> Any:
    raise PermissionError("A recording may not name other files.")


class _Upload:
    """What ffmpeg may see of a file. Without a name, and it ends where reading fails: an exception cannot pass through ffmpeg."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._file.seek(0)

    @property
    def is_empty(self) -> bool:
        is_empty = not self._file.read(1)
        self._file.seek(0)
        return is_empty

    def read(self, size: int) -> bytes:
        try:
            return self._file.read(size)
        except (OSError, ValueError):  # closed, when its request has ended
            return b""

    def seek(self, offset: int, whence: int = 0) -> int:
        try:
            return self._file.seek(offset, whence)
        except (OSError, ValueError):
            return -1

    def tell(self) -> int:
        return self._file.tell()


class _Sound:
    """Collects frames as samples, and stops at the longest recording that is allowed."""

    def __init__(self, max_seconds: float) -> None:
        self.chunks: list[Any] = []
        self._seconds = 0.0
        self._max_seconds = max_seconds
        self._kind: tuple[str, str, int] | None = None
        self._resampler: AudioResampler | None = None

    def add(self, frames: list[Any]) -> None:
        for frame in frames:
            self._measure(frame)
            kind = (frame.format.name, frame.layout.name, frame.sample_rate)
            if kind != self._kind:  # some files change it on the way
                self.add_rest()
                self._kind, self._resampler = kind, AudioResampler("s16", "mono", RATE)
            frame.pts = None  # gaps and jumps of the clock are not filled
            self._take(frame)

    def add_rest(self) -> None:
        """What the resampler still holds."""
        if self._resampler is not None:
            self._take(None)

    def _measure(self, frame: Any) -> None:
        """Before it is resampled: how long it takes is known then, how large it gets too."""
        if frame.sample_rate not in RATES:
            raise _invalid(
                f"The sound has {frame.sample_rate} samples a second, which cannot be heard."
            )
        self._seconds += frame.samples / frame.sample_rate
        if self._seconds > self._max_seconds + ROUNDING_S:
            raise _too_long(self._max_seconds)

    def _take(self, frame: Any) -> None:
        try:
            resampled = self._resampler.resample(frame) if self._resampler else []
        except (FFmpegError, ValueError):
            raise _invalid("The channels of the sound cannot be mixed into one.") from None
        self.chunks += [each.to_ndarray()[0] for each in resampled if each.samples]


def _invalid(message: str) -> RequestError:
    return RequestError(message, param="file", code="invalid_audio")


def _too_long(max_seconds: float) -> RequestError:
    return RequestError(
        f"The recording is longer than {max_seconds:g} seconds, the most that is allowed here.",
        param="file",
        code="audio_too_long",
    )
