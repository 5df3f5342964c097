"""The wire of /v1/decisions, as the official client of 2026 has it. Nothing here computes."""

from typing import Annotated, Any, Literal, cast

from pydantic import Discriminator, Field, Tag

from extensions.openai.fields import FIRST_FAULT, Request, Text, example
from extensions.openai.response_types import Response
from extensions.openai.typing import MAX_LORAS, Loras

MAX_QUESTIONS = 400
MAX_CHOICES = 255
MAX_LEVELS = 10
MAX_ITEMS = 10_000
MAX_PARTS = 1_000


class DecisionPart(Request):
    """`input_json` has `data`, a picture has `image_url`, all others have a text."""

    type: Literal["input_text", "input_image", "input_json", "output_text", "refusal"]
    text: Text | None = None
    refusal: Text | None = None
    image_url: Text | None = None
    detail: Text | None = None
    data: dict[str, Any] | list[dict[str, Any]] | None = None


def _text_or_list(value: Any) -> str:
    return "a list" if isinstance(value, list) else "a text"


DecisionContent = Annotated[
    Annotated[Text, Tag("a text")]
    | Annotated[list[DecisionPart], FIRST_FAULT, Field(max_length=MAX_PARTS), Tag("a list")],
    Discriminator(_text_or_list),
]
"""Told by its kind, so that a fault is that of the one that was meant. Names with a space are left out of the path of an error."""


class DecisionMessage(Request):
    type: Literal["message"] | None = None
    role: Literal["user", "developer", "system", "assistant"]
    content: DecisionContent


class DecisionCall(Request):
    """`arguments` of a function, `input` of a custom tool."""

    type: Literal["function_call", "custom_tool_call"]
    call_id: Text
    name: Text
    arguments: Text | None = None
    input: Text | None = None


class DecisionCallOutput(Request):
    type: Literal["function_call_output", "custom_tool_call_output"]
    call_id: Text
    output: DecisionContent


_ITEMS = {
    "message": "input message",
    "function_call": "input call",
    "custom_tool_call": "input call",
    "function_call_output": "input output",
    "custom_tool_call_output": "input output",
}


def _kind_of_item(item: Any) -> str | None:
    if not isinstance(item, dict):
        return None
    kind = cast("dict[str, object]", item).get("type") or "message"
    return _ITEMS.get(kind) if isinstance(kind, str) else None


DecisionItem = Annotated[
    Annotated[DecisionMessage, Tag("input message")]
    | Annotated[DecisionCall, Tag("input call")]
    | Annotated[DecisionCallOutput, Tag("input output")],
    Discriminator(
        _kind_of_item,
        custom_error_type="input_item",
        custom_error_message="type must be one of " + ", ".join(_ITEMS),
    ),
]


class PredicateQuestion(Request):
    type: Literal["predicate"]
    instructions: DecisionContent = Field(description="A statement about the input")
    name: Text | None = None


class DecisionChoice(Request):
    value: Text | bool
    description: Text | None = None


class ChoiceQuestion(Request):
    type: Literal["choice"]
    instructions: DecisionContent
    choices: Annotated[list[DecisionChoice], FIRST_FAULT] = Field(
        min_length=2, max_length=MAX_CHOICES
    )
    name: Text | None = None


class DecisionLevel(Request):
    label: Text
    description: Text | None = None


class ScoreQuestion(Request):
    type: Literal["score"]
    instructions: DecisionContent
    levels: Annotated[list[DecisionLevel], FIRST_FAULT] = Field(
        min_length=2, max_length=MAX_LEVELS, description="From the lowest to the highest"
    )
    name: Text | None = None


_QUESTIONS = ("predicate", "choice", "score")


def _kind_of_question(question: Any) -> str | None:
    if not isinstance(question, dict):
        return None
    kind = cast("dict[str, object]", question).get("type")
    return f"{kind} question" if kind in _QUESTIONS else None


DecisionQuestion = Annotated[
    Annotated[PredicateQuestion, Tag("predicate question")]
    | Annotated[ChoiceQuestion, Tag("choice question")]
    | Annotated[ScoreQuestion, Tag("score question")],
    Discriminator(
        _kind_of_question,
        custom_error_type="question",
        custom_error_message="type must be one of " + ", ".join(_QUESTIONS),
    ),
]


DecisionInput = Annotated[
    Annotated[Text, Tag("a text")]
    | Annotated[list[DecisionItem], FIRST_FAULT, Field(max_length=MAX_ITEMS), Tag("a list")],
    Discriminator(_text_or_list),
]


class DecisionRequest(Request):
    model_config = example(
        input="I love the old house",
        questions=[
            {
                "type": "choice",
                "name": "mood",
                "instructions": "Is this positive or negative?",
                "choices": [{"value": "positive"}, {"value": "negative"}],
            }
        ],
    )

    input: DecisionInput = Field(
        description="What the questions are about: a text, or messages, calls and their outputs"
    )
    questions: Annotated[list[DecisionQuestion], FIRST_FAULT] = Field(
        min_length=1, max_length=MAX_QUESTIONS
    )
    model: Text | None = None
    lora: Loras | None = Field(None, max_length=MAX_LORAS, description="LoRA adapters to apply")
    prompt_cache_key: Text | None = Field(None, description="Accepted; all prompts share the cache")
    prompt_cache_options: dict[str, Any] | None = Field(None, description="Accepted")
    safety_identifier: Text | None = Field(
        None, description="Accepted; nothing is kept about users here"
    )


class PredicateAnswer(Response):
    name: str | None
    type: Literal["predicate"] = "predicate"
    probability: float


class ChoiceProbability(Response):
    value: str | bool
    probability: float


class ChoiceAnswer(Response):
    name: str | None
    type: Literal["choice"] = "choice"
    choice: str | bool
    confidence: float
    probabilities: list[ChoiceProbability]


class ScoreProbability(Response):
    label: str
    value: int
    probability: float


class ScoreAnswer(Response):
    name: str | None
    type: Literal["score"] = "score"
    score: float = Field(description="Mean of the levels' numbers, which begin with 0")
    confidence: float
    probabilities: list[ScoreProbability]


class DecisionInputDetails(Response):
    cached_tokens: int
    cache_write_tokens: int = 0


class DecisionOutputDetails(Response):
    reasoning_tokens: int = 0


class DecisionUsage(Response):
    input_tokens: int
    input_tokens_details: DecisionInputDetails
    output_tokens: int
    output_tokens_details: DecisionOutputDetails = DecisionOutputDetails()
    total_tokens: int


class DecisionResponse(Response):
    answers: list[PredicateAnswer | ChoiceAnswer | ScoreAnswer]
    model: str
    usage: DecisionUsage
