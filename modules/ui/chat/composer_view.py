"""The controls around the text field, as the page shows them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modules.toolbox.offered import OfferedTool, SourceStatus, source_key
from modules.ui.chat.people import Face
from modules.ui.profile import Profile

EFFORTS = ("low", "medium", "high")
MODES: Mapping[str, tuple[str, str]] = {
    "instruct": ("Instruct", "The model's own chat format. Right for most models."),
    "chat": (
        "Chat",
        "A plain dialogue that the model goes on with, for models without a chat format.",
    ),
    "chat-instruct": (
        "Chat-instruct",
        "The dialogue inside of an instruction: an instruct model plays the character.",
    ),
}
NO_TOOLS = "There are no tools yet. Put Python files into user_data/tools, or name MCP servers in user_data/mcp.json."


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Of the model that answers; `name` is empty where there is none. `thinks_by_default`: where nobody says anything."""

    name: str = ""
    context_length: int = 0
    can_see: bool = False
    can_switch_thinking: bool = False
    thinks_by_default: bool = False
    has_effort: bool = False


@dataclass(frozen=True, slots=True)
class Draft:
    """Text for the field below, such as what could not be sent. `adds`: after what is there. `number` tells drafts apart."""

    number: int
    text: str
    adds: bool = False
    files: tuple[tuple[str, str], ...] | None = None
    """Path and name of uploads; None leaves what is attached."""

    def to_view(self) -> dict[str, Any]:
        view: dict[str, Any] = {"n": self.number, "text": self.text, "adds": self.adds}
        if self.files is not None:
            view["files"] = [{"path": path, "name": name} for path, name in self.files]
        return view


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """`switched_off`: names of tools and keys of sources. `always`: names of tools that need no answer in this chat."""

    is_on: bool = False
    switched_off: frozenset[str] = frozenset()
    offered: tuple[OfferedTool, ...] = ()
    sources: tuple[SourceStatus, ...] = ()
    always: tuple[str, ...] = ()

    def to_view(self) -> dict[str, Any]:
        groups = [_group(source, self.offered, self.switched_off) for source in self.sources]
        return {
            "is_on": self.is_on,
            "groups": groups,
            "hint": NO_TOOLS,
            "always": list(self.always),
        }


def to_thinking_view(facts: ModelFacts, profile: Profile) -> dict[str, Any]:
    is_on = facts.thinks_by_default if profile.thinks is None else profile.thinks
    return {
        "can": facts.can_switch_thinking or facts.has_effort,
        "is_on": is_on,
        "has_effort": facts.has_effort,
        "efforts": list(EFFORTS),
        "effort": profile.reasoning_effort or "medium",
        "help": "Slower, and often better where a question is hard.",
    }


def to_modes() -> list[dict[str, str]]:
    return [{"id": key, "title": title, "help": text} for key, (title, text) in MODES.items()]


def to_characters(faces: Sequence[Face]) -> list[dict[str, str]]:
    """Nobody in particular comes first."""
    people = [{"id": face.id, "name": face.name, "picture": face.picture} for face in faces]
    return [{"id": "", "name": "No character", "picture": ""}, *people]


def to_placeholder(name: str, facts: ModelFacts) -> str:
    if not facts.name:
        return "Load a model first"
    return f"Write to {name}" if name else "Write a message"


def _group(
    source: SourceStatus, offered: Sequence[OfferedTool], switched_off: Collection[str]
) -> dict[str, Any]:
    key = source_key(source.kind, source.name)
    tools = [tool for tool in offered if tool.source_key == key]
    kind = "MCP server" if source.kind == "mcp" else "Python file"
    return {
        "key": key,
        "title": source.name,
        "status": f"{kind}, {source.sentence}"
        if source.kind == "mcp" or source.state == "failed"
        else kind,
        "state": source.state,
        "is_on": key not in switched_off,
        "tools": [
            {
                "name": tool.name,
                "description": _line(tool.tool.description),
                "is_on": tool.is_enabled,
            }
            for tool in tools
            if key not in switched_off
        ],
    }


def _line(text: str | None) -> str:
    first = (text or "").strip().partition("\n")[0]
    return first if len(first) <= 120 else first[:119] + "…"
