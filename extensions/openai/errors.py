"""The error tree to OpenAI's error body: one table, and the handlers of the application."""

import logging
from collections.abc import Mapping
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from modules.core import errors

log = logging.getLogger("hearth.api")

# class -> (HTTP status, type, code where the error has none); the first class of the error's MRO wins.
TABLE: Mapping[type[Exception], tuple[int, str, str | None]] = {
    errors.NotFound: (404, "invalid_request_error", "not_found"),
    errors.Conflict: (409, "invalid_request_error", "conflict"),
    errors.Unsupported: (400, "invalid_request_error", "unsupported_parameter"),
    errors.RequestError: (400, "invalid_request_error", None),
    errors.AuthError: (401, "invalid_request_error", "invalid_api_key"),
    errors.Busy: (429, "rate_limit_error", "queue_full"),
    errors.NotReady: (503, "server_error", "model_not_loaded"),
    errors.Cancelled: (409, "invalid_request_error", "cancelled"),
    errors.Unreachable: (502, "server_error", "hub_unreachable"),
    errors.AppError: (500, "server_error", None),
}
STATUS_CODES: Mapping[int, tuple[str, str | None]] = {
    404: ("invalid_request_error", "not_found"),
    405: ("invalid_request_error", "method_not_allowed"),
    409: ("invalid_request_error", "conflict"),
    413: ("invalid_request_error", "request_too_large"),
    415: ("invalid_request_error", "unsupported_media_type"),
}


def error_body(
    message: str, kind: str, param: str | None = None, code: str | None = None
) -> dict[str, Any]:
    """All four keys. A name from outside may hold what UTF-8 cannot say (a lone surrogate)."""
    message = _encodable(message)
    param = None if param is None else _encodable(param)
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def describe(error: errors.AppError) -> tuple[int, dict[str, Any]]:
    """HTTP status and body of an error."""
    status, kind, code = next(TABLE[cls] for cls in type(error).__mro__ if cls in TABLE)
    if isinstance(error, errors.AuthError) and error.is_forbidden:
        status = 403
    return status, error_body(
        error.message, kind, getattr(error, "param", None), error.code or code
    )


def to_response(error: errors.AppError) -> JSONResponse:
    status, body = describe(error)
    headers: dict[str, str] = {}
    if isinstance(error, errors.Busy | errors.NotReady):
        headers["Retry-After"] = str(error.retry_after_s)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(body, status_code=status, headers=headers)


def install_error_handlers(app: FastAPI) -> None:
    app.add_exception_handler(errors.AppError, _on_app_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_fault)


async def _on_app_error(_: Request, error: Exception) -> JSONResponse:
    return to_response(cast("errors.AppError", error))


async def _on_invalid(_: Request, error: Exception) -> JSONResponse:
    first = cast("RequestValidationError", error).errors()[0]
    return JSONResponse(
        error_body(validation_message(first), "invalid_request_error", _param(first)),
        status_code=400,
    )


async def _on_http_error(request: Request, error: Exception) -> JSONResponse:
    known = cast("HTTPException", error)
    kind, code = STATUS_CODES.get(
        known.status_code,
        ("server_error" if known.status_code >= 500 else "invalid_request_error", None),
    )
    message = str(known.detail)
    if known.status_code == 404 and message == "Not Found":
        message = f"There is no {request.method} {request.url.path}. /docs lists what there is."
    if known.status_code == 405:
        message = f"{request.url.path} does not take {request.method}."
    return JSONResponse(
        error_body(message, kind, None, code),
        status_code=known.status_code,
        headers=known.headers,
    )


async def _on_fault(request: Request, error: Exception) -> JSONResponse:
    """A fault of ours: the log has the trace (of code, never of texts), the answer does not."""
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return JSONResponse(
        error_body("The server failed to answer; its log has the details.", "server_error"),
        status_code=500,
    )


def validation_message(detail: Mapping[str, Any]) -> str:
    """One sentence from one of pydantic's findings; the offending value is not repeated."""
    if detail["type"] in ("json_invalid", "json_type"):
        return f"The body is not valid JSON: {detail.get('ctx', {}).get('error', detail['msg'])}"
    param = _param(detail)
    if detail["type"] == "missing":
        return f"Missing required parameter: '{param}'." if param else "The body is missing."
    reason = _reason(detail)
    return f"Invalid value for '{param}': {reason}." if param else f"{reason}."


def _reason(detail: Mapping[str, Any]) -> str:
    """pydantic's words; of a text that a validator has seen, it counts the characters as items."""
    words: str = detail["msg"]
    if detail["type"] in ("too_long", "too_short") and isinstance(detail.get("input"), str):
        context = detail["ctx"]
        has_most = detail["type"] == "too_long"
        bound = context["max_length"] if has_most else context["min_length"]
        unit = "character" if bound == 1 else "characters"
        return f"String should have at {'most' if has_most else 'least'} {bound} {unit}"
    return words


def _param(detail: Mapping[str, Any]) -> str | None:
    """`messages[0].content` from pydantic's path; names of union branches are left out."""
    path = ""
    for place, part in enumerate(detail["loc"]):
        if place == 0 and part in ("body", "query", "path"):
            continue
        if isinstance(part, int):
            path += f"[{part}]"
        elif part.isidentifier() and part not in _BRANCHES:
            path += f".{part}" if path else part
    return path or None


_BRANCHES = frozenset(
    (
        "str",
        "int",
        "float",
        "bool",
        "list",
        "dict",
        "constrained",
        "text_prompt",
        "text_prompts",
        "id_prompt",
        "id_prompts",
    )
)
