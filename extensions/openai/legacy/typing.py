"""The wire of the endpoints that OpenAI had until 2023. Nothing here computes."""

from typing import Any, Literal

from pydantic import Field

from extensions.openai.fields import Prompt, SamplingFields, Text, example
from extensions.openai.response_types import CompletionChoice, Response, UsageInfo
from extensions.openai.typing import CompletionRequest


class EditRequest(SamplingFields):
    model_config = example(instruction="Repeat the word", input="winter")

    instruction: Text = Field(description="What to do with the input")
    input: Text | None = Field(None, description="The text to edit (default: none)")
    model: Text | None = None
    n: int | None = Field(None, ge=1, le=20, description="Edits to make")


class EditChoice(Response):
    text: str
    index: int


class EditResponse(Response):
    object: Literal["edit"] = "edit"
    created: int
    choices: list[EditChoice]
    usage: UsageInfo


class GenerateRequest(CompletionRequest):
    """A completion in the words of 2020; those of completions count as well, and come second."""

    model_config = example(context="Once upon a time", length=16)

    context: Prompt | None = Field(None, description="Old name of prompt")
    length: int | None = Field(None, ge=0, description="Old name of max_tokens")
    completions: int | None = Field(None, ge=1, le=128, description="Old name of n")


class GenerateResponse(Response):
    """`data` is what completions call `choices`."""

    id: str
    object: Literal["text_completion"] = "text_completion"
    created: int
    model: str
    data: list[CompletionChoice]
    usage: UsageInfo | None = None


class EngineObject(Response):
    id: str
    object: Literal["engine"] = "engine"
    created: int
    owner: str
    ready: bool = Field(description="Whether the model is loaded")
    permissions: None = None


class EngineList(Response):
    object: Literal["list"] = "list"
    data: list[EngineObject]


class DailyTokens(Response):
    """The tokens of one model on one day."""

    name: str
    cost: float = Field(default=0.0, description="Nothing is charged here")
    requests: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int


class DailyCosts(Response):
    timestamp: float = Field(description="Seconds since 1970 of the day's beginning, UTC")
    line_items: list[DailyTokens]


class BillingUsage(Response):
    object: Literal["list"] = "list"
    daily_costs: list[DailyCosts]
    total_usage: int = Field(description="Tokens, prompts and replies together")


class BillingSubscription(Response):
    """For clients that show what is left of an account: there is none, and no limit."""

    object: Literal["billing_subscription"] = "billing_subscription"
    has_payment_method: bool = False
    canceled: bool = False
    soft_limit_usd: float | None = None
    hard_limit_usd: float | None = None
    system_hard_limit_usd: float | None = None
    access_until: int | None = None
    plan: dict[str, Any] | None = None
