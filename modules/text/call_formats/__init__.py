"""Every tool-call format, the more specific ones first. A new family is a file here and a line below."""

from collections.abc import Mapping

from modules.text.call_formats import (
    command_r,
    deepseek,
    gemma,
    glm,
    harmony,
    hermes,
    kimi,
    lfm2,
    llama3,
    minimax,
    mistral,
    nemotron,
    phi,
    qwen_xml,
    seed_oss,
)
from modules.text.call_formats.base import ToolFormat

_FAMILIES = (
    harmony,
    deepseek,
    kimi,
    minimax,
    glm,
    seed_oss,
    qwen_xml,
    command_r,
    mistral,
    nemotron,
    lfm2,
    phi,
    hermes,
    llama3,
    gemma,
)
FORMATS: Mapping[str, ToolFormat] = {
    each.name: each for family in _FAMILIES for each in family.FORMATS
}


def find_format(name: str) -> ToolFormat:
    """KeyError when there is none: names are the host's own, never a request's."""
    return FORMATS[name]
