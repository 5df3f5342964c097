"""Speech for tests, made by eSpeak NG: words that the bundled tiny Whisper knows, in the voices it was trained with."""

import hashlib
import io
import random
from dataclasses import dataclass
from typing import Any

import av
import numpy as np

from modules.loaders.speech.espeak_library import EspeakLibrary

RATE = 16_000
_ENGLISH = """
zero one two three four five six seven eight nine ten red green blue yellow black white yes no stop go left right up
down open close hello world please cat dog house tree water music computer banana apple morning night happy
"""
_SHARED = "zero one two three four five six seven eight nine red green blue yellow hello world dog cat house water"
_GERMAN = "null eins zwei drei vier fünf sechs sieben acht neun rot grün blau gelb hallo welt hund katze haus wasser"
_FRENCH = "zéro un deux trois quatre cinq six sept huit neuf rouge vert bleu jaune bonjour monde chien chat maison eau"


def _pairs(words: str, in_english: str) -> dict[str, str]:
    return dict(zip(words.split(), in_english.split(), strict=True))


WORDS = {
    "en": _pairs(_ENGLISH, _ENGLISH),
    "de": _pairs(_GERMAN, _SHARED),
    "fr": _pairs(_FRENCH, _SHARED),
}
"""By language: each word, and what it is in English."""
VOICES = {
    "en": ("en-us", "en", "en-gb-x-rp", "en-gb-scotland"),
    "de": ("de",),
    "fr": ("fr", "fr-be"),
}
VARIANTS = ("", "+m1", "+m2", "+m3", "+m4", "+m5", "+m6", "+m7", "+f1", "+f2", "+f3", "+f4", "+f5")


class Espeak:
    def __init__(self) -> None:
        self._library = EspeakLibrary()

    def say(self, text: str, voice: str = "en-us", speed: int = 160) -> Any:
        """Samples at 16 kHz, from -1 to 1, without the silence around them."""
        pcm: list[bytes] = []
        self._library.synthesize(text, voice, speed, lambda samples, *_: pcm.append(samples))
        heard = np.frombuffer(b"".join(pcm), np.int16)
        return _trimmed(_resampled(heard, self._library.sample_rate))


def _resampled(pcm: Any, rate: int) -> Any:
    frame = av.AudioFrame.from_ndarray(pcm[None, :], format="s16", layout="mono")
    frame.sample_rate = rate
    resampler = av.AudioResampler("s16", "mono", RATE)
    frames = [*resampler.resample(frame), *resampler.resample(None)]
    return np.concatenate([f.to_ndarray()[0] for f in frames]).astype(np.float32) / 32768


def _trimmed(samples: Any) -> Any:
    loud = np.flatnonzero(np.abs(samples) > 0.005)
    return samples[loud[0] : loud[-1] + 1]


@dataclass(frozen=True)
class Utterance:
    language: str
    words: tuple[str, ...]
    samples: Any

    @property
    def in_english(self) -> tuple[str, ...]:
        return tuple(WORDS[self.language][word] for word in self.words)


def utterances(
    espeak: Espeak, language: str, count: int, seed: int = 4321, lengths: tuple[int, int] = (3, 5)
) -> list[Utterance]:
    """Sequences of words that the checkpoint was not trained with: a fixed tenth of all was held out."""
    rng = random.Random(seed)
    return [_utterance(espeak, language, rng, lengths) for _ in range(count)]


def _utterance(
    espeak: Espeak, language: str, rng: random.Random, lengths: tuple[int, int]
) -> Utterance:
    known = list(WORDS[language])
    words = [rng.choice(known) for _ in range(rng.randint(*lengths))]
    while not _is_held_out(words):
        words = [rng.choice(known) for _ in range(rng.randint(*lengths))]
    voice = rng.choice(VOICES[language]) + rng.choice(VARIANTS)
    samples = espeak.say(rng.choice((" ", ", ")).join(words), voice, rng.randint(120, 210))
    return Utterance(language, tuple(words), padded(samples))


def _is_held_out(words: list[str]) -> bool:
    """As the training decided; it wrote the German nouns with capitals."""
    nouns = {"welt", "hund", "katze", "haus", "wasser"}
    text = " ".join(word.capitalize() if word in nouns else word for word in words)
    return hashlib.md5(text.encode(), usedforsecurity=False).digest()[0] % 10 == 0


def padded(samples: Any, seconds: float = 0.2) -> Any:
    """At half volume, with silence around it."""
    silence = np.zeros(round(seconds * RATE), np.float32)
    return np.concatenate([silence, samples * 0.5 / np.abs(samples).max(), silence])


def silence(seconds: float) -> Any:
    return np.zeros(round(seconds * RATE), np.float32)


def encoded(
    samples: Any, container: str = "wav", codec: str = "pcm_s16le", rate: int = RATE
) -> bytes:
    """The samples as a file of this container and codec."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate, layout="mono")
        resampler = av.AudioResampler(
            stream.codec_context.format, "mono", rate, stream.codec_context.frame_size or None
        )
        pcm = np.clip(samples * 32768, -32768, 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(pcm[None, :], format="s16", layout="mono")
        frame.sample_rate = RATE
        for each in [*resampler.resample(frame), *resampler.resample(None)]:
            output.mux(stream.encode(each))
        output.mux(stream.encode(None))
    return file.getvalue()


def word_errors(said: tuple[str, ...], heard: list[str]) -> int:
    """Words that must be changed, added or left out to get from one to the other."""
    costs = list(range(len(heard) + 1))
    for i, word in enumerate(said, 1):
        diagonal, costs[0] = costs[0], i
        for j, other in enumerate(heard, 1):
            diagonal, costs[j] = (
                costs[j],
                min(costs[j] + 1, costs[j - 1] + 1, diagonal + (word != other)),
            )
    return costs[-1]
