"""POST /v1/moderations: which categories a text is like, by embeddings of examples."""

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from fastapi import APIRouter, Request, Response

from extensions.openai.dependencies import Context, while_connected
from extensions.openai.head import REQUEST_ID
from extensions.openai.ignored import ignored_headers
from extensions.openai.media_lease import lease_worker
from extensions.openai.moderations.typing import (
    ImagePart,
    ModerationRequest,
    ModerationResponse,
    ModerationResult,
    TextPart,
)
from modules.core.errors import RequestError, Unsupported
from modules.core.events import Usage
from modules.core.jobs import Job
from modules.engine.moderation.moderator import Moderator, Verdict
from modules.settings import ROOT, Settings

router = APIRouter(tags=["moderations"])

MAX_INPUTS = 2048
MAX_CHARACTERS = 500_000


def build_moderator(settings: Settings) -> Moderator:
    """ConfigError at the start where the file that the settings name is wrong; any is read when it is first needed."""
    moderator = Moderator(lambda: _rules_path(settings))
    if settings.moderation_file is not None:
        moderator.rules()
    return moderator


def _rules_path(settings: Settings) -> Path:
    """The user's, also one that is made later; else what comes with the program."""
    own = settings.moderation_path
    if settings.moderation_file is not None or own.is_file():
        return own
    return ROOT / "user_data" / "moderation.yaml"


@router.post("/v1/moderations")
async def create_moderation(
    body: ModerationRequest, request: Request, response: Response, context: Context
) -> ModerationResponse:
    """Scores of each text for OpenAI's categories."""
    texts, has_pictures = read_texts(body)
    headers = ignored_headers(
        body,
        None,
        is_strict=context.settings.strict_params,
        also=["image_url"] if has_pictures else [],
    )
    response.headers.update(headers)
    moderator: Moderator = request.app.state.moderator
    async with lease_worker(context.media.embedding, body.model, context, request) as worker:
        job = Job(stop_id=f"modr-{uuid.uuid4().hex}")
        response.headers[REQUEST_ID] = job.stop_id
        verdicts, tokens = await while_connected(request, moderator.judge(worker, texts, job))
        context.models.ledger.note(worker.name, Usage(tokens, 0))
    return ModerationResponse(
        id=job.stop_id,
        model=worker.name,
        results=[to_result(verdict) for verdict in verdicts],
    )


def read_texts(body: ModerationRequest) -> tuple[list[str], bool]:
    """One text for each result; whether there are pictures beside it. RequestError where there is nothing to judge."""
    given = body.input
    if isinstance(given, str):
        texts, has_pictures = [given], False
    elif given and isinstance(given[0], str):
        texts, has_pictures = cast("list[str]", given), False
    else:
        texts, has_pictures = _read_parts(cast("list[TextPart | ImagePart]", given))
    _check(texts)
    return list(texts), has_pictures


def _read_parts(parts: Sequence[TextPart | ImagePart]) -> tuple[list[str], bool]:
    """The parts of one message have one result."""
    texts = [part.text for part in parts if part.type == "text"]
    has_pictures = len(texts) < len(parts)
    if has_pictures and not any(text.strip() for text in texts):
        raise Unsupported("Pictures are not judged here, only texts.", param="input")
    return (["\n".join(texts)] if texts else []), has_pictures


def _check(texts: Sequence[str]) -> None:
    if not texts:
        raise RequestError("Invalid 'input': it cannot be an empty list.", param="input")
    if len(texts) > MAX_INPUTS:
        raise RequestError(
            f"Invalid 'input': it has {len(texts)} texts; there can be at most {MAX_INPUTS}.",
            param="input",
        )
    for place, text in enumerate(texts):
        if not text:
            where = "input" if len(texts) == 1 else f"input[{place}]"
            raise RequestError(f"Invalid '{where}': it cannot be an empty string.", param=where)
    total = sum(map(len, texts))
    if total > MAX_CHARACTERS:
        raise RequestError(
            f"Invalid 'input': it has {total} characters; there can be at most {MAX_CHARACTERS}.",
            param="input",
        )


def to_result(verdict: Verdict) -> ModerationResult:
    return ModerationResult(
        flagged=bool(verdict.found),
        categories={name: name in verdict.found for name in verdict.scores},
        category_scores=verdict.scores,
        category_applied_input_types={name: ["text"] for name in verdict.scores},
    )
