"""Answers from documents: what of them is near to a question goes into the prompt, and the reply names its sources.

Files lie in `user_data/rag`, and with --multi-user those of a person in a folder of their own below it; their vectors are made by the
embedding model of this program. Acts on chats of the API as on the web UI's, which get what is there for everybody.
"""

import re
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from extensions.rag.embedding import OwnEmbeddings
from extensions.rag.library import Found, Library
from extensions.rag.shelf import Shelf
from modules.core.asked import ChatRequest, TextRequest
from modules.core.messages import Message
from modules.own_params import OwnParams

params: dict[str, Any] = {
    "display_name": "Documents",
    "is_active": True,
    "model": "",  # an installed embedding model; empty: the default one
    "passages": 4,  # at most so many go into a prompt
    "least": 0.25,  # cosine below which a passage has nothing to do with the question
    "passage_size": 900,  # characters
    "passage_overlap": 150,
    "patience_s": 20.0,  # how long a chat waits for documents that are new
    "shows_sources": True,
    "instruction": "Use these passages where they help, and name them by their numbers, such as [1].",
}

_HEAD = re.compile(r"^\[(\d+)\] (.+ \(passage \d+ of \d+\))$", re.MULTILINE)
_SOURCES = re.compile(r"\n\n---\nSources: [^\n]*\Z")
_SHORT = 40
"""Characters: such a question is seldom clear without the one before."""

shelves: list[Shelf] = []
own = OwnParams(params)


def setup(context: Any) -> None:
    user_data = Path(context.settings.user_data_dir)
    model = OwnEmbeddings(context, str(params["model"]))
    size, overlap = int(params["passage_size"]), int(params["passage_overlap"])

    def open_library(folder: Path, cache: Path) -> Library:
        return Library(folder, cache, model, size=size, overlap=overlap)

    shelves[:] = [Shelf(user_data / "rag", user_data / "cache" / "rag", open_library)]


def history_modifier(messages: list[Message], state: ChatRequest) -> list[Message]:
    """Sources are for people: the model does not see those of earlier replies."""
    return [
        replace(message, content=_SOURCES.sub("", message.content))
        if message.role == "assistant" and isinstance(message.content, str)
        else message
        for message in messages
    ]


def input_modifier(text: str, state: ChatRequest | TextRequest) -> str:
    if not isinstance(state, ChatRequest) or not text.strip():
        return text
    if not own.of(state.person)["is_active"]:
        return text
    found = look_up(_question(text, state.messages), state.person)
    return f"{to_prompt(found)}\n\n{text}" if found else text


class Sourced:
    """Text goes through as it comes; the sources come at the end."""

    def __init__(self, state: ChatRequest | TextRequest) -> None:
        self._sources = _sources_in(state) if params["shows_sources"] else {}
        self._text: list[str] = []

    def feed(self, text: str) -> str:
        self._text.append(text)
        return text

    def finish(self) -> str:
        said = "".join(self._text)
        if not said.strip() or not self._sources:
            return ""
        named = {number: name for number, name in self._sources.items() if f"[{number}]" in said}
        shown = " · ".join(
            f"[{number}] {name}" for number, name in (named or self._sources).items()
        )
        return f"\n\n---\nSources: {shown}"


def output_stream(state: ChatRequest | TextRequest) -> Sourced:
    return Sourced(state)


def look_up(question: str, person: str) -> list[Found]:
    """Passages for a question, from what the person may read and has been read by now."""
    shelf = shelves[0]
    reading = threading.Thread(target=shelf.refresh, args=[person], name="rag", daemon=True)
    reading.start()
    reading.join(float(params["patience_s"]))
    return shelf.search(person, question, int(params["passages"]), float(params["least"]))


def to_prompt(found: Sequence[Found]) -> str:
    passages = "\n\n".join(
        f"[{number}] {each.name} (passage {each.number} of {each.total})\n{each.text}"
        for number, each in enumerate(found, 1)
    )
    return f"{params['instruction']}\n\n{passages}"


def _question(text: str, messages: Sequence[Message]) -> str:
    earlier = [each.text for each in messages if each.role == "user"][:-1]
    return f"{earlier[-1]}\n{text}" if len(text) < _SHORT and earlier else text


def _sources_in(state: ChatRequest | TextRequest) -> dict[str, str]:
    """By their numbers, as they stand in the prompt. A structured reply has no room for them, and one that goes on has them already."""
    if not isinstance(state, ChatRequest) or state.constraint is not None or state.continues_last:
        return {}
    asked = next((each.text for each in reversed(state.messages) if each.role == "user"), "")
    if not asked.startswith(str(params["instruction"])):
        return {}
    return dict(_HEAD.findall(asked))


def ui_tab(context: Any) -> None:
    from extensions.rag.panel import build

    build(context, shelves[0], own)
