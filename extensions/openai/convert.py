"""Request schemas to what the engine takes. Pure functions; the last place where "OpenAI" is known."""

import json
from collections.abc import Iterable

from extensions.openai.typing import (
    ChatCompletionRequest,
    ChatMessage,
    GenerationFields,
    ResponseFormat,
    SamplingFields,
)
from modules.core.errors import RequestError, Unsupported
from modules.core.messages import Message, ToolCall
from modules.core.requests import Grammar
from modules.core.sampling import SAMPLERS_BY_NAME, SamplingParams

MAX_STOPS = 64
MAX_STOP_CHARS = 1024


def to_sampling(body: SamplingFields, defaults: SamplingParams) -> SamplingParams:
    """The server's defaults with the request's explicit values."""
    given = {name: getattr(body, name) for name in body.model_fields_set & SAMPLERS_BY_NAME.keys()}
    return defaults.updated(given)


def with_seed(sampling: SamplingParams, index: int) -> SamplingParams:
    """The n-th reply of a seeded request gets a seed of its own."""
    if sampling.seed < 0 or index == 0:
        return sampling
    return sampling.updated({"seed": (sampling.seed + index) % 2**63})


def to_stops(stop: str | list[str] | None) -> tuple[str, ...]:
    stops = [stop] if isinstance(stop, str) else stop or []
    if len(stops) > MAX_STOPS or any(len(each) > MAX_STOP_CHARS for each in stops):
        raise RequestError(
            f"stop takes at most {MAX_STOPS} strings of {MAX_STOP_CHARS} characters.", param="stop"
        )
    return tuple(each for each in stops if each)


def to_grammar(body: GenerationFields) -> Grammar | None:
    """The constraint of a request; a grammar and a response format exclude each other."""
    wanted: Grammar | None = None
    if isinstance(body, ChatCompletionRequest) and body.response_format is not None:
        wanted = _format_grammar(body.response_format)
    if not body.grammar_string:
        return wanted
    if wanted is not None:
        raise RequestError(
            "grammar_string and response_format cannot be used together.", param="grammar_string"
        )
    return Grammar("gbnf", body.grammar_string, "grammar_string")


def _format_grammar(wanted: ResponseFormat) -> Grammar | None:
    if wanted.type == "text":
        return None
    if wanted.type == "json_object":
        return Grammar("json_schema", '{"type": "object"}')
    described = wanted.json_schema
    if described is None:
        raise RequestError(
            "response_format of type json_schema needs 'json_schema'.",
            param="response_format.json_schema",
        )
    schema = described.json_schema if described.json_schema is not None else {}
    return Grammar("json_schema", json.dumps(schema), "response_format.json_schema.schema")


def to_messages(messages: Iterable[ChatMessage]) -> list[Message]:
    """Order and text untouched."""
    return [_to_message(message, f"messages[{i}]") for i, message in enumerate(messages)]


def _to_message(message: ChatMessage, where: str) -> Message:
    calls = tuple(
        ToolCall(call.id, call.function.name, call.function.arguments)
        for call in message.tool_calls or []
    )
    content = _to_text(message, where)
    if content is None and not calls and message.role != "assistant":
        raise RequestError(
            f"A message of the {message.role} needs content.", param=f"{where}.content"
        )
    return Message(
        role=message.role,
        content=content,
        name=message.name,
        tool_calls=calls,
        tool_call_id=message.tool_call_id,
        reasoning_content=message.reasoning_content,
    )


def _to_text(message: ChatMessage, where: str) -> str | None:
    if message.content is None or isinstance(message.content, str):
        return message.content
    texts: list[str] = []
    for i, part in enumerate(message.content):
        text = {"text": part.text, "input_text": part.text, "refusal": part.refusal}.get(part.type)
        if part.type in ("image_url", "input_image", "input_audio", "file"):
            raise Unsupported(
                f"The loaded model takes text only, not parts of type {part.type}.",
                param=f"{where}.content[{i}]",
            )
        if text is None:
            raise RequestError(
                f"Content parts are of type text, with 'text'; not {part.type!r}.",
                param=f"{where}.content[{i}]",
            )
        texts.append(text)
    return "".join(texts)


def refuse_unsupported(body: ChatCompletionRequest) -> None:
    """Fields that change what a reply is: to ignore them would be to answer another question."""
    wants_tools = (body.tools and body.tool_choice != "none") or (
        body.functions and body.function_call != "none"
    )
    if wants_tools:
        raise Unsupported(
            "Tools are not supported by this version of the server.",
            param="tools" if body.tools else "functions",
        )
    if body.modalities and set(body.modalities) != {"text"}:
        raise Unsupported("Replies are text only.", param="modalities")
    if body.top_logprobs is not None and not body.logprobs:
        raise RequestError("top_logprobs needs logprobs to be true.", param="top_logprobs")
