"""Turns of a conversation as the page shows them: plain values, with the texts rendered."""

import json
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from modules.chats.turns import Attachment, Step, ToolUse, Turn, Version
from modules.toolbox.rounds import DECLINED
from modules.ui.chat.markdown import GrowingText, Renderer, render_plain

Address = Callable[[Attachment], str]
"""Of an attached file, for the page; empty where it cannot be shown."""

_REASONS = {
    "length": "The reply ends here because the limit of tokens was reached.",
    "cancelled": "Stopped.",
}


class TurnViews:
    """Of one page: turns that have not changed are not rendered again. For any thread."""

    def __init__(self) -> None:
        self._renderer = Renderer()
        self._lock = threading.Lock()
        self._known: dict[int, tuple[Turn, dict[str, Any]]] = {}

    def show(self, turns: tuple[Turn, ...], address: Address) -> list[dict[str, Any]]:
        with self._lock:
            known = {
                id(turn): self._known.get(id(turn)) or self._make(turn, address) for turn in turns
            }
            self._known = known
            return [known[id(turn)][1] for turn in turns]

    def _make(self, turn: Turn, address: Address) -> tuple[Turn, dict[str, Any]]:
        version = turn.version
        if turn.role == "assistant":
            shown = self._replied(version)
        else:
            text = version.text if version.shown is None else version.shown
            shown = [_step(render_plain(text), Step())]
        # The turn is kept along, so that no other can have its id.
        return turn, {
            **_frame(turn, address),
            "steps": shown,
            "meta": meta(version),
            "note": _REASONS.get(version.finish_reason, ""),
        }

    def _replied(self, version: Version) -> list[dict[str, Any]]:
        if version.shown is not None:
            return [
                _step(
                    self._renderer.render(version.shown),
                    Step(reasoning=version.steps[0].reasoning if version.steps else ""),
                )
            ]
        return [_step(self._renderer.render(step.text), step) for step in version.steps]


class GrowingView:
    """The turn whose reply is being made. One thread at a time."""

    def __init__(self, turn_of: Callable[[Version], Turn], address: Address) -> None:
        self._turn_of = turn_of
        self._address = address
        self._renderer = Renderer(code_limit=6000)
        self._texts: list[GrowingText] = []

    def show(
        self,
        version: Version,
        *,
        waiting: Collection[str] = (),
        is_running: bool = False,
        thinking_s: float | None = None,
    ) -> dict[str, Any]:
        """`waiting`: ids of calls that the user is asked about."""
        while len(self._texts) < len(version.steps):
            self._texts.append(GrowingText(self._renderer))
        steps: list[dict[str, Any]] = []
        for number, step in enumerate(version.steps):
            is_last = number == len(version.steps) - 1
            shown = _step(
                self._texts[number].render(step.text),
                step,
                waiting,
                is_running=is_running and is_last,
            )
            if is_last and shown["think"] is not None:
                shown["think"] |= {
                    "label": _thought(thinking_s) if step.text or step.calls else "Thinking",
                    "pending": not (step.text or step.calls),
                }
            steps.append(shown)
        turn = self._turn_of(version)
        # Its text is edited when it is whole, so that it need not go along each time.
        return {**_frame(turn, self._address), "text": "", "steps": steps, "meta": "", "note": ""}


def meta(version: Version) -> str:
    """Speed, length, and who wrote it."""
    parts: list[str] = []
    if version.tally is not None:
        speed = version.tally.tokens_per_second
        if speed is not None:
            parts.append(f"{speed:.1f} tokens/s")
        count = version.tally.completion_tokens
        if count:  # of a reply that was stopped nobody has told it
            parts.append(f"{count:,} {'token' if count == 1 else 'tokens'}")
    if version.model:
        parts.append(version.model)
    return " · ".join(parts)


def _frame(turn: Turn, address: Address) -> dict[str, Any]:
    version = turn.version
    return {
        "role": turn.role,
        "text": version.last_text,
        "copy": version.text if version.shown is None else version.shown,
        "files": [_file(each, address) for each in version.attachments],
        "chosen": turn.chosen,
        "total": len(turn.versions),
    }


def _file(attachment: Attachment, address: Address) -> dict[str, Any]:
    return {
        "name": attachment.name,
        "kind": attachment.kind,
        "url": address(attachment) if attachment.kind == "image" else "",
        "notice": attachment.notice,
    }


def _step(
    html: list[str], step: Step, waiting: Collection[str] = (), *, is_running: bool = False
) -> dict[str, Any]:
    think = {"text": step.reasoning, "label": "Thought", "pending": False}
    return {
        "think": think if step.reasoning else None,
        "html": html,
        "calls": [_call(call, waiting, is_running=is_running) for call in step.calls],
    }


def _call(call: ToolUse, waiting: Collection[str], *, is_running: bool) -> dict[str, Any]:
    return {
        "id": call.id,
        "name": call.name,
        "arguments": _pretty(call.arguments),
        "result": call.result or "",
        "state": _call_state(call, waiting, is_running=is_running),
    }


def _call_state(call: ToolUse, waiting: Collection[str], *, is_running: bool) -> str:
    if call.result is not None:
        if call.is_error:
            return "declined" if call.result == DECLINED.text else "failed"
        return "done"
    if call.id in waiting:
        return "waiting"
    return "running" if is_running else "open"


def _pretty(arguments: str) -> str:
    """As the model wrote it where it is no JSON, not yet, or nested too deeply."""
    try:
        value = json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments
    return json.dumps(value, ensure_ascii=False, indent=2)


def _thought(seconds: float | None) -> str:
    if seconds is None:
        return "Thought"
    return "Thought for a moment" if seconds < 1.5 else f"Thought for {seconds:.0f} s"


@dataclass(frozen=True, slots=True)
class ContextUse:
    """Tokens of the model's context: `used` by the last prompt and its reply, of `total`."""

    used: int = 0
    total: int = 0

    def to_view(self) -> dict[str, int]:
        return {"used": self.used, "total": self.total}
