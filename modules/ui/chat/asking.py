"""What a page's settings make of a chat that is to be answered. Reads files, so it is for a worker thread."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from modules.core.asked import ChatRequest, Mode, Persona
from modules.core.messages import Message
from modules.core.tools import Tool
from modules.core.wishes import NO_TOOLS, Thinking, ToolUse
from modules.replies.constraints import named_grammar_constraint
from modules.settings import Settings
from modules.ui.profile import Parameters, Profile


@dataclass(frozen=True, slots=True)
class Manner:
    """How the page wants replies: everything but the messages. `thinks`: None leaves it to the model. `person`: as in `Asked`."""

    mode: Mode
    persona: Persona
    character: str
    parameters: Parameters
    command: str = ""
    thinks: bool | None = None
    effort: str = ""
    tools: tuple[Tool, ...] = ()
    person: str = ""

    @staticmethod
    def of(
        mode: str,
        persona: Persona,
        character: str,
        parameters: Parameters,
        profile: Profile,
        tools: tuple[Tool, ...],
    ) -> "Manner":
        return Manner(
            mode=cast("Mode", mode),
            persona=persona,
            character=character,
            parameters=parameters,
            command=profile.chat_instruct_command,
            thinks=profile.thinks,
            effort=profile.reasoning_effort,
            tools=tools,
        )

    def swapped(self) -> "Manner":
        """To write for the user: they take the model's part."""
        persona = replace(
            self.persona,
            user_name=self.persona.bot_name,
            bot_name=self.persona.user_name,
        )
        return replace(self, persona=persona, tools=(), thinks=False)


def to_request(
    messages: Sequence[Message], manner: Manner, settings: Settings, *, continues_last: bool = False
) -> ChatRequest:
    """RequestError for a sampling value or a grammar that cannot be used."""
    parameters = manner.parameters
    sampling = settings.sampling.updated(parameters.sampling)
    grammar = parameters.grammar.strip()
    return ChatRequest(
        face="ui",
        person=manner.person,
        messages=tuple(messages),
        mode=manner.mode,
        persona=manner.persona,
        character=manner.character or None,
        command=manner.command or None,
        sampling=sampling,
        given=frozenset(n for n, value in parameters.sampling.items() if value is not None),
        stop=parameters.stop,
        max_tokens=parameters.max_tokens,
        constraint=named_grammar_constraint(grammar, settings.grammars_path) if grammar else None,
        tools=ToolUse(manner.tools, "auto") if manner.tools else NO_TOOLS,
        thinking=to_thinking(manner.thinks, manner.effort),
        continues_last=continues_last,
        can_truncate=parameters.can_truncate,
    )


def to_thinking(thinks: bool | None, effort: str) -> Thinking:
    """`thinking` is how some templates name it; the others read `enable_thinking`."""
    variables: dict[str, Any] = {}
    if thinks is not None:
        variables |= {"enable_thinking": thinks, "thinking": thinks}
    if effort and thinks is not False:
        variables["reasoning_effort"] = effort
    return Thinking(variables, 0 if thinks is False else None)


def with_swapped_roles(messages: Sequence[Message]) -> list[Message]:
    """The chat as the user sees themself: what they said is the assistant's. Calls and their results are left out."""
    other = {"user": "assistant", "assistant": "user"}
    return [
        Message(other[each.role], each.content or "", name=each.name)  # pyright: ignore[reportArgumentType] - two of the roles
        for each in messages
        if each.role in other and each.content
    ]
