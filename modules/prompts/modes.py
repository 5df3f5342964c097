"""The three ways to make a prompt of a chat: instruct, chat and chat-instruct.

instruct       the messages by the model's own template
chat           a transcript, `NAME: text` line by line, that the model goes on with
chat-instruct  the transcript inside an instruction to the model, by its own template
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modules.core.asked import DEFAULT_BOT, DEFAULT_USER, Mode, Persona
from modules.core.errors import RequestError
from modules.core.messages import Image, Message
from modules.core.tools import Tool
from modules.prompts.characters import Character
from modules.prompts.chat import render_chat
from modules.prompts.names import TEXT_LIMIT, name_problem, replace_macros
from modules.prompts.prompt import Prompt, Verbatim
from modules.prompts.templates import ChatTemplate
from modules.prompts.transcript import DEFAULT_TRANSCRIPT, find_stops, render_transcript
from modules.prompts.turns import Part, check_speaker, joined, to_turns, with_greeting

DEFAULT_COMMAND = """\
Below is a dialogue. Write the next turn of <|character|>, true to how <|character|> was described and has spoken so far. \
Write this one turn only, and nothing for anyone else.

<|prompt|>"""

_PROMPT, _CHARACTER = "<|prompt|>", "<|character|>"
_CHARACTER_LIMIT = 1000
_STOP_NAMES = 8
"""Of speakers besides the two; those who spoke last."""


@dataclass(frozen=True, slots=True)
class ModePrompt:
    """`stops` end the reply where another turn begins. `drops_leading_space`: the prompt ends where a space would follow. Models write
    it as the beginning of a word, so one space in front of the reply is not part of it."""

    prompt: Prompt
    stops: tuple[str, ...] = ()
    drops_leading_space: bool = False


@dataclass(frozen=True, slots=True)
class StagedChat:
    """Messages for the model's own template, whoever has that. The rest is as in `ModePrompt`."""

    messages: Sequence[Message]
    continues_last: bool = False
    stops: tuple[str, ...] = ()
    drops_leading_space: bool = False


@dataclass(frozen=True, slots=True)
class _Scene:
    """A transcript with the turn that is to be written opened: `opening` is its name and the text to go on from."""

    said: tuple[Part, ...]
    gap: str
    opening: str
    stops: tuple[str, ...]
    drops_space: bool


def to_persona(
    character: Character | None,
    *,
    user_name: str | None = None,
    bot_name: str | None = None,
    context: str | None = None,
    greeting: str | None = None,
    user_bio: str | None = None,
) -> Persona:
    """What is given wins over the character; an empty name counts as not given. RequestError for a name that cannot be one."""
    base = character or Character(name=DEFAULT_BOT)
    user = _named(user_name, "user_name") or base.user_name or DEFAULT_USER
    bot = _named(bot_name, "bot_name") or base.name

    def ready(text: str | None, own: str, param: str) -> str:
        return replace_macros(own if text is None else text, user, bot, param=param)

    return Persona(
        user_name=user,
        bot_name=bot,
        context=ready(context, base.context, "context"),
        greeting=ready(greeting, base.greeting, "greeting"),
        user_bio=ready(user_bio, "", "user_bio"),
    )


def render_mode(  # noqa: PLR0913 - what a request can say about its prompt
    template: ChatTemplate,
    messages: Sequence[Message],
    persona: Persona,
    *,
    mode: Mode = "instruct",
    chat_template: ChatTemplate | None = None,
    command: str | None = None,
    variables: Mapping[str, Any] | None = None,
    continues_last: bool = False,
    control_texts: frozenset[str] = frozenset(),
    tools: Sequence[Tool] = (),
) -> ModePrompt:
    """`template` is the model's own, `chat_template` that of the transcript. RequestError says what cannot be rendered."""
    staged = stage_mode(
        messages,
        persona,
        mode=mode,
        chat_template=chat_template,
        command=command,
        variables=variables,
        continues_last=continues_last,
        control_texts=control_texts,
    )
    if isinstance(staged, ModePrompt):
        return staged
    prompt = render_chat(
        template,
        staged.messages,
        tools=tools,
        variables=variables,
        continues_last=staged.continues_last,
        control_texts=control_texts,
    )
    return ModePrompt(prompt, staged.stops, staged.drops_leading_space)


def stage_mode(  # noqa: PLR0913 - the same, but for the template
    messages: Sequence[Message],
    persona: Persona,
    *,
    mode: Mode = "instruct",
    chat_template: ChatTemplate | None = None,
    command: str | None = None,
    variables: Mapping[str, Any] | None = None,
    continues_last: bool = False,
    control_texts: frozenset[str] = frozenset(),
) -> StagedChat | ModePrompt:
    """What can be done without the model's template: all of it for mode chat."""
    if not messages:
        raise RequestError("messages is empty.", param="messages")
    if mode == "instruct":
        return StagedChat(_with_preface(messages, persona), continues_last)
    scene = _to_scene(
        messages,
        persona,
        chat_template or ChatTemplate(DEFAULT_TRANSCRIPT, source="transcript"),
        variables=variables or {},
        continues_last=continues_last,
        control_texts=control_texts,
    )
    if mode == "chat":
        prompt = Prompt(joined((*scene.said, scene.gap, scene.opening)))
        return ModePrompt(prompt, scene.stops, scene.drops_space)
    question = Message("user", _to_command(command, scene.said, persona))
    if not scene.opening.strip():
        return StagedChat([question], stops=scene.stops)
    answer = Message("assistant", scene.opening)
    return StagedChat([question, answer], True, scene.stops, scene.drops_space)


def _to_scene(
    messages: Sequence[Message],
    persona: Persona,
    template: ChatTemplate,
    *,
    variables: Mapping[str, Any],
    continues_last: bool,
    control_texts: frozenset[str],
) -> _Scene:
    check_speaker(persona.user_name, control_texts, param="user_name")
    check_speaker(persona.bot_name, control_texts, param="bot_name")
    begun = _begun(messages) if continues_last else ""
    told, bio = _told(messages, persona, template)
    turns = with_greeting(to_turns(told, control_texts), persona.greeting)
    named = {
        **variables,
        "name1": persona.user_name,
        "name2": persona.bot_name,
        "user_bio": bio,
    }
    transcript = render_transcript(template, turns[:-1] if continues_last else turns, named)
    opening = transcript.opening + begun
    return _Scene(
        said=transcript.parts,
        gap=transcript.gap,
        opening=opening.removesuffix(" "),
        stops=_stops(template, messages, persona, named),
        drops_space=opening.endswith(" "),
    )


def _told(
    messages: Sequence[Message], persona: Persona, template: ChatTemplate
) -> tuple[Sequence[Message], str]:
    """The messages with the persona's texts in front, and the bio where the template shows that by itself: beside the first
    message of the system, so there has to be one."""
    shows_bio = "user_bio" in template.text and (
        persona.context or any(message.role in ("system", "developer") for message in messages)
    )
    if not shows_bio:
        return _with_preface(messages, persona), ""
    in_front = [Message("system", persona.context)] if persona.context else []
    return [*in_front, *messages], persona.user_bio


def _with_preface(messages: Sequence[Message], persona: Persona) -> Sequence[Message]:
    preface = "\n\n".join(text for text in (persona.context, persona.user_bio) if text)
    return [Message("system", preface), *messages] if preface else messages


def _begun(messages: Sequence[Message]) -> str:
    last = messages[-1]
    if last.role != "assistant" or not last.text.strip():
        raise RequestError(
            "continue_ needs a last message of the assistant with text to go on from.",
            param="continue_",
        )
    return last.text


def _stops(
    template: ChatTemplate,
    messages: Sequence[Message],
    persona: Persona,
    variables: Mapping[str, Any],
) -> tuple[str, ...]:
    two = (persona.user_name, persona.bot_name)
    others = dict.fromkeys(m.name for m in reversed(messages) if m.role == "user" and m.name)
    names = [name for name in others if name not in two][:_STOP_NAMES]
    found = find_stops(template, variables, names)
    if found is not None:
        return found
    return tuple(dict.fromkeys(f"\n{name}:" for name in (*two, *names)))


def _to_command(
    command: str | None, said: Sequence[Part], persona: Persona
) -> str | tuple[str | Image, ...]:
    """The instruction with the transcript in it; what was said is not looked at for placeholders."""
    text = DEFAULT_COMMAND if command is None else command
    if len(text) > TEXT_LIMIT or text.count(_CHARACTER) > _CHARACTER_LIMIT:
        raise RequestError("chat_instruct_command is too long.", param="chat_instruct_command")
    if text.count(_PROMPT) != 1:
        raise RequestError(
            f"chat_instruct_command must have {_PROMPT} in one place: there the dialogue goes.",
            param="chat_instruct_command",
        )
    before, after = (
        replace_macros(
            part.replace(_CHARACTER, persona.bot_name),
            persona.user_name,
            persona.bot_name,
            param="chat_instruct_command",
        )
        for part in text.split(_PROMPT)
    )
    # What was said becomes part of a user's message: there control texts are made verbatim anyway.
    plain = (part.text if isinstance(part, Verbatim) else part for part in said)
    parts = [part for part in joined((before, *plain, after)) if not isinstance(part, Verbatim)]
    return parts[0] if len(parts) == 1 and isinstance(parts[0], str) else tuple(parts)


def _named(name: str | None, param: str) -> str:
    named = (name or "").strip()
    problem = name_problem(named)
    if problem:
        raise RequestError(f"{param}: {problem}.", param=param)
    return named
