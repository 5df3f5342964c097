"""What a server tells of one of its models, beyond its name. Servers differ, and much may stay unknown."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from modules.core.errors import AppError
from modules.loaders.upstream.connection import Connection
from modules.loaders.upstream.json_values import Fields, to_fields, to_items, whole_number
from modules.loaders.upstream.listing import UpstreamModel
from modules.loaders.upstream.server import LOOK_S

ASSUMED = ("completion", "chat", "vision")
"""Where nothing is told: what a model cannot do, its server refuses."""


@dataclass(frozen=True, slots=True)
class Facts:
    """None, or empty: not told."""

    context_length: int | None = None
    train_context_length: int | None = None
    vocabulary_size: int | None = None
    slots: int | None = None
    capabilities: tuple[str, ...] = ()
    architecture: str | None = None
    description: str | None = None
    parameters: int | None = None


def read_facts(model: UpstreamModel) -> Facts:
    """Blocking. What cannot be asked is not known."""
    connection, dialect = model.connection, model.dialect
    if dialect.is_ours:
        return _of_hearth(connection, model)
    if dialect.tokenizer == "llama":
        return _of_llama_server(connection, model)
    listed = model.listed
    length = (
        listed.get("max_model_len") or listed.get("context_length") or listed.get("context_window")
    )
    return Facts(context_length=whole_number(length))


def _of_hearth(connection: Connection, model: UpstreamModel) -> Facts:
    name = quote(model.name, safe="")
    told = _ask(connection, f"{connection.address.base}/internal/model/info?model={name}")
    if told.get("model_name") != model.name:  # another one is loaded there at the moment
        told = model.meta
    return Facts(
        context_length=whole_number(told.get("context_length")),
        train_context_length=whole_number(told.get("train_context_length")),
        vocabulary_size=whole_number(told.get("vocabulary_size")),
        slots=whole_number(told.get("slots")),
        capabilities=_texts(told.get("capabilities")),
        architecture=_text(told.get("architecture")),
        description=_text(told.get("description")),
        parameters=whole_number(told.get("parameters")),
    )


def _of_llama_server(connection: Connection, model: UpstreamModel) -> Facts:
    props, meta = _ask(connection, f"{connection.address.root}/props"), model.meta
    defaults = to_fields(props.get("default_generation_settings"))
    return Facts(
        context_length=whole_number(defaults.get("n_ctx") or meta.get("n_ctx")),
        train_context_length=whole_number(meta.get("n_ctx_train")),
        vocabulary_size=whole_number(meta.get("n_vocab")),
        slots=whole_number(props.get("total_slots")),
        capabilities=_capabilities(props),
        parameters=whole_number(meta.get("n_params")),
    )


def _capabilities(props: Fields) -> tuple[str, ...]:
    if not props:
        return ()
    sees = to_fields(props.get("modalities")).get("vision") is True
    return ("completion", "chat", *(["vision"] if sees else []))


def _ask(connection: Connection, path: str) -> Fields:
    with suppress(AppError):
        return to_fields(connection.ask("GET", path, timeout_s=LOOK_S))
    return {}


def _text(value: Any) -> str | None:
    return value[:1000] if isinstance(value, str) else None


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(map(str, to_items(value)))
