# pyright: basic
"""openai-whisper behind the protocol `Transcriber`."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
import whisper
from whisper.tokenizer import LANGUAGES, TO_LANGUAGE_CODE

from modules.core.jobs import Job
from modules.core.transcripts import ListeningRequest, Passage, Recording
from modules.loaders.machine import usable_cores
from modules.loaders.media_base import MediaInfo
from modules.loaders.media_catalog import InstalledMedia
from modules.loaders.speech_recognition.checkpoints import load_checkpoint
from modules.loaders.speech_recognition.devices import choose_device
from modules.loaders.speech_recognition.passages import Context, to_passage
from modules.loaders.speech_recognition.windows import Window, find_windows

TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
"""One after the other, until the result looks well (whisper's own)."""

THREADS = usable_cores()


def load_whisper(model: InstalledMedia, options: Mapping[str, Any]) -> "WhisperTranscriber":
    """From a file; one that is not there yet is downloaded where its name is one of Whisper's own."""
    path = model.path or Path(model.name)
    device = choose_device(options["device"])
    checkpoint = load_checkpoint(path, device)
    return WhisperTranscriber(checkpoint, model.name, path.stat().st_size)


class WhisperTranscriber:
    """Short recordings go to `whisper.transcribe` whole, long ones window by window.

    A window that was cut from the one before in the middle of speech has the text before it as its prompt.
    """

    def __init__(self, model: whisper.Whisper, name: str, size_bytes: int) -> None:
        self._model = model
        self.languages = _languages(model)
        self.info = MediaInfo(
            name,
            "whisper",
            ("transcription", "translation") if model.is_multilingual else ("transcription",),
            size_bytes,
            {"device": str(model.device)},
        )

    def name_of(self, language: str) -> str:
        return LANGUAGES[language]

    def listen(
        self, recording: Recording, request: ListeningRequest, job: Job
    ) -> Iterator[Passage]:
        windows = find_windows(recording.samples, recording.rate)
        context = Context(request.prompt)
        for done, window in enumerate(windows):
            job.note(done, len(windows))
            if not window.goes_on:
                context.forget()
            passage = self._hear(recording, window, request, context, job)
            if not passage.segments and context.is_heard:
                context.forget()  # too much of it can make the model deaf
                passage = self._hear(recording, window, request, context, job)
            if passage.segments and request.language is None:
                request = replace(request, language=passage.language)
            context.add(passage)
            yield passage
        job.note(len(windows), len(windows))

    def close(self) -> None:
        is_on_gpu = self._model.device.type == "cuda"
        del self._model
        if is_on_gpu:
            torch.cuda.empty_cache()

    def _hear(
        self,
        recording: Recording,
        window: Window,
        request: ListeningRequest,
        context: Context,
        job: Job,
    ) -> Passage:
        torch.set_num_threads(THREADS)  # numba, which aligns words, sets it for the whole machine
        samples = recording.samples[window.start : window.end].astype(np.float32) / 32768
        heard = whisper.transcribe(
            cast("whisper.Whisper", _Interruptible(self._model, job)),
            samples,
            language=request.language,
            task=request.task,
            initial_prompt=context.text or None,
            temperature=request.temperature or TEMPERATURES,
            word_timestamps=request.has_words,
            fp16=self._model.device.type == "cuda",
        )
        return to_passage(heard, window, recording.rate)


def _languages(model: whisper.Whisper) -> dict[str, str]:
    """Later models know more than earlier ones; those for English alone have no tokens for languages."""
    codes = list(LANGUAGES)[: model.num_languages] if model.is_multilingual else ["en"]
    names = {name: code for name, code in TO_LANGUAGE_CODE.items() if code in codes}
    return {**{code: code for code in codes}, **names}


class _Interruptible:
    """The model as `whisper.transcribe` uses it, which gives up within a token once the job is cancelled."""

    def __init__(self, model: whisper.Whisper, job: Job) -> None:
        self._model = model
        self._job = job

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def __call__(self, *args: Any) -> Any:
        return self._model(*args)

    def decode(self, mel: torch.Tensor, options: whisper.DecodingOptions) -> Any:
        steps = [*self._model.encoder.blocks, self._model.decoder]
        hooks = [step.register_forward_pre_hook(self._check) for step in steps]
        try:
            return self._model.decode(mel, options)
        finally:
            for hook in hooks:
                hook.remove()

    def _check(self, *_: Any) -> None:
        self._job.check()
