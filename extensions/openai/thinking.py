"""How much a request wants the model to think. Pure functions."""

from typing import Any

from extensions.openai.typing import ChatCompletionRequest
from modules.core.errors import RequestError
from modules.core.wishes import Thinking

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


def to_thinking(body: ChatCompletionRequest) -> Thinking:
    """RequestError for an effort that nobody knows."""
    options = body.reasoning
    effort = body.reasoning_effort or (options.effort if options else None)
    if effort is not None and effort not in EFFORTS:
        raise RequestError(
            f"reasoning_effort is one of {', '.join(EFFORTS)}.",
            param="reasoning_effort" if body.reasoning_effort else "reasoning.effort",
        )
    variables = dict(body.chat_template_kwargs or {})
    limit = options.max_tokens if options else None
    wants = _wants_thinking(body, effort, limit, variables)
    if wants is not None:  # `thinking` is how the templates of DeepSeek and Granite name it
        variables |= {"enable_thinking": wants, "thinking": wants}
    if effort is not None:
        variables["reasoning_effort"] = effort
    is_hidden = bool(options and options.exclude)
    return Thinking(variables, 0 if wants is False else limit, is_hidden)


def _wants_thinking(
    body: ChatCompletionRequest, effort: str | None, limit: int | None, variables: dict[str, Any]
) -> bool | None:
    """None when nothing is said. What is said plainest wins."""
    options = body.reasoning
    said = (
        body.enable_thinking,
        options.enabled if options else None,
        variables.get("enable_thinking"),
        variables.get("thinking"),
    )
    for each in said:
        if isinstance(each, bool):
            return each
    if limit is not None:
        return limit > 0
    return None if effort is None else effort != "none"
