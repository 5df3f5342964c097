"""A model that another server runs: requests go there, its chunks come back as events."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import orjson

from modules.core.errors import AppError, LoadError, Unreachable, Unsupported
from modules.core.events import Event, Usage
from modules.core.requests import GenerationRequest, Grammar
from modules.core.unrendered import ChatPrompt
from modules.loaders.base import ModelInfo, Progress
from modules.loaders.upstream.bodies import grammar_fields, to_chat_body, to_completion_body
from modules.loaders.upstream.connection import Answer
from modules.loaders.upstream.dialects import Dialect
from modules.loaders.upstream.facts import ASSUMED, Facts, read_facts
from modules.loaders.upstream.faults import fault_in_stream, garbled
from modules.loaders.upstream.json_values import to_fields, to_json, whole_number
from modules.loaders.upstream.listing import LOADER, UpstreamModel, read_models
from modules.loaders.upstream.logprobs import by_id, by_text
from modules.loaders.upstream.replies import ChatReader, CompletionReader, ReplyReader
from modules.loaders.upstream.server import LOOK_S
from modules.loaders.upstream.sse import EventReader
from modules.loaders.upstream.tokenizer import TOKENIZERS, NoTokenizer, RemoteTokenizer

DONE = b"[DONE]"
IGNORED = "x-ignored-params"


class ConnectedModel:
    """A RemoteModel over HTTP."""

    def __init__(self, model: UpstreamModel, info: ModelInfo) -> None:
        self.info = info
        self.parallel: int = info.options["upstream_parallel"]
        self._connection = model.connection
        self._dialect = model.dialect
        kind = (
            NoTokenizer if self._dialect.tokenizer is None else TOKENIZERS[self._dialect.tokenizer]
        )
        self.tokenizer: RemoteTokenizer = kind(model.connection, model.name, info.vocabulary_size)

    def check(self, request: GenerationRequest) -> None:
        if request.media:
            raise Unsupported(
                "Pictures go to another server in messages of a chat only.", param="messages"
            )
        if request.adapters:
            raise Unsupported("LoRA adapters are for models of this server.", param="lora")
        if request.sampled_logprobs and "post_sampling_probs" not in self.info.takes:
            raise Unsupported(
                "The upstream server does not report probabilities after the samplers.",
                param="post_sampling_probs",
            )
        most, limit = (
            max(request.logprobs or 0, request.prompt_logprobs or 0),
            self.info.max_logprobs,
        )
        if limit is not None and most > limit:
            raise Unsupported(
                f"The upstream server reports at most {limit} alternatives.", param="logprobs"
            )
        if isinstance(request.unrendered, ChatPrompt):
            self._check_chat(request.unrendered)
        if request.grammar is not None:
            self.check_grammar(request.grammar)

    def check_grammar(self, grammar: Grammar) -> None:
        grammar_fields(grammar, self._dialect)

    @asynccontextmanager
    async def reply(self, request: GenerationRequest) -> AsyncGenerator["UpstreamReply"]:
        if self._reads_ids(request) and not self.tokenizer.has_pieces:
            await asyncio.to_thread(self.tokenizer.load_pieces)
        if _has_pictures(request):  # megabytes to encode
            path, body, reader = await asyncio.to_thread(self._translate, request)
        else:
            path, body, reader = self._translate(request)
        path = f"{self._connection.address.base}/{path}"
        async with self._connection.stream(path, body) as answer:
            yield UpstreamReply(answer, reader)

    def close(self) -> None:
        """The connections are the server's, which other models may use."""

    def _translate(self, request: GenerationRequest) -> tuple[str, bytes, ReplyReader]:
        """Route, body, and what reads the answer."""
        name, dialect = self.info.name, self._dialect
        if isinstance(request.unrendered, ChatPrompt):
            body = to_chat_body(name, request, request.unrendered, dialect)
            return "chat/completions", to_json(body), ChatReader(request)
        names = by_text()
        if self._reads_ids(request):
            names = by_id(self.tokenizer, shows_special=not request.skip_special_tokens)
        body = to_completion_body(name, request, dialect)
        return "completions", to_json(body), CompletionReader(request, names)

    def _reads_ids(self, request: GenerationRequest) -> bool:
        """Whether tokens are reported by their ids."""
        is_scored = request.logprobs is not None or request.prompt_logprobs is not None
        is_chat = isinstance(request.unrendered, ChatPrompt)
        return self._dialect.has_ids and is_scored and not is_chat

    def _check_chat(self, chat: ChatPrompt) -> None:
        if chat.continues_last and self._dialect.continuation is None:
            raise Unsupported(
                "The upstream server cannot go on with a message that is begun.", param="continue_"
            )


def _has_pictures(request: GenerationRequest) -> bool:
    prompt = request.unrendered
    return isinstance(prompt, ChatPrompt) and any(message.images for message in prompt.messages)


class UpstreamReply:
    """A RemoteReply. Read it once."""

    def __init__(self, answer: Answer, reader: ReplyReader) -> None:
        self._answer = answer
        self._reader = reader

    @property
    def ignored(self) -> tuple[str, ...]:
        names = self._answer.header(IGNORED).split(",")
        return tuple(name.strip() for name in names if name.strip())

    @property
    def usage(self) -> Usage:
        return self._reader.usage

    async def __aiter__(self) -> AsyncIterator[list[Event]]:
        if "event-stream" not in self._answer.header("content-type"):
            yield await self._whole()
            return
        events, is_done = EventReader(), False
        async for chunk in self._answer.chunks():
            found: list[Event] = []
            for data in events.feed(chunk):
                is_done = is_done or data == DONE
                if not is_done:
                    found += self._read(data)
            if found:
                yield found
            if is_done:
                break
        last = [] if is_done else [event for data in events.finish() for event in self._read(data)]
        yield [*last, *self._end(is_done=is_done)]

    async def _whole(self) -> list[Event]:
        """The answer of a server that does not stream."""
        data = b"".join([chunk async for chunk in self._answer.chunks()])
        return [*self._read(data), *self._end(is_done=True)]

    def _read(self, data: bytes) -> list[Event]:
        if data == DONE:
            return []
        try:
            chunk: Any = orjson.loads(data)
        except ValueError:
            raise garbled("a chunk is not JSON") from None
        if not isinstance(chunk, dict):
            raise garbled("a chunk is no object")
        fields = to_fields(chunk)
        if fields.get("error") or fields.get("object") == "error":
            raise fault_in_stream(self._answer.read_complaint(fields))
        return self._reader.read(fields)

    def _end(self, *, is_done: bool) -> list[Event]:
        events = self._reader.finish(is_done=is_done)
        if events is None:
            raise Unreachable(
                "The upstream server ended the reply in its middle.", code="upstream_broken"
            )
        return events


def load_model(
    wanted: UpstreamModel, options: Mapping[str, Any], progress: Progress
) -> ConnectedModel:
    """Looks whether it is there, and what the server tells of it. Blocking; LoadError when it is not there."""
    progress(0.0)
    model = _found(wanted)
    if model.dialect.is_ours and model.meta.get("loaded") is not True:
        _wake(model)
        model = _found(wanted)
    facts = read_facts(model)
    progress(1.0)
    return ConnectedModel(model, _to_info(model, facts, options))


def _found(wanted: UpstreamModel) -> UpstreamModel:
    listed = read_models(wanted.connection, wanted.params, LOOK_S, wanted=wanted.name)
    for model in listed:
        if model.name == wanted.name:
            return model
    raise LoadError(f"The upstream server does not list {wanted.name} any more.")


def _wake(model: UpstreamModel) -> None:
    """A Hearth loads a model when it is named: then it tells more of it."""
    path = f"{model.connection.address.root}/tokenize"
    try:
        model.connection.ask("POST", path, {"content": "", "model": model.name})
    except AppError as error:
        raise LoadError(
            f"The upstream server does not load {model.name}: {error.message}"
        ) from None


def _to_info(model: UpstreamModel, facts: Facts, options: Mapping[str, Any]) -> ModelInfo:
    dialect, parallel = model.dialect, options["upstream_parallel"]
    capabilities = tuple(name for name in facts.capabilities if name != "lora")
    return ModelInfo(
        name=model.name,
        loader=LOADER,
        context_length=options["upstream_ctx_size"] or facts.context_length or 0,
        slots=min(facts.slots or parallel, parallel),
        vocabulary_size=facts.vocabulary_size or 0,
        samplers=_samplers(dialect),
        capabilities=capabilities or ASSUMED,
        train_context_length=facts.train_context_length,
        architecture=facts.architecture,
        description=facts.description,
        parameters=facts.parameters,
        size_bytes=whole_number(model.meta.get("size_bytes") or model.meta.get("size")),
        options=dict(options),
        renders_itself=True,
        takes=dialect.takes,
        max_logprobs=dialect.max_logprobs,
    )


def _samplers(dialect: Dialect) -> frozenset[str]:
    """`do_sample` off is a temperature of 0 everywhere."""
    return frozenset(dialect.samplers) | {"do_sample"}
