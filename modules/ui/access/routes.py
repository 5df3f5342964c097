"""Which of Gradio's routes are served: those that its page needs, and no others.

Gradio has more: an editor of its own source, a proxy, dashboards, saved states, files by URL. None of them has a use here.
"""

import re

OPEN = re.compile(
    r"""/?
    | /(config|theme\.css|favicon\.ico|manifest\.json|robots\.txt)/?
    | /(static|assets|svelte)/.+
    | /gradio_api/(
        app_id | startup-events | info | user
        | queue/(join|data|status)
        | run/[^/]+
        | cancel | reset | component_server
        | upload | upload_progress
        | file=.+
        | heartbeat/[^/]+
        | stream/.+
      )/?
    """,
    re.VERBOSE | re.DOTALL,
)
ELSEWHERE = re.compile(r"/gradio_api/file=\s*[a-z][a-z0-9+.-]+:", re.IGNORECASE)
"""Files by URL, which Gradio would fetch from there. One letter before a colon is a drive of Windows."""


STREAMS = re.compile(r"/gradio_api/(queue/data|heartbeat/[^/]+|upload_progress)/?", re.DOTALL)
"""Answers that last as long as a page is open."""
EVENTS = re.compile(r"/gradio_api/queue/data/?")


def is_stream(path: str) -> bool:
    return STREAMS.fullmatch(path) is not None


def is_of_events(path: str) -> bool:
    """What the handlers of a page say, rather than that it is open."""
    return EVENTS.fullmatch(path) is not None


def is_served(path: str) -> bool:
    return OPEN.fullmatch(path) is not None and ELSEWHERE.match(path) is None
