"""The wire of /tokenize and /detokenize, in the words of llama-server and of vLLM. Nothing here computes."""

from typing import Annotated, Any

from pydantic import Field

from extensions.openai.fields import FIRST_FAULT, Request, Text, TokenId, TokenIds, example
from extensions.openai.message_types import ChatMessage, ToolDefinition
from extensions.openai.response_types import LeanResponse, Response
from extensions.openai.typing import MAX_TEXT_CHARS, MAX_TOKENS


class TokenizeRequest(Request):
    """One of content, prompt and messages; it tells whose words the rest of the request, and the answer, is in."""

    model_config = example(content="Hello!")

    content: Text | Annotated[list[Text | TokenId], FIRST_FAULT] | None = Field(
        None, description="llama-server: a text, or texts and token ids in a row"
    )
    add_special: bool | None = Field(
        None, description="With content: add BOS and the like (default: false)"
    )
    parse_special: bool | None = Field(
        None, description="With content: read control tokens (default: true)"
    )
    with_pieces: bool | None = Field(None, description="With content: each token with its text")
    prompt: Text | None = Field(None, max_length=MAX_TEXT_CHARS, description="vLLM: a text")
    messages: Annotated[list[ChatMessage], FIRST_FAULT] | None = Field(
        None, min_length=1, description="vLLM: a chat, by the model's template"
    )
    model: Text | None = None
    add_special_tokens: bool | None = Field(
        None, description="With prompt: add BOS and the like (default: true)"
    )
    return_token_strs: bool | None = Field(
        None, description="With prompt or messages: the tokens' texts as well"
    )
    add_generation_prompt: bool | None = Field(
        None, description="With messages: up to where the reply begins, which is the only way here"
    )
    continue_final_message: bool | None = Field(
        None, description="With messages: the last one is open"
    )
    chat_template: Text | None = None
    chat_template_kwargs: dict[str, Any] | None = None
    tools: Annotated[list[ToolDefinition], FIRST_FAULT] | None = Field(None, max_length=256)


class DetokenizeRequest(Request):
    model_config = example(tokens=[536, 0])

    tokens: TokenIds = Field(max_length=MAX_TOKENS)
    model: Text | None = None


class TokenPiece(LeanResponse):
    """`piece`: bytes where they are no text of their own."""

    id: int
    piece: str | list[int]
    special: bool | None = Field(None, description="true for a control token")
    end: bool | None = Field(None, description="true for a token that ends a reply")

    _lean = ("special", "end")


class LlamaTokens(Response):
    tokens: list[int] | list[TokenPiece]


class CountedTokens(Response):
    count: int
    max_model_len: int
    tokens: list[int]
    token_strs: list[str] | None = None


class DetokenizeResponse(Response):
    """The text twice, under llama-server's name and under vLLM's: the requests look alike."""

    content: str
    prompt: str
