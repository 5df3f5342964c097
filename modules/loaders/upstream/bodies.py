"""What the engine is asked for, as bodies of requests in the dialect of the other server. Pure functions."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from modules.core.errors import Unsupported
from modules.core.messages import Image, Message
from modules.core.requests import AS_MANY_AS_FIT, GenerationRequest, Grammar
from modules.core.sampling import SAMPLERS_BY_NAME, SamplingParams
from modules.core.tools import Tool
from modules.core.unrendered import ChatPrompt, TextPrompt
from modules.loaders.upstream.dialects import Dialect

Body = dict[str, Any]


def to_chat_body(
    model: str, request: GenerationRequest, chat: ChatPrompt, dialect: Dialect
) -> Body:
    body = _common(model, request, dialect)
    body["messages"] = [_to_message(message, dialect) for message in chat.messages]
    if request.max_tokens != AS_MANY_AS_FIT:
        body[dialect.limit_name] = request.max_tokens
    if request.logprobs is not None:
        body |= {"logprobs": True, "top_logprobs": request.logprobs}
    if chat.tools:
        body |= _tool_fields(request, chat)
    if chat.response_format is not None:
        body["response_format"] = json.loads(chat.response_format)
    if chat.continues_last:
        body |= dialect.continuation or {}
    return body | _thinking_fields(request, chat, dialect) | _cut_fields(chat, dialect)


def to_completion_body(model: str, request: GenerationRequest, dialect: Dialect) -> Body:
    """A text or token ids to go on with; with `prompt_logprobs` the answer begins with the prompt (`echo`)."""
    body = _common(model, request, dialect)
    body["prompt"] = list(request.prompt_ids)
    if isinstance(request.unrendered, TextPrompt):
        body |= _text_fields(request.unrendered, dialect)
    if request.max_tokens != AS_MANY_AS_FIT:
        body["max_tokens"] = request.max_tokens
    wanted = [n for n in (request.logprobs, request.prompt_logprobs) if n is not None]
    if wanted:
        body["logprobs"] = max(wanted)
        if dialect.has_ids:
            body["return_tokens_as_token_ids"] = True
    if request.prompt_logprobs is not None:
        body["echo"] = True
    return body


def grammar_fields(grammar: Grammar, dialect: Dialect) -> Body:
    """Unsupported for a kind that the server does not know."""
    path = dialect.grammars.get(grammar.kind)
    value: Any = json.loads(grammar.text) if grammar.kind == "json_schema" else grammar.text
    if path is not None:
        for name in reversed(path):
            value = {name: value}
        return value
    if grammar.kind == "json_schema":
        described = {"name": "reply", "schema": value}
        return {"response_format": {"type": "json_schema", "json_schema": described}}
    raise Unsupported(
        f"The upstream server takes no constraint of this kind ({grammar.kind}).",
        param=grammar.param,
    )


def _common(model: str, request: GenerationRequest, dialect: Dialect) -> Body:
    body: Body = {"model": model, "stream": True, "stream_options": {"include_usage": True}}
    body |= _sampling_fields(request.sampling, request.given, dialect)
    if request.stop:
        body["stop"] = list(request.stop)
    if request.grammar is not None:
        body |= grammar_fields(request.grammar, dialect)
    if request.sampled_logprobs:
        body["post_sampling_probs"] = True
    if not request.skip_special_tokens and "skip_special_tokens" in dialect.takes:
        body["skip_special_tokens"] = False
    return body


def _sampling_fields(
    sampling: SamplingParams, given: frozenset[str], dialect: Dialect
) -> Mapping[str, Any]:
    """What was named or differs from the default: all else is left to the other server's defaults."""
    fields: Body = {}
    for name, theirs in dialect.samplers.items():
        value: Any = getattr(sampling, name)
        if name in given or value != SAMPLERS_BY_NAME[name].default:
            fields[theirs] = {str(i): bias for i, bias in value} if name == "logit_bias" else value
    if sampling.seed < 0:
        fields.pop("seed", None)
    if not sampling.do_sample and "do_sample" not in dialect.samplers:
        fields["temperature"] = 0
    return fields


def _text_fields(prompt: TextPrompt, dialect: Dialect) -> Body:
    fields: Body = {"prompt": prompt.text}
    if prompt.suffix:
        fields["suffix"] = prompt.suffix
    if not prompt.adds_bos and "add_bos_token" in dialect.takes:
        fields["add_bos_token"] = False
    return fields


def _tool_fields(request: GenerationRequest, chat: ChatPrompt) -> Body:
    fields: Body = {"tools": [_to_tool(tool) for tool in chat.tools]}
    if chat.called is not None:
        fields["tool_choice"] = {"type": "function", "function": {"name": chat.called}}
    elif chat.tool_choice == "required":
        fields["tool_choice"] = "required"
    if request.max_calls == 1:
        fields["parallel_tool_calls"] = False
    return fields


def _to_tool(tool: Tool) -> Body:
    function: Body = {"name": tool.name, "parameters": tool.schema}
    if tool.description:
        function["description"] = tool.description
    if tool.is_strict:
        function["strict"] = True
    return {"type": "function", "function": function}


def _thinking_fields(request: GenerationRequest, chat: ChatPrompt, dialect: Dialect) -> Body:
    fields: Body = {}
    if chat.effort is not None:
        fields["reasoning_effort"] = chat.effort
    if chat.variables and "chat_template_kwargs" in dialect.takes:
        fields["chat_template_kwargs"] = dict(chat.variables)
    if request.max_reasoning is not None and "reasoning" in dialect.takes:
        fields["reasoning"] = {"max_tokens": request.max_reasoning}
    return fields


def _cut_fields(chat: ChatPrompt, dialect: Dialect) -> Body:
    is_told = chat.can_be_cut and "truncation" in dialect.takes
    return {"truncation": "auto"} if is_told else {}


def _to_message(message: Message, dialect: Dialect) -> Body:
    role = message.role
    if role == "developer" and not (dialect.is_ours or dialect.is_plain):
        role = "system"  # chat templates do not know the other
    fields: Body = {"role": role, "content": _to_content(message)}
    if message.name is not None:
        fields["name"] = message.name
    if message.tool_call_id is not None:
        fields["tool_call_id"] = message.tool_call_id
    if message.tool_calls:
        fields["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.tool_calls
        ]
    if message.reasoning_content is not None and not dialect.is_plain:
        fields["reasoning_content"] = message.reasoning_content
    return fields


def _to_content(message: Message) -> str | list[Body] | None:
    if message.content is None or isinstance(message.content, str):
        return message.content
    return [
        _to_picture(part) if isinstance(part, Image) else {"type": "text", "text": part}
        for part in message.content
    ]


def _to_picture(image: Image) -> Body:
    """The file as it came, inside the request: the other server need not, and perhaps may not, fetch it."""
    data = base64.b64encode(image.file).decode()
    return {"type": "image_url", "image_url": {"url": f"data:{image.media_type};base64,{data}"}}
