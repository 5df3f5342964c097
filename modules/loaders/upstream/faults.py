"""What goes wrong at the other server, in our errors: who can mend it decides, and a key is never shown.

The caller's key has nothing to do with ours, so a refused key is a fault of the operator, not the caller's.
"""

import re
from dataclasses import dataclass
from typing import Any

from modules.core.errors import (
    AppError,
    Busy,
    ConfigError,
    NotFound,
    NotReady,
    RequestError,
    Unreachable,
)
from modules.loaders.upstream.json_values import to_fields

MAX_MESSAGE_CHARS = 2000
LONGEST_WAIT_S = 3600
NO_ROUTE = "upstream_no_route"
_CALLERS_FAULTS = (400, 413, 415, 422)
_UNCONTROLLED = re.compile(r"[\x00-\x1f\x7f]+")


@dataclass(frozen=True, slots=True)
class Complaint:
    """What the body of an error says. `is_told`: in a form that APIs of this kind have, so not by some proxy in between."""

    message: str = ""
    kind: str = ""
    param: str | None = None
    code: str | None = None
    is_told: bool = False


def read_complaint(body: Any, secret: str = "") -> Complaint:
    """OpenAI's form, `{"error": "text"}`, and vLLM's older form without `error`."""
    fields = to_fields(body)
    error: Any = fields if fields.get("object") == "error" else fields.get("error")
    if isinstance(error, str):
        return Complaint(_clean(error, secret), is_told=True)
    told = to_fields(error)
    message = told.get("message")
    return Complaint(
        message=_clean(message, secret) if isinstance(message, str) else "",
        kind=_text(told.get("type")) or "",
        param=_text(told.get("param")),
        code=_text(told.get("code")),
        is_told=isinstance(message, str),
    )


def fault_of(status: int, complaint: Complaint, retry_after: str = "") -> AppError:
    """The error of an answer that is not 200."""
    said = complaint.message or f"The upstream server answered with status {status}."
    if status in _CALLERS_FAULTS:
        return RequestError(said, param=complaint.param, code=complaint.code)
    if status == 404:
        return _not_found(complaint)
    if status == 429:
        busy = Busy(said, retry_after_s=_seconds(retry_after, 1))
        busy.code = complaint.code or "rate_limit_exceeded"
        return busy
    if status == 508:
        return ConfigError("upstream_url leads back to this server.", code="upstream_loop")
    if status == 503:
        return NotReady(
            f"The upstream server is not ready: {said}",
            retry_after_s=_seconds(retry_after, 5),
            code="upstream_not_ready",
        )
    return _refusal(status, said)


def fault_in_stream(complaint: Complaint) -> AppError:
    """An error in the middle of a reply, where there is no status any more."""
    if complaint.kind == "invalid_request_error":
        return RequestError(complaint.message, param=complaint.param, code=complaint.code)
    if complaint.kind == "rate_limit_error":
        return fault_of(429, complaint)
    reason = complaint.message or "it did not say why."
    return _failed(f"The upstream server failed in the middle of the reply: {reason}")


def garbled(what: str) -> Unreachable:
    return Unreachable(
        f"The upstream server does not answer as an OpenAI-compatible one does: {what}.",
        code="upstream_garbled",
    )


def _not_found(complaint: Complaint) -> AppError:
    if complaint.is_told:
        return NotFound(complaint.message, param="model", code="model_not_found")
    return Unreachable("The upstream server does not have this route.", code=NO_ROUTE)


def _refusal(status: int, said: str) -> AppError:
    if status in (401, 403):
        # Not what it says: that may hold a part of the key.
        return Unreachable(
            f"The upstream server refused the key that this server has for it, or does not allow it this (status {status}).",
            code="upstream_refused_key",
        )
    if 300 <= status < 400:
        return _failed("The upstream server answers with a redirect, which is not followed.")
    return _failed(f"The upstream server failed: {said}")


def _failed(message: str) -> Unreachable:
    return Unreachable(message, code="upstream_failed")


def _text(value: Any) -> str | None:
    """Codes are numbers at some servers."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value[:200] if isinstance(value, str) else None


def _clean(text: str, secret: str) -> str:
    text = text.replace(secret, "…") if secret else text
    return _UNCONTROLLED.sub(" ", text).strip()[:MAX_MESSAGE_CHARS]


def _seconds(header: str, otherwise: int) -> int:
    """Retry-After in seconds; its form as a date is not read."""
    if not header.isascii() or not header.isdecimal():
        return otherwise
    return max(1, min(int(header[:9]), LONGEST_WAIT_S))
