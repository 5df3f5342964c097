"""POST /v1/audio/speech: a text is spoken, and sent while it is being spoken."""

import base64
import math
import uuid
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from extensions.openai.audio.speech_types import (
    SpeechDelta,
    SpeechDone,
    SpeechRequest,
    SpeechUsage,
)
from extensions.openai.audio.streaming import AudioResponse
from extensions.openai.dependencies import Context, while_connected
from extensions.openai.head import REQUEST_ID
from extensions.openai.ignored import ignored_headers
from extensions.openai.media_lease import lease_worker
from extensions.openai.sse import EventStreamResponse, frame_of, guarded
from modules.core.jobs import Job
from modules.core.speech import Utterance, Voice
from modules.engine.media.job_stream import JobStream
from modules.engine.media.narration import Narration, checked_text
from modules.engine.media.statistics import MediaStatistics
from modules.loaders.media_base import Speaker
from modules.settings import Settings
from modules.sound.formats import FORMATS, AudioFormat

router = APIRouter(tags=["audio"])

WAV_PATIENCE_S = 0.3
"""A WAV file says its length in the beginning, and some players need to know it: so long the end is waited for."""
UNITS_PER_SECOND = 50
"""As transcriptions count them."""

_BINARY: dict[str, Any] = {
    each.media_type: {"schema": {"type": "string", "format": "binary"}} for each in FORMATS.values()
}


@router.post(
    "/v1/audio/speech",
    response_class=Response,
    responses={200: {"content": {**_BINARY, "text/event-stream": {}}}},
)
async def create_speech(body: SpeechRequest, request: Request, context: Context) -> Response:
    """Speak a text. The file is sent while it is made; with `stream_format: "sse"` its pieces come as events."""
    settings = context.settings
    text = checked_text(body.input, settings.max_speech_chars)
    audio_format = FORMATS[body.response_format or "mp3"]
    pool = context.media.speech
    async with AsyncExitStack() as stack:
        worker = await stack.enter_async_context(lease_worker(pool, body.model, context, request))
        voice = worker.model.find_voice(body.voice, body.language)
        headers = _headers(body, voice, worker.model, settings)
        narration = Narration(Utterance(text, voice, body.speed or 1.0), audio_format)
        stack.callback(narration.tape.close)
        news: JobStream[None] = worker.stream(narration.run, Job(headers[REQUEST_ID]))
        stack.push_async_callback(news.aclose)
        await while_connected(request, narration.begin(news, _patience(body, audio_format)))
        chunks = _counted(narration, news, pool.statistics)
        cleanup = stack.pop_all()
    if body.stream_format == "sse":
        frames = guarded(to_frames(chunks, narration), sends_done=True)
        return EventStreamResponse(frames, cleanup, settings.api_keep_alive_s, headers)
    if narration.is_whole:
        headers["Content-Length"] = str(narration.size)
    return AudioResponse(chunks, cleanup, audio_format.media_type, headers)


def _headers(
    body: SpeechRequest, voice: Voice, speaker: Speaker, settings: Settings
) -> dict[str, str]:
    has_language = "language" in speaker.info.capabilities
    idle = {
        "instructions": bool(body.instructions and body.instructions.strip()),
        "language": bool(body.language)
        and not has_language
        and not voice.speaks(body.language or ""),
        "stream": body.stream is False and body.stream_format == "sse",
    }
    also = [name for name, is_idle in idle.items() if is_idle]
    ignored = ignored_headers(body, None, is_strict=settings.strict_params, also=also)
    return {REQUEST_ID: f"speech-{uuid.uuid4().hex}", **ignored}


def _patience(body: SpeechRequest, audio_format: AudioFormat) -> float | None:
    """How long the end is waited for before anything is sent; None is to the end."""
    if body.stream_format == "sse":
        return 0
    if body.stream is False:
        return None
    return WAV_PATIENCE_S if audio_format.name == "wav" else 0


async def _counted(
    narration: Narration, news: JobStream[None], statistics: MediaStatistics
) -> AsyncGenerator[bytes]:
    async for data in narration.read(news):
        yield data
    statistics.units += len(narration.utterance.text)


async def to_frames(chunks: AsyncGenerator[bytes], narration: Narration) -> AsyncGenerator[bytes]:
    async for data in chunks:
        yield _frame(SpeechDelta(audio=base64.b64encode(data).decode()))
    yield _frame(SpeechDone(usage=_usage(narration)))


def _frame(event: SpeechDelta | SpeechDone) -> bytes:
    return frame_of(event.model_dump_json().encode())


def _usage(narration: Narration) -> SpeechUsage:
    characters = len(narration.utterance.text)
    units = math.ceil(narration.seconds * UNITS_PER_SECOND)
    return SpeechUsage(
        input_tokens=characters, output_tokens=units, total_tokens=characters + units
    )
