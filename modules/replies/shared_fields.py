"""What chats and texts ask of the engine alike."""

from typing import Any

from modules.core.asked import Asked, ChatRequest


def shared_fields(request: Asked) -> dict[str, Any]:
    """Fields of a GenerationRequest by their names."""
    fields: dict[str, Any] = {
        "sampling": request.sampling,
        "given": request.given,
        "logprobs": request.logprobs,
        "sampled_logprobs": request.sampled_logprobs,
        "scores_end": request.scores_end,
        "skip_special_tokens": request.skip_special_tokens,
        "stop_id": request.stop_id,
        "adapters": request.adapters,
    }
    if isinstance(request, ChatRequest):
        fields["max_reasoning"] = request.thinking.max_tokens
        fields["max_calls"] = request.tools.max_calls
    return fields
