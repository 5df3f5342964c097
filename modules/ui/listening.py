"""How the page listens to its events: options for Gradio's listeners."""

from typing import Any

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
"""Nothing covers the page meanwhile, and the event is no part of an API."""
AT_ONCE: dict[str, Any] = {**QUIET, "queue": False}
"""Without the queue, which is quicker. Gradio shows no message of such an event: it is for handlers that do not fail."""
