"""What a page's parameters are, and what changes them. Values; nothing here knows of widgets."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from modules.core.errors import RequestError
from modules.core.sampling import SAMPLERS, SAMPLERS_BY_NAME, SamplingParams
from modules.prompts.presets import load_preset, save_preset, to_plain
from modules.ui.keeping import keep
from modules.ui.parameters.fields import NOT_OF_PRESETS, SamplerField
from modules.ui.profile import Parameters, to_parameters
from modules.ui.session import Session

MAX_STOPS = 64
MAX_STOP_CHARS = 1024
MAX_TOKENS = 2**31 - 1
_SHOWN = "parameters"
"""Key of the session's parts: what the tab shows."""


def in_effect(parameters: Parameters, defaults: SamplingParams) -> SamplingParams:
    """`defaults`: the server's."""
    return defaults.updated(parameters.sampling)


def with_sampler(
    parameters: Parameters, field: SamplerField, given: Any, defaults: SamplingParams
) -> Parameters:
    """What the control of a sampler says. What is the server's default is not kept, so that it follows when that changes."""
    value = field.from_control(given)
    others = {name: each for name, each in parameters.sampling.items() if name != field.name}
    if value == getattr(defaults, field.name):
        return replace(parameters, sampling=others)
    return replace(parameters, sampling={**others, field.name: to_plain(field.name, value)})


def with_max_tokens(parameters: Parameters, given: Any) -> Parameters:
    """Nothing and 0 are: as many as fit."""
    if given in (None, 0, ""):
        return replace(parameters, max_tokens=None)
    if not isinstance(given, int | float) or given != int(given) or not 0 < given <= MAX_TOKENS:
        raise RequestError("max_tokens must be a whole number, or 0 for as many as fit.")
    return replace(parameters, max_tokens=int(given))


def with_stops(parameters: Parameters, stops: tuple[str, ...]) -> Parameters:
    if len(stops) > MAX_STOPS or any(len(each) > MAX_STOP_CHARS for each in stops):
        raise RequestError(
            f"There may be {MAX_STOPS} stop strings of {MAX_STOP_CHARS} characters each."
        )
    return replace(parameters, stop=stops)


def with_preset(parameters: Parameters, name: str, folder: Path) -> Parameters:
    """The samplers as the preset has them, those that it does not name as the server has them. Reads a file."""
    values = load_preset(folder, name)
    params = SamplingParams().updated(values)
    named = {SAMPLERS_BY_NAME[key].name for key, value in values.items() if value is not None}
    found = {each: to_plain(each, getattr(params, each)) for each in named}
    kept = {key: value for key, value in parameters.sampling.items() if key in NOT_OF_PRESETS}
    return replace(parameters, sampling={**found, **kept}, preset=name)


def neutral(parameters: Parameters, defaults: SamplingParams) -> Parameters:
    """Every sampler off: the model's own distribution, whatever the server's defaults are."""
    plain = SamplingParams()
    sampling = {
        each.name: to_plain(each.name, getattr(plain, each.name))
        for each in SAMPLERS
        if each.name not in NOT_OF_PRESETS
        and getattr(plain, each.name) != getattr(defaults, each.name)
    }
    kept = {key: value for key, value in parameters.sampling.items() if key in NOT_OF_PRESETS}
    return replace(parameters, sampling={**sampling, **kept}, preset="")


def without_sampling(parameters: Parameters) -> Parameters:
    """All samplers as the server has them."""
    return replace(parameters, sampling={}, preset="")


def keep_preset(parameters: Parameters, name: str, folder: Path, defaults: SamplingParams) -> None:
    """What is in effect and not neutral becomes a preset. Writes a file."""
    params, plain = in_effect(parameters, defaults), SamplingParams()
    values = {
        each.name: to_plain(each.name, getattr(params, each.name))
        for each in SAMPLERS
        if each.name not in NOT_OF_PRESETS
        and getattr(params, each.name) != getattr(plain, each.name)
    }
    save_preset(folder, name, values)


def changed(parameters: Parameters, defaults: SamplingParams) -> dict[str, Any]:
    """The samplers that are not as the server has them."""
    params = in_effect(parameters, defaults)
    return {
        each.name: getattr(params, each.name)
        for each in SAMPLERS
        if getattr(params, each.name) != getattr(defaults, each.name)
    }


def to_settings(parameters: Parameters) -> dict[str, Any]:
    """As a conversation keeps them (`Conversation.settings`)."""
    return {**asdict(parameters), "stop": list(parameters.stop)}


def from_settings(settings: Mapping[str, Any] | None) -> Parameters | None:
    """What is not as it should be counts as not there; None stays None."""
    return None if settings is None else to_parameters(dict(settings))


async def change(session: Session, parameters: Parameters) -> None:
    """By the tab itself: for the chat that has its own, else for all, which is kept. ConfigError when it cannot be: then it counts for
    this page only."""
    if session.chat_parameters is not None:
        session.chat_parameters = parameters
        note_shown(session)
        return
    try:
        await keep(session, parameters=parameters)
    finally:
        note_shown(session)


def note_shown(session: Session) -> None:
    """The tab shows what counts now."""
    session.parts[_SHOWN] = _to_be_shown(session)


def is_shown(session: Session) -> bool:
    """Nothing has changed since, so there is no need to write over what somebody may be typing."""
    return session.parts.get(_SHOWN) == _to_be_shown(session)


def _to_be_shown(session: Session) -> tuple[Parameters, bool]:
    return session.parameters, session.chat_parameters is not None
