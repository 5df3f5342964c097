# pyright: basic
"""eSpeak NG through ctypes, by its header `speak_lib.h`; the wheel of espeakng-loader carries the library and its data.

The library has one state for the whole process, so each call says everything anew that it depends on.
"""

import ctypes
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import espeakng_loader

from modules.core.errors import LoadError, ModelError
from modules.loaders.speech.espeak_voice import EspeakVoice

AUDIO_OUTPUT_SYNCHRONOUS = 2
INITIALIZE_DONT_EXIT = 0x8000
BUFFER_MS = 200
CHARS_UTF8 = 1  # and nothing else: without espeakSSML and espeakPHONEMES no markup means anything
END_PAUSE = 0x1000
POS_CHARACTER = 1
RATE, PITCH, VOLUME, PUNCTUATION, CAPITALS = 1, 3, 2, 5, 6
NEUTRAL = {PITCH: 50, VOLUME: 100, PUNCTUATION: 0, CAPITALS: 0}
NORMAL_RATE = 175
"""Words a minute."""
SLOWEST_RATE = 80
GENDERS = {1: "male", 2: "female"}


class _Voice(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("reserved", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)
Hear = Callable[[bytes], object]


class _Listener:
    """Takes the samples of one call. An error that it raises ends the call, and is raised by it."""

    def __init__(self, hear: Hear) -> None:
        self.error: BaseException | None = None
        self._hear = hear

    def take(self, samples: Any, count: int, _events: Any) -> int:
        """0 to go on, 1 to stop. Nothing may be raised through C."""
        try:
            if samples and count > 0:
                self._hear(ctypes.string_at(samples, count * 2))
        except BaseException as error:  # noqa: BLE001 - raised again on the other side of the C code
            self.error = error
        return int(self.error is not None)


def _declare(library: Any) -> Any:
    voices = ctypes.POINTER(ctypes.POINTER(_Voice))
    library.espeak_ListVoices.argtypes = [ctypes.POINTER(_Voice)]
    library.espeak_ListVoices.restype = voices
    library.espeak_SetVoiceByName.argtypes = [ctypes.c_char_p]
    library.espeak_Synth.argtypes = [
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.c_uint,
        ctypes.c_int,
        ctypes.c_uint,
        ctypes.c_uint,
        ctypes.c_void_p,
        ctypes.c_void_p,
    ]
    return library


class EspeakLibrary:
    """Make one in a process, and use it from one thread: its state is the process's. It is never ended, since it can be started only once."""

    def __init__(self) -> None:
        try:
            self._c = _declare(ctypes.CDLL(espeakng_loader.get_library_path()))
            self._data = Path(espeakng_loader.get_data_path())
        except (OSError, RuntimeError) as error:
            raise LoadError(f"eSpeak NG could not be loaded: {error}") from error
        self.sample_rate: int = self._c.espeak_Initialize(
            AUDIO_OUTPUT_SYNCHRONOUS, BUFFER_MS, str(self._data).encode(), INITIALIZE_DONT_EXIT
        )
        if self.sample_rate <= 0:
            raise LoadError("eSpeak NG did not start: its data is missing or damaged.")

    def voices(self) -> list[EspeakVoice]:
        """One for each language or dialect. Those whose data is not here would be silent, so they are left out."""
        return [voice for voice in self._list(None) if self._has_data(voice)]

    def variants(self) -> list[EspeakVoice]:
        """Timbres that can be joined to a voice with `+`, by the last part of their identifier."""
        wanted = ctypes.create_string_buffer(b"variant")
        return self._list(_Voice(languages=ctypes.cast(wanted, ctypes.c_void_p)))

    def synthesize(self, text: str, voice: str, words_per_minute: int, hear: Hear) -> None:
        """`voice`: identifier, perhaps with a timbre. What `hear` raises ends it within a fifth of a second of audio.

        ModelError where the library refuses. Some texts make it crash.
        """
        listener = _Listener(hear)
        callback = _Callback(listener.take)  # kept here, since the library holds no reference
        self._c.espeak_SetSynthCallback(callback)
        if self._c.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ModelError(f"eSpeak NG could not use its voice {voice}.")
        for parameter, value in {**NEUTRAL, RATE: words_per_minute}.items():
            self._c.espeak_SetParameter(parameter, value, 0)
        status = self._speak(text.encode() + b"\0")
        if listener.error is not None:
            raise listener.error
        if status != 0:
            raise ModelError(f"eSpeak NG refused the text (status {status}).")

    def _speak(self, data: bytes) -> int:
        flags = CHARS_UTF8 | END_PAUSE
        return self._c.espeak_Synth(data, len(data), 0, POS_CHARACTER, 0, flags, None, None)

    def _has_data(self, voice: EspeakVoice) -> bool:
        """Its dictionary is named in its file, else by its language. MBROLA's voices need more than that."""
        file = self._data / "lang" / voice.identifier
        if not file.is_file():
            return False
        lines = map(str.split, file.read_text(encoding="utf-8", errors="replace").splitlines())
        named = [line[1] for line in lines if line[:1] == ["dictionary"] and len(line) > 1]
        dictionary = named[0] if named else voice.languages[0][1].partition("-")[0]
        return (self._data / f"{dictionary}_dict").is_file()

    def _list(self, wanted: _Voice | None) -> list[EspeakVoice]:
        """What the library returns is its own, until the next call."""
        found = self._c.espeak_ListVoices(ctypes.byref(wanted) if wanted else None)
        return list(_read_voices(found))


def _read_voices(found: Any) -> Iterator[EspeakVoice]:
    index = 0
    while found[index]:
        voice = found[index].contents
        yield EspeakVoice(
            voice.identifier.decode(),
            voice.name.decode().strip(),
            GENDERS.get(voice.gender, ""),
            tuple(_read_languages(voice.languages)),
        )
        index += 1


def _read_languages(address: int) -> Iterator[tuple[int, str]]:
    """A byte of rank and a text that ends with 0 for each, and a 0 in the end."""
    while address and (rank := ctypes.string_at(address, 1)[0]):
        code = ctypes.string_at(address + 1)
        yield rank, code.decode()
        address += len(code) + 2
