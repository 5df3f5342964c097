"""What a chat template can show, found out by rendering small conversations. As llama.cpp does it, since no template says so."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modules.core.errors import RequestError

Fields = Mapping[str, Any]
Render = Callable[..., str]

_NEEDLE = "needle7"
_USER: Fields = {"role": "user", "content": "hay1"}
_TOOL: Fields = {
    "type": "function",
    "function": {
        "name": _NEEDLE,
        "description": "d",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "string", "description": "d"}},
            "required": ["a"],
        },
    },
}
_ON: Fields = {"enable_thinking": True, "thinking": True}
_OFF: Fields = {"enable_thinking": False, "thinking": False}
_READS_THINKING = re.compile(r"""(\.|['"])(reasoning_content|reasoning|thinking|thought)\b""")
"""As a field of a message."""


@dataclass(frozen=True, slots=True)
class Abilities:
    """`has_typed_content`: content must be a list of parts. `has_text_arguments`: a call's arguments are JSON text, not an object.

    `shows_calls`: with their results. `has_thinking_on`: without a word about it the model thinks, or may. `has_thinking_in_content`: it knows
    earlier thinking only as a part of the content. `has_null_content`: a message that only calls has no content, rather than an empty
    one. `call_sample`: how it writes a call, "" when it cannot.
    """

    shows_system: bool
    shows_tools: bool
    shows_calls: bool
    has_typed_content: bool
    has_text_arguments: bool
    has_thinking_switch: bool
    has_thinking_on: bool
    has_effort: bool
    has_thinking_in_content: bool
    has_null_content: bool
    call_sample: str = ""


def probe(render: Render, text: str) -> Abilities:
    """A dozen small renderings."""
    has_typed_content = _is_typed(render)

    def attempt(messages: Sequence[Fields], **options: Any) -> str | None:
        shaped = [_typed(each) for each in messages] if has_typed_content else messages
        try:
            return render(shaped, **options)
        except RequestError:
            return None

    as_object = attempt(_call({"a": "pin3"}))
    as_text = attempt(_call('{"a": "pin3"}'))
    is_object_fine = as_object is not None and _is_json(as_object)
    is_text_fine = as_text is not None and _is_json(as_text) and '\\"' not in as_text
    has_switch = _differs(attempt, _OFF, _ON)
    is_text = is_text_fine and not is_object_fine
    without_content = attempt(_call('{"a": "pin3"}' if is_text else {"a": "pin3"}, content=None))
    sample = (as_text if is_text else as_object) or ""
    return Abilities(
        shows_system=_NEEDLE in (attempt([{"role": "system", "content": _NEEDLE}, _USER]) or ""),
        shows_tools=_NEEDLE in (attempt([_USER], tools=[_TOOL]) or ""),
        shows_calls=all(each in sample for each in (_NEEDLE, "pin3", "result5")),
        has_typed_content=has_typed_content,
        has_text_arguments=is_text,
        has_thinking_switch=has_switch,
        has_thinking_on=not has_switch or _differs(attempt, _OFF, {}),
        has_effort=_differs(attempt, {"reasoning_effort": "low"}, {"reasoning_effort": "high"}),
        has_thinking_in_content="</think>" in text and _READS_THINKING.search(text) is None,
        has_null_content=_NEEDLE in (without_content or "")
        and "None" not in (without_content or ""),
        call_sample=sample if _NEEDLE in sample else "",
    )


def _call(arguments: Any, content: str | None = "") -> list[Fields]:
    function = {"name": _NEEDLE, "arguments": arguments}
    call = {"id": "call00000", "type": "function", "function": function}
    return [
        _USER,
        {"role": "assistant", "content": content, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call00000", "name": _NEEDLE, "content": "result5"},
        {"role": "assistant", "content": "done"},
        _USER,
    ]


def _is_json(text: str) -> bool:
    """The arguments are there as JSON, or as text by themselves; not as Python's dict, nor encoded twice."""
    if "pin3" not in text or "'pin3'" in text:
        return False
    return re.search(r'\\"pin3', text) is None


def _is_typed(render: Render) -> bool:
    plain, typed = _try(render, _USER), _try(render, _typed(_USER))
    return "hay1" not in plain and "hay1" in typed and "'text'" not in typed


def _try(render: Render, message: Fields) -> str:
    try:
        return render([message])
    except RequestError:
        return ""


def _typed(message: Fields) -> Fields:
    text = message["content"]
    return {**message, "content": None if text is None else [{"type": "text", "text": text}]}


def _differs(attempt: Callable[..., str | None], one: Fields, other: Fields) -> bool:
    """Whether the prompt of a new reply looks another way."""
    options = {"add_generation_prompt": True}
    return attempt([_USER], variables=one, **options) != attempt(
        [_USER], variables=other, **options
    )
