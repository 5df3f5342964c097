"""What is loaded, as /v1/internal/model/* tells it."""

from typing import Any

from extensions.openai.health import to_progress
from extensions.openai.response_types import MemoryInfo, ModelInfoResponse, ResidentInfo
from modules.context import AppContext
from modules.engine.model import LoadedModel
from modules.loaders.memory_estimate import MemoryEstimate


def to_model_info(context: AppContext, model: LoadedModel | None = None) -> ModelInfoResponse:
    """About one model, the current one where none is given, and what there is beside it. Looks at files, so it is for a thread."""
    models = context.models
    model = model or models.current
    around: dict[str, Any] = {
        "loading": to_progress(context),
        "last_error": models.last_error,
        "models": [_to_resident(each) for each in models.loaded],
        "sleeping": models.asleep,
    }
    if model is None:
        return ModelInfoResponse(model_name=None, lora_names=[], loader=None, **around)
    info = model.info
    return ModelInfoResponse(
        model_name=info.name,
        lora_names=list(model.engine.adapters.names),
        loader=info.loader,
        context_length=info.context_length,
        train_context_length=info.train_context_length,
        slots=info.slots,
        architecture=info.architecture,
        description=info.description,
        parameters=info.parameters,
        size_bytes=info.size_bytes,
        vocabulary_size=info.vocabulary_size,
        capabilities=list(info.capabilities),
        chat_template_source=model.template_source,
        load_args=dict(model.load_args),
        options=dict(info.options),
        memory=to_memory(model.plan.memory),
        **around,
    )


def to_memory(memory: MemoryEstimate) -> MemoryInfo:
    return MemoryInfo(
        weights=memory.weights, kv=memory.kv, buffers=memory.buffers, total=memory.total
    )


def _to_resident(model: LoadedModel) -> ResidentInfo:
    info = model.info
    return ResidentInfo(
        model_name=info.name,
        loader=info.loader,
        context_length=info.context_length,
        slots=info.slots,
        capabilities=list(info.capabilities),
        load_args=dict(model.load_args),
        memory=to_memory(model.plan.memory),
        loaded_at=model.loaded_at,
        in_use=model.leases,
    )
