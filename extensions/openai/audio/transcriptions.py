"""POST /v1/audio/transcriptions and POST /v1/audio/translations: speech to text."""

import asyncio
from contextlib import AsyncExitStack
from functools import partial

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from extensions.openai.audio.hearing import Upload, start_hearing
from extensions.openai.audio.transcript_answers import (
    render_text,
    to_transcription,
    to_translation,
    to_verbose_transcription,
    to_verbose_translation,
)
from extensions.openai.audio.transcript_frames import to_frames
from extensions.openai.audio.transcription_plan import (
    check_combinations,
    plan_transcription,
    plan_translation,
    without_effect,
)
from extensions.openai.audio.transcription_types import (
    TranscriptFormat,
    TranscriptionForm,
    TranscriptionResponse,
    TranslationForm,
    TranslationResponse,
    VerboseTranscription,
    VerboseTranslation,
)
from extensions.openai.dependencies import Context, while_connected
from extensions.openai.forms import form_schema, read_form
from extensions.openai.head import REQUEST_ID
from extensions.openai.ignored import ignored_headers
from extensions.openai.replies import json_response
from extensions.openai.response_types import Response as Schema
from extensions.openai.sse import EventStreamResponse, guarded
from modules.core.transcripts import Transcript
from modules.engine.media.hearing import Hearing

router = APIRouter(prefix="/v1/audio", tags=["audio"])

FILE = {"file": "The recording: wav, mp3, mp4, m4a, ogg, opus, flac, webm and others, also videos"}


@router.post(
    "/transcriptions",
    response_model=TranscriptionResponse | VerboseTranscription,
    openapi_extra=form_schema(TranscriptionForm, FILE, ["file"]),
)
async def create_transcription(request: Request, context: Context) -> Response:
    """Write what is said. With `stream` the text comes as server-sent events of `transcript.text.delta`."""
    async with read_form(request, TranscriptionForm) as form, AsyncExitStack() as stack:
        body = form.fields
        upload = Upload(form.file("file").file, body.model, partial(plan_transcription, body))
        check_combinations(body)
        headers = ignored_headers(
            body, None, is_strict=context.settings.strict_params, also=without_effect(body)
        )
        hearing = await start_hearing(upload, request, context, stack)
        headers[REQUEST_ID] = hearing.job.stop_id
        if body.stream:
            frames = guarded(to_frames(hearing), sends_done=True)
            keep_alive_s = context.settings.api_keep_alive_s
            return EventStreamResponse(frames, stack.pop_all(), keep_alive_s, headers)
        transcript = await while_connected(request, hearing.fold())
    answer = _to_transcription(body, transcript, hearing)
    return await _to_response(body.response_format, transcript, answer, headers)


@router.post(
    "/translations",
    response_model=TranslationResponse | VerboseTranslation,
    openapi_extra=form_schema(TranslationForm, FILE, ["file"]),
)
async def create_translation(request: Request, context: Context) -> Response:
    """Write in English what is said in another language."""
    async with read_form(request, TranslationForm) as form, AsyncExitStack() as stack:
        body = form.fields
        upload = Upload(form.file("file").file, body.model, partial(plan_translation, body))
        headers = ignored_headers(body, None, is_strict=context.settings.strict_params)
        hearing = await start_hearing(upload, request, context, stack)
        headers[REQUEST_ID] = hearing.job.stop_id
        transcript = await while_connected(request, hearing.fold())
    is_verbose = body.response_format == "verbose_json"
    answer = to_verbose_translation(transcript) if is_verbose else to_translation(transcript)
    return await _to_response(body.response_format, transcript, answer, headers)


def _to_transcription(body: TranscriptionForm, transcript: Transcript, hearing: Hearing) -> Schema:
    if body.response_format != "verbose_json":
        return to_transcription(transcript)
    code = transcript.language
    language = None if code is None else hearing.model.name_of(code)
    return to_verbose_transcription(
        transcript, language, body.timestamp_granularities or ["segment"]
    )


async def _to_response(
    form: TranscriptFormat | None, transcript: Transcript, answer: Schema, headers: dict[str, str]
) -> Response:
    if form is None or form == "json" or form == "verbose_json":
        return json_response(answer, headers)
    text = await asyncio.to_thread(render_text, transcript, form)
    return PlainTextResponse(text, headers=headers)
