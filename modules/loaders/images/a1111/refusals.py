"""Why that server did not do what was asked, in words that hold nothing of what was asked."""

import re
from typing import Any, cast

from modules.core.errors import ModelError
from modules.loaders.images.a1111.client import Reply

MAX_REASON_CHARS = 200
SHARED_CHARS = 12
"""So many characters in a row that are in the request's text too, and the reason is taken for a quotation."""

_CLASS = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,80}")
_LIST_AT_MOST = 3


def check_reply(reply: Reply, *secrets: str) -> Any:
    """The JSON of a good answer; else ModelError, with a reason that repeats none of `secrets`, the texts of the request."""
    if reply.status == 200:
        return reply.json()
    if 300 <= reply.status < 400:
        raise ModelError(
            "The image server redirects, which is not followed; give sd_webui_url the address it redirects to."
        )
    if reply.status in (401, 403):
        raise ModelError(
            "The image server refuses the name and password of sd_webui_url, or wants some (http://user:password@host)."
        )
    if reply.status in (404, 405) and reason_of(reply) in ("", "Not Found", "Method Not Allowed"):
        raise ModelError("The image server has no such route; was it started with --api?")
    reason = _without(reason_of(reply), secrets)
    because = f": {reason}" if reason else ""
    raise ModelError(f"The image server failed with status {reply.status}{because}.")


def reason_of(reply: Reply) -> str:
    """From the bodies of FastAPI and of the web UI's own handler; empty where it is none of them.

    The web UI's `errors` is left out: it is an exception's text, which holds whatever the exception was made of.
    """
    try:
        body: object = reply.json()
    except ModelError:
        return ""
    if not isinstance(body, dict):
        return ""
    found = cast("dict[str, object]", body)
    name, detail = found.get("error"), found.get("detail")
    parts = [name] if isinstance(name, str) and _CLASS.fullmatch(name) else []
    parts += _detail(detail)
    return _printable(", ".join(part for part in parts if part != "HTTPException"))


def _detail(detail: object) -> list[str]:
    """A text, or pydantic's findings: of each the field and what is wrong with it, without the value."""
    if isinstance(detail, str):
        return [detail] if detail else []
    if not isinstance(detail, list):
        return []
    findings = cast("list[object]", detail)[:_LIST_AT_MOST]
    return [_finding(cast("dict[str, Any]", each)) for each in findings if isinstance(each, dict)]


def _finding(finding: dict[str, Any]) -> str:
    place = finding.get("loc")
    names = cast("list[object]", place) if isinstance(place, list) else []
    field = ".".join(str(name) for name in names if name != "body")
    return f"{field}: {finding.get('msg', 'is wrong')}"


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text[:MAX_REASON_CHARS]).strip(" .")


def _without(reason: str, secrets: tuple[str, ...]) -> str:
    return "" if any(_quotes(reason, secret) for secret in secrets) else reason


def _quotes(reason: str, secret: str) -> bool:
    if len(secret) < SHARED_CHARS:
        return (
            bool(secret.strip())
            and re.search(rf"(?<!\w){re.escape(secret)}(?!\w)", reason) is not None
        )
    pieces = range(len(reason) - SHARED_CHARS + 1)
    return any(reason[i : i + SHARED_CHARS] in secret for i in pieces)
