"""Token counts on the wire."""

from collections.abc import Iterable

from extensions.openai.response_types import CompletionTokensDetails, PromptTokensDetails, UsageInfo
from modules.core.events import Usage


def to_usage(usage: Usage, truncated: int | None = None) -> UsageInfo:
    """`truncated`: messages that were left out to make the prompt fit."""
    return UsageInfo(
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        total_tokens=usage.total_tokens,
        prompt_tokens_details=PromptTokensDetails(cached_tokens=usage.cached_tokens),
        completion_tokens_details=CompletionTokensDetails(reasoning_tokens=usage.reasoning_tokens),
        truncated_messages=truncated,
    )


def add_usages(groups: Iterable[list[Usage]]) -> Usage:
    """Replies of one prompt (a group) count it once, as OpenAI does; prompts of a list add up."""
    total = Usage(0, 0)
    for group in groups:
        prompt = group[0]
        total += Usage(
            prompt.prompt_tokens,
            sum(each.completion_tokens for each in group),
            prompt.cached_tokens,
            sum(each.reasoning_tokens for each in group),
        )
    return total
