"""What was said: turns, and the versions of each.

A turn of the user has one step per version. A turn of the assistant may have several: where the model called tools, a step ends with the
calls and their results, and the next is what the model wrote after it had read them. So everything between two messages of the user is one
turn, and is regenerated, swiped and deleted as one.
"""

import time
from dataclasses import dataclass, field, replace
from typing import Literal

Role = Literal["system", "user", "assistant"]
ROLES: tuple[Role, ...] = ("system", "user", "assistant")

AttachmentKind = Literal["text", "image", "audio"]
ATTACHMENT_KINDS: tuple[AttachmentKind, ...] = ("text", "image", "audio")


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that was given along. `text`: what the model reads of it, or the transcript of speech; pictures have none.

    `file`: the name under which the store keeps its bytes, empty where they are not kept. `notice`: what was cut, for people.
    """

    name: str
    kind: AttachmentKind
    text: str = ""
    file: str = ""
    media_type: str = ""
    notice: str = ""


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A call of the model; `arguments` is JSON text. `result`: None until there is one. `is_error`: it failed, or was not allowed."""

    id: str
    name: str
    arguments: str
    result: str | None = None
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """What was written in one go: thinking, text, then calls."""

    text: str = ""
    reasoning: str = ""
    calls: tuple[ToolUse, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.text or self.reasoning or self.calls)


SHORTEST_SPAN_S = 0.05
"""From the first token to the last. Below that, the time says more about how they were handed over than about the model."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What a reply cost, over all its steps. `seconds`: from its first token to its last. `context_tokens`: of the context that was used at
    its end, which is less where it has several steps; 0 where nobody knows."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    context_tokens: int = 0

    @property
    def tokens_per_second(self) -> float | None:
        """None where it says nothing: there is one token only, or they came all at once."""
        if self.seconds < SHORTEST_SPAN_S or self.completion_tokens < 2:
            return None
        return (self.completion_tokens - 1) / self.seconds


@dataclass(frozen=True, slots=True)
class Version:
    """One wording of a turn. `shown`: what people see instead of the text, where something changed it for them only.

    `model`: who wrote it, empty for a person. `finish_reason`: the engine's; empty where nobody generated it. `created`: seconds since 1970.
    """

    steps: tuple[Step, ...]
    attachments: tuple[Attachment, ...] = ()
    shown: str | None = None
    model: str = ""
    tally: Tally | None = None
    finish_reason: str = ""
    created: float = field(default_factory=time.time)

    @staticmethod
    def of(
        text: str, *, attachments: tuple[Attachment, ...] = (), shown: str | None = None
    ) -> "Version":
        """What a person wrote."""
        return Version((Step(text),), attachments, shown)

    @property
    def text(self) -> str:
        """All its text; that of several steps in paragraphs."""
        return "\n\n".join(step.text for step in self.steps if step.text)

    @property
    def last_text(self) -> str:
        """What an edit changes: the text of the last step."""
        return self.steps[-1].text if self.steps else ""

    @property
    def calls(self) -> tuple[ToolUse, ...]:
        return tuple(call for step in self.steps for call in step.calls)

    @property
    def open_calls(self) -> tuple[ToolUse, ...]:
        """Those that wait for a result."""
        return tuple(call for call in self.calls if call.result is None)

    @property
    def is_empty(self) -> bool:
        return not self.attachments and all(step.is_empty for step in self.steps)

    def with_text(self, text: str) -> "Version":
        """Edited by a person now: the text of the last step is another."""
        *earlier, last = self.steps or (Step(),)
        return replace(
            self,
            steps=(*earlier, replace(last, text=text)),
            shown=None,
            tally=None,
            finish_reason="",
            created=time.time(),
        )

    def with_step(self, step: Step) -> "Version":
        return replace(self, steps=(*self.steps, step))

    def with_result(self, call_id: str, result: str, *, is_error: bool = False) -> "Version":
        """The first call of this id that waits for a result has it now: not every model gives each call an id of its own."""
        for i, step in enumerate(self.steps):
            for j, call in enumerate(step.calls):
                if call.id == call_id and call.result is None:
                    answered = replace(call, result=result, is_error=is_error)
                    calls = (*step.calls[:j], answered, *step.calls[j + 1 :])
                    steps = (*self.steps[:i], replace(step, calls=calls), *self.steps[i + 1 :])
                    return replace(self, steps=steps)
        return self


@dataclass(frozen=True, slots=True)
class Turn:
    """`versions`: at least one, oldest first. `chosen`: the index of the one that counts."""

    role: Role
    versions: tuple[Version, ...]
    chosen: int = 0

    @property
    def version(self) -> Version:
        return self.versions[self.chosen]

    def with_version(self, version: Version) -> "Turn":
        """One more, and that one counts."""
        return replace(self, versions=(*self.versions, version), chosen=len(self.versions))

    def with_chosen(self, version: Version) -> "Turn":
        """In place of the one that counts."""
        before, after = self.versions[: self.chosen], self.versions[self.chosen + 1 :]
        return replace(self, versions=(*before, version, *after))

    def choosing(self, number: int) -> "Turn":
        return replace(self, chosen=number)

    def alone(self, number: int | None = None) -> "Turn":
        """With one version only: that one, or the one that counts."""
        return Turn(self.role, (self.versions[self.chosen if number is None else number],))
