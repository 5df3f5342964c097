"""POST /v1/decisions: questions about an input, answered with probabilities instead of text."""

import asyncio
from collections.abc import Sequence

from fastapi import APIRouter, Request, Response

from extensions.openai.adapted import lease_adapted
from extensions.openai.decisions.distributions import Shares, measure
from extensions.openai.decisions.inputs import (
    named_by_source,
    to_chat_messages,
    to_question_message,
)
from extensions.openai.decisions.prompts import AskedQuestion, ask
from extensions.openai.decisions.questions import (
    check_question,
    ending_of,
    labels_for,
    to_answer,
)
from extensions.openai.decisions.typing import (
    DecisionInputDetails,
    DecisionQuestion,
    DecisionRequest,
    DecisionResponse,
    DecisionUsage,
)
from extensions.openai.dependencies import Context, note_ignored, while_connected
from extensions.openai.messages import to_messages
from extensions.openai.pictures import load_pictures
from modules.core.messages import Message
from modules.engine.model import LoadedModel

router = APIRouter(tags=["decisions"])


@router.post("/v1/decisions")
async def create_decision(
    body: DecisionRequest, request: Request, response: Response, context: Context
) -> DecisionResponse:
    """Decide on the input, question by question."""
    note_ignored(body, response, context)
    for index, question in enumerate(body.questions):
        check_question(question, f"questions[{index}]")
    inputs = to_chat_messages(body.input)
    asked_in = [
        to_question_message(question.instructions, f"questions[{index}].instructions")
        for index, question in enumerate(body.questions)
    ]
    sourced = [*inputs, *asked_in]
    wire = [each.message for each in sourced]
    async with lease_adapted(body, context, request) as adapted:
        model = adapted.model
        with named_by_source(sourced):
            images = await while_connected(request, load_pictures(wire, model, context.settings))
            messages = to_messages(wire, images)
        asked = await asyncio.to_thread(
            _prepare, messages[: len(inputs)], messages[len(inputs) :], body.questions, model
        )
        shares = await while_connected(request, measure(asked, model.engine, adapted.adapters))
        return to_decision_response(body.questions, asked, shares, adapted.name)


def _prepare(
    inputs: Sequence[Message],
    instructions: Sequence[Message],
    questions: Sequence[DecisionQuestion],
    model: LoadedModel,
) -> list[AskedQuestion]:
    """Blocking: tokenizes and renders."""
    labels = [labels_for(question, model.engine.tokenizer) for question in questions]
    texts = [
        (message.content or "", ending_of(question, each, message.text))
        for message, question, each in zip(instructions, questions, labels, strict=True)
    ]
    return ask(inputs, texts, labels, model)


def to_decision_response(
    questions: Sequence[DecisionQuestion],
    asked: Sequence[AskedQuestion],
    shares: Shares,
    model: str,
) -> DecisionResponse:
    answers = [
        to_answer(question, each)
        for question, each in zip(questions, shares.by_question, strict=True)
    ]
    return DecisionResponse(answers=answers, model=model, usage=_to_usage(asked, shares))


def _to_usage(asked: Sequence[AskedQuestion], shares: Shares) -> DecisionUsage:
    """The shared beginning counts once; it was in the cache as far as the first to compute it found it there."""
    shared = asked[0].shared
    read = shared + sum(len(each.prompt.ids) - each.shared for each in asked)
    written = sum(usage.completion_tokens for usage in shares.usages)
    cached = min(shared, *(usage.cached_tokens for usage in shares.usages))
    return DecisionUsage(
        input_tokens=read,
        input_tokens_details=DecisionInputDetails(cached_tokens=cached),
        output_tokens=written,
        total_tokens=read + written,
    )
