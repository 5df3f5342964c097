"""The formats that speech is sent in."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

FormatName = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]

SAMPLE_RATE = 24_000
"""Of every format, as OpenAI's: one channel of 16 bits before it is encoded."""
SAMPLE_BYTES = 2
WAV_HEADER_BYTES = 44
UNKNOWN_LENGTH = 2**32 - 1


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """Without a `codec` the samples go out as they are. None of these containers needs to go back to its beginning."""

    name: FormatName
    media_type: str
    container: str = ""
    codec: str = ""
    bit_rate: int | None = None
    options: Mapping[str, str] = field(default_factory=dict[str, str])

    def header(self, sample_bytes: int | None) -> bytes:
        """What comes before the encoder's bytes; None: nobody knows yet how many they will be."""
        return wav_header(sample_bytes) if self.name == "wav" else b""


_MP3 = {
    "write_xing": "0",
    "id3v2_version": "0",
}  # a Xing frame would tell the length, which is not known
_OGG = {"page_duration": "100000"}  # microseconds; a page goes out when it is full

FORMATS: Mapping[str, AudioFormat] = {
    each.name: each
    for each in (
        AudioFormat("mp3", "audio/mpeg", "mp3", "libmp3lame", 96_000, _MP3),
        AudioFormat("opus", "audio/ogg", "ogg", "libopus", 48_000, _OGG),
        AudioFormat("aac", "audio/aac", "adts", "aac", 96_000),
        AudioFormat("flac", "audio/flac", "flac", "flac"),
        AudioFormat("wav", "audio/wav"),
        AudioFormat("pcm", "audio/pcm"),
    )
}


def wav_header(sample_bytes: int | None) -> bytes:
    """The 44 bytes before 16-bit samples. Unknown lengths are the largest number there is, as OpenAI's are."""
    length = UNKNOWN_LENGTH if sample_bytes is None else sample_bytes
    whole = UNKNOWN_LENGTH if sample_bytes is None else sample_bytes + WAV_HEADER_BYTES - 8
    pcm, channels, bits = 1, 1, 8 * SAMPLE_BYTES
    byte_rate = SAMPLE_RATE * channels * SAMPLE_BYTES
    format_chunk = struct.pack(
        "<IHHIIHH", 16, pcm, channels, SAMPLE_RATE, byte_rate, channels * SAMPLE_BYTES, bits
    )
    return b"".join(
        (
            b"RIFF",
            struct.pack("<I", whole),
            b"WAVEfmt ",
            format_chunk,
            b"data",
            struct.pack("<I", length),
        )
    )
