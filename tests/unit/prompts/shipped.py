"""The templates that ship, a conversation with a tool call, and how they are rendered, for tests."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from modules.prompts.template_sources import ModelFacts, TemplateSources
from modules.prompts.templates import ChatTemplate
from modules.settings import ROOT

USER_DATA = Path(ROOT) / "user_data"
GOLDEN = Path(__file__).parent / "golden"
END_MARK = "␃\n"
"""Stands at the end of each golden file, so that white space before it stays."""

WITH_TOOLS: Mapping[str, str] = {
    "Command-R": "command_r",
    "DeepSeek": "deepseek_v3",
    "DeepSeek-R1": "deepseek_v3",
    "DeepSeek-V3.1": "deepseek_v31",
    "GLM-4.5": "glm",
    "Granite-3": "granite",
    "Kimi-K2": "kimi",
    "Llama-v3": "llama3_json",
    "Llama-v4": "llama_pythonic",
    "MiniMax-M2": "minimax_m2",
    "Mistral": "mistral_list",
    "Mistral-v3": "mistral_list",
    "Phi-4-mini": "phi4_mini",
    "Qwen2.5": "hermes",
    "Qwen3": "hermes",
    "Qwen3-Coder": "qwen_xml",
    "gpt-oss": "harmony",
}
"""The families that have a way of their own to show tools, with the format of their calls."""

ARGUMENTS = {"city": "Paris", "days": 2}
TOOL: Mapping[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Tells the weather.",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "Name of the city"},
                "days": {"type": "integer"},
            },
            "required": ["city"],
        },
    },
}
SYSTEM = {"role": "system", "content": "Be brief."}
QUESTION = {"role": "user", "content": "What is the weather in Paris?"}
RESULT = {
    "role": "tool",
    "content": "22 degrees",
    "tool_call_id": "call_a1b2c3d4e",
    "name": "get_weather",
}
ANSWER = {"role": "assistant", "content": "It is warm."}
NEXT_QUESTION = {"role": "user", "content": "And in Rome?"}
DATES = {"date_string": "01 May 2025", "current_date": "2025-05-01"}


def names() -> list[str]:
    return sorted(path.stem for path in (USER_DATA / "instruction-templates").iterdir())


def template(name: str, *, bos: str = "<bos>", eos: str = "<eos>") -> ChatTemplate:
    facts = ModelFacts(name="test", metadata=None, bos_text=bos, eos_text=eos)
    return TemplateSources(USER_DATA).named(name, facts)


def call(arguments: Any = ARGUMENTS, id: str = "call_a1b2c3d4e") -> Mapping[str, Any]:  # noqa: A002 - the name on the wire
    function = {"name": "get_weather", "arguments": arguments}
    return {"id": id, "type": "function", "function": function}


def calling(*calls: Mapping[str, Any], content: str = "", **fields: str) -> Mapping[str, Any]:
    return {"role": "assistant", "content": content, "tool_calls": list(calls), **fields}


def conversation(name: str, arguments: Any = ARGUMENTS) -> list[Mapping[str, Any]]:
    """The call and its result are left out for families without tools: the host writes them as text."""
    steps = [calling(call(arguments)), RESULT] if name in WITH_TOOLS else []
    return [SYSTEM, QUESTION, *steps, ANSWER, NEXT_QUESTION]


def render(name: str, messages: Sequence[Mapping[str, Any]], **variables: Any) -> str:
    return template(name).render_fields(
        messages,
        tools=[TOOL] if name in WITH_TOOLS else None,
        add_generation_prompt=True,
        variables={**DATES, **variables},
    )


def golden(name: str) -> str:
    text = (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")
    assert text.endswith(END_MARK)
    return text.removesuffix(END_MARK)


def json_arguments() -> str:
    return json.dumps(ARGUMENTS)
