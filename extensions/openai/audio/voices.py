"""GET /v1/audio/voices and /v1/audio/models: what can speak here."""

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack

from fastapi import APIRouter, Request

from extensions.openai.audio.speech_types import (
    NamedItem,
    SpeechModelList,
    SpeechModelObject,
    VoiceList,
    VoiceObject,
)
from extensions.openai.dependencies import Context
from extensions.openai.media_lease import lease_worker
from modules.core.speech import Voice
from modules.engine.media.worker import Worker
from modules.loaders.media_base import Speaker

router = APIRouter(tags=["audio"])


@router.get("/v1/audio/voices")
async def list_voices(request: Request, context: Context, model: str | None = None) -> VoiceList:
    """The voices of the default model, which is loaded for that, and of others that are loaded; or those of `model`."""
    pool = context.media.speech
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(lease_worker(pool, model, context, request))
        others = [] if model else [worker for worker in pool.loaded if worker is not first]
        data = [
            _to_object(voice, worker)
            for worker in (first, *others)
            for voice in worker.model.voices
        ]
    return VoiceList(data=data, voices=_named(data))


@router.get("/v1/audio/models")
async def list_speech_models(context: Context) -> SpeechModelList:
    """The installed speech models."""
    pool = context.media.speech
    data = [
        SpeechModelObject(
            id=model.name, name=model.name, loader=model.loader, loaded=pool.is_loaded(model.name)
        )
        for model in await asyncio.to_thread(pool.catalog.models)
    ]
    return SpeechModelList(data=data, models=_named(data))


def _to_object(voice: Voice, worker: Worker[Speaker]) -> VoiceObject:
    gender = "male" if voice.gender == "male" else "female" if voice.gender else None
    return VoiceObject(
        id=voice.id, name=voice.name, language=voice.language, gender=gender, model=worker.name
    )


def _named(items: Iterable[NamedItem]) -> list[NamedItem]:
    return [NamedItem(id=item.id, name=item.name) for item in items]
