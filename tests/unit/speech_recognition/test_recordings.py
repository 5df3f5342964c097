import io
import struct
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from modules.core.errors import Cancelled, RequestError
from modules.core.jobs import Job
from modules.core.transcripts import Recording
from modules.loaders.speech_recognition.recordings import probe_recording, read_recording
from tests.voices import RATE, encoded

SECONDS = 2.0
TONE = (np.sin(np.arange(round(SECONDS * RATE)) * 0.2) * 0.3).astype(np.float32)


def read(data: bytes, max_seconds: float = 60.0) -> Recording:
    return read_recording(io.BytesIO(data), max_seconds, lambda: None)


def refusal(data: bytes, max_seconds: float = 60.0) -> RequestError:
    with pytest.raises(RequestError) as caught:
        read(data, max_seconds)
    assert caught.value.param == "file"
    return caught.value


def outcome(data: bytes) -> str | None:
    try:
        read(data)
    except RequestError as error:
        return error.code
    return "heard"


def pitch_of(samples: Any) -> float:
    """The strongest frequency, in cycles a second."""
    spectrum = np.abs(np.fft.rfft(samples.astype(float)))
    return float(np.argmax(spectrum)) * RATE / len(samples)


KINDS = [
    ("wav", "pcm_s16le", RATE),
    ("wav", "pcm_f32le", 44_100),
    ("wav", "pcm_u8", 8_000),
    ("wav", "pcm_mulaw", 8_000),
    ("wav", "adpcm_ms", 22_050),
    ("w64", "pcm_s24le", 48_000),
    ("aiff", "pcm_s16be", 44_100),
    ("au", "pcm_s16be", 8_000),
    ("caf", "pcm_s16le", 44_100),
    ("mp3", "libmp3lame", 44_100),
    ("mp2", "mp2", 48_000),
    ("adts", "aac", 44_100),
    ("ipod", "aac", 44_100),
    ("mp4", "aac", 48_000),
    ("mov", "alac", 44_100),
    ("3gp", "aac", 16_000),
    ("mpegts", "aac", 48_000),
    ("ogg", "libopus", 48_000),
    ("webm", "libopus", 48_000),
    ("matroska", "libopus", 48_000),
    ("flac", "flac", 96_000),
    ("wv", "wavpack", 44_100),
]


@pytest.mark.parametrize(("container", "codec", "rate"), KINDS)
def test_common_files_are_read(container: str, codec: str, rate: int) -> None:
    recording = read(encoded(TONE, container, codec, rate))
    assert recording.rate == RATE
    assert recording.samples.dtype == np.int16
    assert recording.seconds == pytest.approx(SECONDS, abs=0.15)
    assert pitch_of(recording.samples) == pytest.approx(0.2 * RATE / (2 * np.pi), rel=0.01)
    assert 6000 < np.abs(recording.samples).max() < 14_000


def test_samples_that_need_no_change_are_the_same() -> None:
    pcm = (TONE * 32768).astype(np.int16)
    assert (read(encoded(TONE)).samples == pcm).all()


def wav(pcm: Any, channels: int = 1, rate: int = RATE) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(pcm.astype("<i2").tobytes())
    return file.getvalue()


@pytest.mark.parametrize("channels", [1, 2, 3, 5, 6, 7, 8, 16])
def test_channels_are_mixed_into_one(channels: int) -> None:
    pcm = np.repeat((TONE * 32768)[:, None], channels, axis=1)
    recording = read(wav(pcm, channels))
    assert recording.seconds == SECONDS
    assert np.abs(recording.samples).max() > 1000


def movie(*, has_sound: bool) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as out:
        video = out.add_stream("mpeg4", rate=10)
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        sound = out.add_stream("aac", rate=RATE, layout="mono") if has_sound else None
        for shade in range(20):
            picture = np.full((64, 64, 3), shade, np.uint8)
            out.mux(video.encode(av.VideoFrame.from_ndarray(picture)))
        out.mux(video.encode(None))
        if sound is not None:
            for start in range(0, len(TONE), 1024):
                pcm = TONE[None, start : start + 1024]
                frame = av.AudioFrame.from_ndarray(pcm, format="fltp", layout="mono")
                frame.sample_rate, frame.pts = RATE, start
                out.mux(sound.encode(frame))
            out.mux(sound.encode(None))
    return file.getvalue()


def test_the_sound_of_a_video_is_read() -> None:
    assert read(movie(has_sound=True)).seconds == pytest.approx(SECONDS, abs=0.15)


def test_a_video_without_sound_is_refused() -> None:
    error = refusal(movie(has_sound=False))
    assert error.code == "invalid_audio"
    assert "no track of sound" in error.message


MP3 = encoded(TONE, "mp3", "libmp3lame", 44_100)
MP4 = encoded(TONE, "mp4", "aac", 44_100)
FLAC = encoded(TONE, "flac", "flac", 44_100)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(500)
NO_RECORDINGS = {
    "nothing": b"",
    "one byte": b"R",
    "text": b"This is no sound. " * 500,
    "json": b'{"text": "hello"}' * 100,
    "noise": np.random.default_rng(1).bytes(100_000),
    "zeros": bytes(100_000),
    "a picture": PNG,
    "a page": b"<!DOCTYPE html><html><body>" + b"<p>hello</p>" * 1000,
    "a zip": b"PK\x03\x04" + bytes(5000),
    "a header alone": wav(np.zeros(0)),
    "half a header": wav(np.zeros(10))[:20],
    "a film without its index": MP4[: len(MP4) // 2],
    "flac without frames": FLAC[:90],
    "subtitles": b"1\n00:00:00,000 --> 00:00:01,000\nhello\n\n" * 50,
}


@pytest.mark.parametrize("data", NO_RECORDINGS.values(), ids=list(NO_RECORDINGS))
def test_what_is_no_recording_is_refused(data: bytes) -> None:
    error = refusal(data)
    assert error.code == "invalid_audio"
    assert error.message.endswith(".")
    assert "Errno" not in error.message


@pytest.mark.parametrize("data", [MP3, FLAC, wav(TONE * 32768)], ids=["mp3", "flac", "wav"])
def test_of_a_file_that_breaks_off_the_rest_is_heard(data: bytes) -> None:
    assert 0.4 < read(data[: len(data) // 2]).seconds < 1.5


def test_damaged_places_are_left_out() -> None:
    data = bytearray(MP3)
    data[4000:4300] = bytes(300)
    assert 1.5 < read(bytes(data)).seconds <= SECONDS + 0.15


@pytest.mark.parametrize("data", [MP3, MP4, FLAC], ids=["mp3", "mp4", "flac"])
@pytest.mark.parametrize("seed", range(30))
def test_damage_of_any_kind_is_survived(data: bytes, seed: int) -> None:
    rng = np.random.default_rng(seed)
    damaged = np.frombuffer(data, np.uint8).copy()
    places = rng.integers(0, len(damaged), rng.choice((3, 30, 1000)))
    damaged[places] = rng.integers(0, 256, len(places))
    assert outcome(damaged.tobytes()) in ("heard", "invalid_audio", "audio_too_long")


def test_a_recording_that_is_too_long_is_refused_with_the_limit() -> None:
    error = refusal(encoded(TONE), max_seconds=1.5)
    assert error.code == "audio_too_long"
    assert "1.5 seconds" in error.message
    assert read(encoded(TONE), max_seconds=SECONDS).seconds == SECONDS


def test_a_header_that_lies_about_the_length_changes_nothing() -> None:
    """Streams say 4 GiB, since they did not know when they began."""
    data = bytearray(wav(TONE * 32768))
    data[4:8] = data[40:44] = struct.pack("<I", 0xFFFFFFFF)
    assert read(bytes(data)).seconds == SECONDS
    data[40:44] = struct.pack("<I", 0x7FFFFF00)
    assert read(bytes(data)).seconds == SECONDS


def test_few_samples_a_second_do_not_grow_beyond_the_limit() -> None:
    assert refusal(wav(np.ones(100_000), rate=1000), max_seconds=60).code == "audio_too_long"
    assert refusal(wav(np.ones(100_000), rate=1), max_seconds=60).code == "invalid_audio"
    assert refusal(wav(np.ones(100_000), rate=2**31 - 1)).code == "invalid_audio"


class Bomb(io.BytesIO):
    """Counts what is read of it."""

    consumed = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.consumed += len(data)
        return data


def test_hours_of_packed_silence_are_read_no_further_than_the_limit() -> None:
    packed = encoded(np.zeros(RATE * 1800, np.float32), "flac", "flac", RATE)
    assert len(packed) < 500_000, "a bomb is small"
    bomb = Bomb(packed)
    with pytest.raises(RequestError, match="longer than 60 seconds"):
        read_recording(bomb, 60, lambda: None)
    assert bomb.consumed < len(packed) / 2


SDP = b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 5004 RTP/AVP 0\r\n"


def lists(secret: str) -> Iterator[bytes]:
    """Files that name another one."""
    for name in (secret, f"file:{secret}", f"file://{secret}"):
        yield f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{name}\n#EXT-X-ENDLIST\n".encode()
        yield f"ffconcat version 1.0\nfile '{name}'\n".encode()
        yield f"[playlist]\nFile1={name}\nNumberOfEntries=1\n".encode()
        yield (
            '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet>'
            f"<Representation id='1'><BaseURL>{name}</BaseURL></Representation></AdaptationSet></Period></MPD>"
        ).encode()
    yield SDP
    yield b"RTSPtextRTSP://127.0.0.1/x"


def test_files_that_name_others_are_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "secret.wav"
    secret.write_bytes(encoded(TONE))
    assert av.open(str(secret)).duration, "it could be read"
    monkeypatch.chdir(tmp_path)
    for data in [*lists(str(secret)), *lists("secret.wav")]:
        assert refusal(data).code == "invalid_audio", data


def reference_movie(target: str) -> bytes:
    """A QuickTime film whose sound lies in another file: its data reference is an alias with an absolute path."""
    path = target.encode()
    alias = struct.pack(">H", 2) + struct.pack(">H", len(path)) + path + bytes(len(path) % 2)
    record = bytes(4) + struct.pack(">H", 150 + len(alias) + 4) + struct.pack(">H", 2)
    record += bytes(142) + alias + struct.pack(">HH", 0xFFFF, 0)
    entry = struct.pack(">I4sI", 12 + len(record), b"alis", 0) + record
    dref = struct.pack(">I4sII", 16 + len(entry), b"dref", 0, 1) + entry
    whole = encoded(TONE, "mov", "pcm_s16le")
    at = whole.index(b"dref") - 4
    (size,) = struct.unpack(">I", whole[at : at + 4])
    changed = bytearray(whole[:at] + dref + whole[at + size :])
    for name in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):
        place = changed.index(name) - 4
        (old,) = struct.unpack(">I", changed[place : place + 4])
        changed[place : place + 4] = struct.pack(">I", old + len(dref) - size)
    return bytes(changed)


def test_a_film_that_refers_to_another_file_does_not_get_it(tmp_path: Path) -> None:
    secret = tmp_path / "secret.mov"
    secret.write_bytes(encoded(TONE, "mov", "pcm_s16le"))
    film = reference_movie(str(secret))
    unsafe = {"enable_drefs": "1", "use_absolute_path": "1"}
    with av.open(io.BytesIO(film), options=unsafe) as opened:
        assert sum(frame.samples for frame in opened.decode(audio=0)) == len(TONE), "it could"
    assert outcome(film) == "invalid_audio"


def test_a_cancelled_job_ends_the_reading() -> None:
    job = Job()
    job.cancel()
    with pytest.raises(Cancelled):
        read_recording(io.BytesIO(encoded(TONE)), 60, job.check)


def test_a_file_that_was_closed_meanwhile_ends_quietly(capfd: pytest.CaptureFixture[str]) -> None:
    job, file = Job(), io.BytesIO(encoded(np.tile(TONE, 30)))

    def leave() -> None:
        if not file.closed:
            file.close()
            job.cancel()
            return
        job.check()

    with pytest.raises(Cancelled):
        read_recording(file, 600, leave)
    assert capfd.readouterr().err == ""


def test_probing_leaves_the_file_readable() -> None:
    file = io.BytesIO(encoded(TONE))
    probe_recording(file)
    assert read_recording(file, 60, lambda: None).seconds == SECONDS
    with pytest.raises(RequestError):
        probe_recording(io.BytesIO(b"text"))
