"""Which fields of a request had no effect, for the X-Ignored-Params header and for --strict-params."""

import re
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from modules.core.errors import RequestError
from modules.core.sampling import SAMPLERS_BY_NAME
from modules.loaders.base import ModelInfo

HEADER = "X-Ignored-Params"
MAX_NAMES = 20

ADVISORY = frozenset(
    (
        "user",
        "metadata",
        "store",
        "service_tier",
        "safety_identifier",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "parallel_tool_calls",
    )
)
"""Labels, billing and hints: whether they are heeded cannot be seen in a reply."""

NEUTRAL: dict[str, Any] = {
    "modalities": ["text"],
    "reasoning_effort": None,
    "verbosity": "medium",
    "audio": None,
    "prediction": None,
    "web_search_options": None,
}

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def ignored_params(body: BaseModel, info: ModelInfo | None) -> list[str]:
    """Names of the fields that were set to something, and changed nothing."""
    unknown = [
        name
        for name, value in (body.model_extra or {}).items()
        if value is not None and name not in ADVISORY and NEUTRAL.get(name, ...) != value
    ]
    unheeded = [
        name
        for name in body.model_fields_set & SAMPLERS_BY_NAME.keys()
        if info is not None
        and SAMPLERS_BY_NAME[name].name not in info.samplers
        and _is_set(body, name)
    ]
    idle = ["stream_options"] if _has_idle_stream_options(body) else []
    return sorted([*unknown, *unheeded, *idle])


def ignored_headers(
    body: BaseModel,
    info: ModelInfo | None,
    *,
    is_strict: bool,
    also: Iterable[str] = (),
) -> dict[str, str]:
    """The response header, empty when all counted; RequestError instead with --strict-params.

    Without `info` only unknown fields are looked for. `also`: what else was found to have no effect.
    """
    names = sorted({*ignored_params(body, info), *also})
    if not names:
        return {}
    if is_strict:
        raise RequestError(
            f"Unknown or ineffective parameters: {', '.join(_printable(names))}.",
            param=names[0],
            code="unsupported_parameter",
        )
    return {HEADER: ", ".join(_printable(names))}


def _has_idle_stream_options(body: BaseModel) -> bool:
    return bool(getattr(body, "stream_options", None)) and not getattr(body, "stream", None)


def _is_set(body: BaseModel, name: str) -> bool:
    value = getattr(body, name)
    return value is not None and value != SAMPLERS_BY_NAME[name].default


def _printable(names: Iterable[str]) -> list[str]:
    """Names come from outside: only such as a header can carry, and not too many."""
    return [name for name in names if _NAME.fullmatch(name)][:MAX_NAMES] or ["(unprintable)"]
