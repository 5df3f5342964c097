"""Billing as OpenAI's dashboard had it: how many tokens each model took on each day. Counts only."""

import asyncio
from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import APIRouter, Query

from extensions.openai.dependencies import Context
from extensions.openai.legacy.typing import (
    BillingSubscription,
    BillingUsage,
    DailyCosts,
    DailyTokens,
)
from modules.core.errors import RequestError
from modules.engine.ledger import Days, TokenCounts

router = APIRouter(tags=["legacy"])

_FORM = "%Y-%m-%d"
Day = Annotated[str | None, Query(description="YYYY-MM-DD, UTC; it counts itself")]


@router.get("/v1/billing/usage")
@router.get("/dashboard/billing/usage")
@router.get("/v1/dashboard/billing/usage")
async def get_usage(context: Context, start_date: Day = None, end_date: Day = None) -> BillingUsage:
    """Tokens by day and model, from the first to the last day; without them, all that are known."""
    first, last = _to_date(start_date, "start_date"), _to_date(end_date, "end_date")
    if first is not None and last is not None and first > last:
        raise RequestError("start_date is after end_date.", param="start_date")
    days = await asyncio.to_thread(context.models.ledger.read)
    return to_billing_usage(days, first or date.min, last or date.max)


@router.get("/v1/billing/subscription")
@router.get("/dashboard/billing/subscription")
@router.get("/v1/dashboard/billing/subscription")
async def get_subscription() -> BillingSubscription:
    """Clients that show the usage ask for this too."""
    return BillingSubscription()


def to_billing_usage(days: Days, first: date, last: date) -> BillingUsage:
    wanted = [(day, models) for day, models in sorted(days.items()) if first <= day <= last]
    return BillingUsage(
        daily_costs=[
            DailyCosts(timestamp=_begin_of(day), line_items=_to_lines(models))
            for day, models in wanted
        ],
        total_usage=sum(counts.total_tokens for _, models in wanted for counts in models.values()),
    )


def _to_lines(models: dict[str, TokenCounts]) -> list[DailyTokens]:
    return [
        DailyTokens(
            name=name,
            requests=counts.requests,
            prompt_tokens=counts.prompt_tokens,
            cached_tokens=counts.cached_tokens,
            completion_tokens=counts.completion_tokens,
        )
        for name, counts in sorted(models.items())
    ]


def _begin_of(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()


def _to_date(text: str | None, param: str) -> date | None:
    if not text:
        return None
    try:
        return datetime.strptime(text, _FORM).replace(tzinfo=UTC).date()
    except ValueError:
        raise RequestError(f"{param} is a day as YYYY-MM-DD.", param=param) from None
