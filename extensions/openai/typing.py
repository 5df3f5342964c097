"""The wire: requests as pydantic models. Nothing here computes.

Every optional field takes null for "default". Unknown fields are kept, so that they can be named in X-Ignored-Params.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from extensions.openai.fields import (
    FIRST_FAULT,
    Prompt,
    Request,
    SamplingFields,
    Text,
    TokenIds,
    example,
)
from extensions.openai.message_types import (
    AllowedTools,
    ChatMessage,
    FunctionDefinition,
    NamedFunction,
    NamedTool,
    ReasoningOptions,
    ToolDefinition,
)


class StreamOptions(Request):
    include_usage: bool | None = Field(None, description="Send a last chunk with the usage")
    include_obfuscation: bool | None = Field(None, description="Accepted; nothing is padded here")


class StructuredOutputs(Request):
    """One of these."""

    json_: dict[str, Any] | Text | bool | None = Field(None, alias="json")
    regex: Text | None = None
    choice: Annotated[list[Text], FIRST_FAULT] | None = None
    grammar: Text | None = None


MAX_LORAS = 16
LoraScale = Annotated[float, Field(ge=-100, le=100)]


class LoraChoice(Request):
    name: Text = Field(min_length=1, max_length=256, description="Of user_data/loras")
    scale: LoraScale | None = Field(None, description="How strongly it counts (default: 1)")


Loras = Annotated[list[LoraChoice], FIRST_FAULT]


class GenerationFields(SamplingFields):
    model: Text | None = Field(
        None,
        description="An installed model's name loads it; any other name is answered by the loaded model. model:adapter applies a LoRA adapter",
    )
    n: int | None = Field(None, ge=1, le=128, description="Replies to generate")
    stop: Text | list[Text] | None = Field(
        None, description="Up to 64 strings that end the reply; they are not part of it"
    )
    stream: bool | None = Field(None, description="Send the reply in pieces as server-sent events")
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(None, ge=0, description="Most tokens of the reply")
    preset: Text | None = Field(
        None, description="Sampling values of user_data/presets; explicit values win over them"
    )
    grammar_string: Text | None = Field(
        None, description="GBNF (or Lark) grammar that the reply must obey"
    )
    grammar: Text | None = Field(
        None, description="The same, or the name of a file in user_data/grammars"
    )
    regex: Text | None = Field(None, description="Regular expression that the reply must match")
    choice: Annotated[list[Text], FIRST_FAULT] | None = Field(
        None, description="The reply is one of these texts"
    )
    json_schema: dict[str, Any] | bool | None = Field(
        None, description="Schema that the reply must satisfy; short for response_format"
    )
    guided_json: dict[str, Any] | Text | bool | None = Field(
        None, description="As vLLM names json_schema"
    )
    guided_regex: Text | None = Field(None, description="As vLLM names regex")
    guided_choice: Annotated[list[Text], FIRST_FAULT] | None = Field(
        None, description="As vLLM names choice"
    )
    guided_grammar: Text | None = Field(None, description="As vLLM names grammar")
    structured_outputs: StructuredOutputs | None = Field(
        None, description="vLLM's newer form of the same"
    )
    skip_special_tokens: bool | None = Field(
        None, description="Leave control tokens out of the text (default: true)"
    )
    post_sampling_probs: bool | None = Field(
        None,
        description="Log-probabilities are those after the samplers (default: the model's own)",
    )
    lora: Loras | None = Field(
        None,
        max_length=MAX_LORAS,
        description="LoRA adapters for this request, instead of the server's default ones; they work together. [] is none",
    )
    user: Text | None = Field(None, description="Accepted; nothing is kept about users here")


class CompletionRequest(GenerationFields):
    model_config = example(prompt="Once upon a time", max_tokens=16)

    prompt: Prompt | None = Field(None, description="Text, token ids, or a list of either")
    messages: Annotated[list[ChatMessage], FIRST_FAULT] | None = Field(
        None,
        min_length=1,
        description="Instead of prompt: one message with text and pictures; <__media__> marks their places",
    )
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
    return_tokens_as_token_ids: bool | None = Field(
        None, description="In logprobs, tokens are named token_id:17 instead of by their texts"
    )
    add_bos_token: bool | None = Field(
        None, description="Begin the prompt as the model expects it (default: true)"
    )


class JsonSchemaFormat(Request):
    name: Text | None = None
    description: Text | None = None
    json_schema: dict[str, Any] | bool | None = Field(None, alias="schema")
    strict: bool | None = None


class ResponseFormat(Request):
    type: Literal["text", "json_object", "json_schema", "regex", "choice", "grammar"]
    json_schema: JsonSchemaFormat | None = None
    pattern: Text | None = None
    choices: Annotated[list[Text], FIRST_FAULT] | None = None
    grammar: Text | None = None
    syntax: Literal["gbnf", "lark"] | None = None


class ChatCompletionRequest(GenerationFields):
    model_config = example(messages=[{"role": "user", "content": "What color is the sky?"}])

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
        None,
        description="text, json_object, json_schema, regex, choice or grammar: enforced while decoding",
    )
    tools: Annotated[list[ToolDefinition], FIRST_FAULT] | None = Field(
        None, max_length=256, description="Functions that the model may call"
    )
    tool_choice: Literal["none", "auto", "required"] | NamedTool | AllowedTools | None = Field(
        None, description="Enforced while decoding; default: auto"
    )
    parallel_tool_calls: bool | None = Field(
        None, description="false: at most one call in a reply (default: true)"
    )
    functions: Annotated[list[FunctionDefinition], FIRST_FAULT] | None = Field(
        None, max_length=256, description="Old form of tools"
    )
    function_call: Literal["none", "auto"] | NamedFunction | None = Field(
        None, description="Old form of tool_choice"
    )
    reasoning: ReasoningOptions | None = Field(None, description="How much to think")
    reasoning_effort: Text | None = Field(
        None, description="Passed to the chat template; 'none' turns the thinking off"
    )
    enable_thinking: bool | None = Field(None, description="Switch of the chat template")
    chat_template_kwargs: dict[str, Any] | None = Field(
        None, description="More variables for the chat template"
    )
    truncation: Literal["auto", "disabled"] | None = Field(
        None,
        description="auto: drop the oldest messages that do not fit, instead of an error",
    )
    mode: Literal["instruct", "chat", "chat-instruct"] | None = Field(
        None,
        description="instruct: the model's chat template; chat: a transcript with a character; chat-instruct: both",
    )
    instruction_template: Text | None = Field(
        None, description="A file of user_data/instruction-templates instead of the model's own"
    )
    instruction_template_str: Text | None = Field(None, description="A Jinja template itself")
    character: Text | None = Field(None, description="A file of user_data/characters")
    name1: Text | None = Field(None, description="Name of the user (also user_name)")
    user_name: Text | None = None
    name2: Text | None = Field(None, description="Name of the character (also bot_name)")
    bot_name: Text | None = None
    context: Text | None = Field(None, description="What the character is told about itself")
    greeting: Text | None = Field(None, description="First words of the character")
    user_bio: Text | None = Field(None, description="What the character knows of the user")
    chat_template_str: Text | None = Field(None, description="Jinja template of mode chat")
    chat_instruct_command: Text | None = Field(
        None,
        alias="chat-instruct_command",
        description="What mode chat-instruct asks; <|character|> and <|prompt|> are replaced",
    )
    continue_: bool | None = Field(
        None, description="Go on with the last message, which must be the assistant's"
    )
    modalities: list[Text] | None = None


MAX_TEXT_CHARS = 4 * 2**20
"""To tokenize keeps a thread busy, and nothing can interrupt it."""
MAX_TOKENS = 2**20
LONG = 2**16
"""Characters, or tokens, from which on others should not wait for this."""


class EncodeRequest(Request):
    model_config = example(text="Hello!")

    text: Text = Field(max_length=MAX_TEXT_CHARS)
    add_special: bool | None = Field(
        None, description="Add what the model wants around a text, such as BOS (default: true)"
    )
    parse_special: bool | None = Field(
        None, description="Read control tokens in the text (default: true)"
    )


class DecodeRequest(Request):
    model_config = example(tokens=[536, 0])

    tokens: TokenIds = Field(max_length=MAX_TOKENS)
    skip_special_tokens: bool | None = Field(
        None, description="Leave control tokens out (default: false)"
    )


class LogitsRequest(SamplingFields):
    model_config = example(prompt="The sky is", top_logits=5)

    prompt: Text
    model: Text | None = None
    lora: Loras | None = Field(None, max_length=MAX_LORAS, description="LoRA adapters to apply")
    use_samplers: bool | None = Field(
        None, description="Report what the samplers leave, instead of the model's distribution"
    )
    top_logits: int | None = Field(
        None, ge=0, le=1000, description="Tokens to report (default: 50)"
    )


class StopRequest(Request):
    model_config = example()

    id: Text | None = Field(None, description="Id of a response; without it all are stopped")


class LoadRequest(Request):
    model_config = example(model_name="tiny-chat-Q8_0.gguf", args={"ctx_size": 2048})

    model_name: Text
    args: dict[str, Any] | None = Field(None, description="Load options; see docs/api.md")
    loader: Text | None = None
    save: bool | None = Field(
        None, description="Keep these args for this model, in config-user.yaml of the models folder"
    )
    force: bool | None = Field(None, description="Also when it does not fit into the memory budget")


class UnloadRequest(Request):
    model_config = example()

    model_name: Text | None = Field(
        None, description="Which of them; without it the one that was used last"
    )
    all: bool | None = Field(None, description="All of them")


class EstimateRequest(Request):
    model_config = example(model_name="tiny-chat-Q8_0.gguf", args={"ctx_size": 2048})

    model_name: Text
    args: dict[str, Any] | None = Field(None, description="Load options, as for a load")
