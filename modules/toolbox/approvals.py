"""Which calls of tools may run in a chat: the user is asked, unless they have answered for good."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, cast

from modules.core.messages import ToolCall


class Verdict(StrEnum):
    ASK = "ask"
    ALLOWED = "allowed"
    DECLINED = "declined"


class Answer(StrEnum):
    """What the user may say to a call: to this one, or to all of the same tool in this chat."""

    ALLOW = "allow"
    DENY = "deny"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Approvals:
    """The answers of one chat. `once`: by the id of the call; `for_good`: by the name of the tool. A tool is asked for by default."""

    once: Mapping[str, bool] = field(default_factory=dict[str, bool])
    for_good: Mapping[str, bool] = field(default_factory=dict[str, bool])

    def verdict(self, call: ToolCall) -> Verdict:
        """What was said to the call itself counts more than what was said to its tool."""
        answer = self.once.get(call.id, self.for_good.get(call.name))
        if answer is None:
            return Verdict.ASK
        return Verdict.ALLOWED if answer else Verdict.DECLINED

    def answered(self, call: ToolCall, answer: Answer) -> "Approvals":
        is_allowed = answer in (Answer.ALLOW, Answer.ALWAYS)
        if answer in (Answer.ALLOW, Answer.DENY):
            return replace(self, once={**self.once, call.id: is_allowed})
        return replace(self, for_good={**self.for_good, call.name: is_allowed})

    def forgotten(self, name: str) -> "Approvals":
        """The tool is asked for again."""
        kept = {tool: answer for tool, answer in self.for_good.items() if tool != name}
        return replace(self, for_good=kept)

    def to_json(self) -> dict[str, Any]:
        """To be kept with the chat. Answers to single calls are not: their calls have been run by then, or are asked for again."""
        return {"for_good": dict(self.for_good)}

    @classmethod
    def from_json(cls, value: Any) -> "Approvals":
        """Anything that is not an answer is dropped: the user is asked."""
        found = cast(dict[str, Any], value).get("for_good") if isinstance(value, dict) else None
        entries = cast(dict[str, Any], found) if isinstance(found, dict) else {}
        return cls(
            for_good={name: is_ok for name, is_ok in entries.items() if isinstance(is_ok, bool)}
        )
