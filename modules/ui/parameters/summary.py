"""One line about the parameters that count: what differs from the server's defaults, and what the model takes no notice of."""

from typing import Any

from modules.core.sampling import SamplingParams
from modules.loaders.base import ModelInfo
from modules.ui.markup import to_markup
from modules.ui.parameters.values import changed
from modules.ui.profile import Parameters


def summary(parameters: Parameters, defaults: SamplingParams, model: ModelInfo | None) -> str:
    """HTML."""
    differing = changed(parameters, defaults)
    if not differing:
        return '<div class="facts">All samplers are as the server has them.</div>'
    chips = "".join(_chip(name, value) for name, value in differing.items())
    return f'<div class="facts params-changed"><span>Changed:</span>{chips}</div>{_unheeded(differing, model)}'


def _chip(name: str, value: Any) -> str:
    return f'<span class="chip">{to_markup(name)}&nbsp;<b>{to_markup(_shown(value))}</b></span>'


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:g}"
    text = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)  # pyright: ignore[reportUnknownArgumentType] - of any of the options
    return text if len(text) <= 24 else text[:24] + "…"


def _unheeded(differing: dict[str, Any], model: ModelInfo | None) -> str:
    names = [] if model is None else [name for name in differing if name not in model.samplers]
    if model is None or not names:
        return ""
    return f'<div class="facts">{to_markup(model.name)} takes no notice of {to_markup(", ".join(names))}.</div>'
