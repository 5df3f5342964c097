"""The wire: requests and responses as pydantic models. Nothing here computes.

Every optional field takes null for "default". Unknown fields are kept, so that they can be named in X-Ignored-Params.
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    FailFast,
    Field,
    Tag,
    create_model,
)

from modules.core.options import Option
from modules.core.sampling import SAMPLERS

TokenId = Annotated[int, Field(ge=0, lt=2**31)]


def _whole(text: str) -> str:
    """JSON can say half of a character ("\\ud800"), which no tokenizer can take."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("the text has half of a surrogate pair") from None
    return text


Text = Annotated[str, AfterValidator(_whole)]


class _FirstFault(FailFast):
    """pydantic's own cannot be part of a union, since it has no hash."""

    def __hash__(self) -> int:
        return hash(type(self))


FIRST_FAULT = _FirstFault()


def _kind_of_prompt(prompt: Any) -> str:
    """Told by its first entry: to try all kinds on a long list would take seconds, and collect a fault per entry of each."""
    if not isinstance(prompt, list):
        return "text_prompt"
    items = cast("list[object]", prompt)
    if not items or isinstance(items[0], str):
        return "text_prompts"
    return "id_prompts" if isinstance(items[0], list) else "id_prompt"


TokenIds = Annotated[list[TokenId], FIRST_FAULT]
Prompt = Annotated[
    Annotated[Text, Tag("text_prompt")]
    | Annotated[list[Text], FIRST_FAULT, Tag("text_prompts")]
    | Annotated[list[TokenId], FIRST_FAULT, Tag("id_prompt")]
    | Annotated[list[TokenIds], FIRST_FAULT, Tag("id_prompts")],
    Discriminator(_kind_of_prompt),
]


class Request(BaseModel):
    """Strict: "5" is no number and 1 is no boolean, as with OpenAI."""

    model_config = ConfigDict(
        extra="allow", strict=True, allow_inf_nan=False, protected_namespaces=()
    )


def _example(**body: Any) -> ConfigDict:
    """What "Try it out" of /docs begins with; without it every field would be there as null."""
    return ConfigDict(json_schema_extra={"examples": [body]})


def _sampler_field(sampler: Option) -> tuple[Any, Any]:
    """A schema field from a row of the sampler table."""
    limits: dict[str, Any] = {"description": sampler.help}
    if sampler.wire is None and sampler.kind in (int, float):
        limits |= {"ge": sampler.minimum, "le": sampler.maximum}
    wire = sampler.wire or sampler.kind
    return (wire | None, Field(None, **limits))


if TYPE_CHECKING:

    class SamplingFields(Request):
        """The sampler table as schema fields; which there are is data, so a type checker knows none."""
else:
    SamplingFields = create_model(
        "SamplingFields",
        __base__=Request,
        **{
            name: _sampler_field(sampler)
            for sampler in SAMPLERS
            for name in (sampler.name, *sampler.aliases)
        },
    )


class StreamOptions(Request):
    include_usage: bool | None = Field(None, description="Send a last chunk with the usage")
    include_obfuscation: bool | None = Field(None, description="Accepted; nothing is padded here")


class GenerationFields(SamplingFields):
    model: Text | None = Field(
        None,
        description="An installed model's name loads it; any other name is answered by the loaded model",
    )
    n: int | None = Field(None, ge=1, le=128, description="Replies to generate")
    stop: Text | list[Text] | None = Field(
        None, description="Up to 64 strings that end the reply; they are not part of it"
    )
    stream: bool | None = Field(None, description="Send the reply in pieces as server-sent events")
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(None, ge=0, description="Most tokens of the reply")
    grammar_string: Text | None = Field(
        None, description="GBNF (or Lark) grammar that the reply must obey"
    )
    skip_special_tokens: bool | None = Field(
        None, description="Leave control tokens out of the text (default: true)"
    )
    user: Text | None = Field(None, description="Accepted; nothing is kept about users here")


class CompletionRequest(GenerationFields):
    model_config = _example(prompt="Once upon a time", max_tokens=16)

    prompt: Prompt = Field(description="Text, token ids, or a list of either")
    best_of: int | None = Field(
        None, ge=1, le=128, description="Generate this many and return the n most likely"
    )
    echo: bool | None = Field(None, description="Put the prompt before the reply")
    suffix: Text | None = Field(
        None, description="Text after the gap, for models that can fill in the middle"
    )
    logprobs: int | None = Field(
        None, ge=0, le=100, description="Alternatives to report for each token"
    )
    add_bos_token: bool | None = Field(
        None, description="Begin the prompt as the model expects it (default: true)"
    )


class ContentPart(Request):
    type: Text
    text: Text | None = None
    refusal: Text | None = None


class FunctionCall(Request):
    name: Text
    arguments: Text


class MessageToolCall(Request):
    id: Text
    type: Literal["function"] = "function"
    function: FunctionCall


class ChatMessage(Request):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Text | list[ContentPart] | None = None
    name: Text | None = None
    tool_calls: list[MessageToolCall] | None = None
    tool_call_id: Text | None = None
    reasoning_content: Text | None = None


class JsonSchemaFormat(Request):
    name: Text | None = None
    description: Text | None = None
    json_schema: dict[str, Any] | bool | None = Field(None, alias="schema")
    strict: bool | None = None


class ResponseFormat(Request):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchemaFormat | None = None


class ChatCompletionRequest(GenerationFields):
    model_config = _example(messages=[{"role": "user", "content": "What color is the sky?"}])

    messages: Annotated[list[ChatMessage], FIRST_FAULT] = Field(min_length=1)
    max_tokens: int | None = Field(
        None, ge=1, description="Most tokens of the reply; max_completion_tokens is its newer name"
    )
    max_completion_tokens: int | None = Field(
        None, ge=1, description="Most tokens of the reply; wins over max_tokens"
    )
    logprobs: bool | None = Field(None, description="Report the log-probability of each token")
    top_logprobs: int | None = Field(
        None, ge=0, le=20, description="Alternatives to report; needs logprobs"
    )
    response_format: ResponseFormat | None = Field(
        None, description="text, json_object, or json_schema: enforced while decoding"
    )
    continue_: bool | None = Field(
        None, description="Go on with the last message, which must be the assistant's"
    )
    mode: Literal["instruct"] | None = Field(
        None, description="instruct: the model's own chat template"
    )
    tools: list[Any] | None = Field(None, description="Not supported by this version")
    tool_choice: Text | dict[str, Any] | None = None
    functions: list[Any] | None = Field(None, description="Not supported by this version")
    function_call: Text | dict[str, Any] | None = None
    modalities: list[Text] | None = None


class EncodeRequest(Request):
    model_config = _example(text="Hello!")

    text: Text
    add_special: bool | None = Field(
        None, description="Add what the model wants around a text, such as BOS (default: true)"
    )
    parse_special: bool | None = Field(
        None, description="Read control tokens in the text (default: true)"
    )


class DecodeRequest(Request):
    model_config = _example(tokens=[536, 0])

    tokens: TokenIds
    skip_special_tokens: bool | None = Field(
        None, description="Leave control tokens out (default: false)"
    )


class LogitsRequest(SamplingFields):
    model_config = _example(prompt="The sky is", top_logits=5)

    prompt: Text
    model: Text | None = None
    use_samplers: bool | None = Field(
        None, description="Report what the samplers leave, instead of the model's distribution"
    )
    top_logits: int | None = Field(
        None, ge=0, le=1000, description="Tokens to report (default: 50)"
    )


class StopRequest(Request):
    model_config = _example()

    id: Text | None = Field(None, description="Id of a response; without it all are stopped")


class LoadRequest(Request):
    model_config = _example(model_name="tiny-chat-Q8_0.gguf", args={"ctx_size": 2048})

    model_name: Text
    args: dict[str, Any] | None = Field(None, description="Load options; see docs/api.md")
    loader: Text | None = None
