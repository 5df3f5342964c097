"""The list of conversations as the page shows it."""

import time
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from modules.chats.store import Summary

LIMIT = 500
"""Chats that are listed; the others are found by searching."""


def to_sidebar(
    kept: Sequence[Summary],
    private: Sequence[Summary],
    picture: Callable[[str], str],
    *,
    is_search: bool = False,
    now: float | None = None,
) -> list[dict[str, Any]]:
    """Groups by day, the newest first; those that are not kept before all."""
    today = datetime.fromtimestamp(time.time() if now is None else now).date()
    groups: dict[str, list[dict[str, Any]]] = {}
    for summary in private:
        groups.setdefault("Private, until this page is closed", []).append(
            _chat(summary, picture, is_search)
        )
    for summary in kept[:LIMIT]:
        label = _label(datetime.fromtimestamp(summary.updated).date(), today)
        groups.setdefault(label, []).append(_chat(summary, picture, is_search))
    return [{"label": label, "chats": chats} for label, chats in groups.items()]


def _chat(summary: Summary, picture: Callable[[str], str], is_search: bool) -> dict[str, Any]:
    return {
        "id": summary.id,
        "title": summary.title,
        "character": summary.character,
        "picture": picture(summary.character) if summary.character else "",
        "snippet": summary.snippet if is_search else "",
        "problem": summary.problem,
    }


def _label(day: date, today: date) -> str:
    if day >= today:
        return "Today"
    if day == today - timedelta(days=1):
        return "Yesterday"
    if day > today - timedelta(days=7):
        return "Last 7 days"
    if day > today - timedelta(days=30):
        return "Last 30 days"
    return day.strftime("%B %Y")
