"""The wire: responses as pydantic models. Nothing here computes."""

from typing import Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

FinishReason = Literal["stop", "length", "tool_calls", "function_call", "content_filter"]


class Response(BaseModel):
    model_config = ConfigDict(protected_namespaces=())


class LeanResponse(Response):
    """Leaves the fields named in `_lean` out where they are None, as OpenAI does."""

    _lean: ClassVar[tuple[str, ...]] = ()

    @model_serializer(mode="wrap")
    def _leave_out(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields = serialize(self)
        for name in self._lean:
            if fields.get(name) is None:
                fields.pop(name, None)
        return fields


class ErrorDetail(Response):
    message: str
    type: str
    param: str | None
    code: str | None


class ErrorResponse(Response):
    error: ErrorDetail


class PromptTokensDetails(Response):
    cached_tokens: int
    audio_tokens: int = 0


class CompletionTokensDetails(Response):
    reasoning_tokens: int = 0
    audio_tokens: int = 0
    accepted_prediction_tokens: int = 0
    rejected_prediction_tokens: int = 0


class UsageInfo(LeanResponse):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptTokensDetails
    completion_tokens_details: CompletionTokensDetails
    truncated_messages: int | None = Field(
        None, description='Messages that truncation: "auto" left out'
    )

    _lean = ("truncated_messages",)


class CompletionLogprobs(Response):
    tokens: list[str]
    token_logprobs: list[float | None]
    top_logprobs: list[dict[str, float] | None]
    text_offset: list[int]


class EndingChoice(LeanResponse):
    stop_reason: str | None = Field(
        None, description="The stop string that ended the reply, if one did"
    )

    _lean = ("stop_reason",)


class CompletionChoice(EndingChoice):
    index: int
    text: str
    logprobs: CompletionLogprobs | None
    finish_reason: FinishReason | None


class CompletionResponse(Response):
    id: str
    object: Literal["text_completion"] = "text_completion"
    created: int
    model: str
    system_fingerprint: str | None = None
    choices: list[CompletionChoice]
    usage: UsageInfo | None = None


class TopLogprob(Response):
    token: str
    logprob: float
    bytes: list[int]


class ChatTokenLogprob(TopLogprob):
    top_logprobs: list[TopLogprob]


class ChatLogprobs(Response):
    content: list[ChatTokenLogprob]
    refusal: None = None


class CalledFunction(Response):
    name: str
    arguments: str


class ReplyToolCall(Response):
    id: str
    type: Literal["function"] = "function"
    function: CalledFunction


class ReplyMessage(LeanResponse):
    role: Literal["assistant"] = "assistant"
    content: str | None
    refusal: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[ReplyToolCall] | None = None
    function_call: CalledFunction | None = None

    _lean = ("reasoning_content", "tool_calls", "function_call")


class ChatChoice(EndingChoice):
    index: int
    message: ReplyMessage
    logprobs: ChatLogprobs | None
    finish_reason: FinishReason


class ChatCompletionResponse(Response):
    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    system_fingerprint: str | None = None
    choices: list[ChatChoice]
    usage: UsageInfo


class ModelMeta(Response):
    loaded: bool
    loader: str
    parent: str | None = None
    context_length: int | None = None
    train_context_length: int | None = None
    slots: int | None = None
    capabilities: list[str] = []
    size_bytes: int | None = None
    memory_bytes: int | None = Field(default=None, description="By estimate, of a loaded model")


class ModelObject(Response):
    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str
    meta: ModelMeta


class ModelList(Response):
    object: Literal["list"] = "list"
    data: list[ModelObject]


class EncodeResponse(Response):
    tokens: list[int]
    length: int


class DecodeResponse(Response):
    text: str


class TokenCountResponse(Response):
    length: int


class LogitsResponse(Response):
    logits: dict[str, float] = Field(description="Token text to probability, most likely first")
    tokens: list["TokenProbability"] = Field(
        description="The same with ids: equal texts stay apart"
    )


class TokenProbability(Response):
    id: int
    token: str
    probability: float
    logprob: float


class ChatPromptResponse(Response):
    prompt: str


class StopResponse(Response):
    stopped: int


class LoadProgressInfo(Response):
    model_name: str
    progress: float = Field(description="0 to 1")
    seconds: float


class MemoryInfo(Response):
    """Bytes, told by arithmetic before the load."""

    weights: int
    kv: int = Field(description="The KV memory of all slots, when they are full")
    buffers: int = Field(description="What a step computes in")
    total: int


class ResidentInfo(Response):
    """One of the loaded models."""

    model_name: str
    loader: str
    context_length: int
    slots: int
    capabilities: list[str]
    load_args: dict[str, Any]
    memory: MemoryInfo
    loaded_at: int = Field(description="Seconds since 1970")
    in_use: int = Field(description="Requests that use it now")


class ModelInfoResponse(Response):
    model_name: str | None
    lora_names: list[str]
    loader: str | None
    context_length: int | None = None
    train_context_length: int | None = None
    slots: int | None = None
    architecture: str | None = None
    description: str | None = None
    parameters: int | None = None
    size_bytes: int | None = None
    vocabulary_size: int | None = None
    capabilities: list[str] = []
    chat_template_source: str | None = None
    load_args: dict[str, Any] = Field(default={}, description="What the load was asked for")
    options: dict[str, Any] = Field(default={}, description="What is in effect")
    memory: MemoryInfo | None = None
    loading: LoadProgressInfo | None = None
    last_error: str | None = None
    models: list[ResidentInfo] = Field(
        default=[], description="All that are loaded, used most recently first"
    )
    sleeping: list[str] = Field(
        default=[],
        description="Not in memory, but the next request that means one loads it as it was",
    )


class ModelNamesResponse(Response):
    model_names: list[str]


class HealthResponse(Response):
    status: Literal["ok"] = "ok"
    model: str | None
    model_state: Literal["ready", "loading", "sleeping", "none"] = Field(
        description="sleeping: unloaded, and loaded again by the next request"
    )
    loading: LoadProgressInfo | None = None
    slots: int | None = None
    running: int | None = None
    waiting: int | None = None
