"""A recording as text in the chat's field: in a chosen language, also of a file, and sent at once where that is wanted.

The microphone of the chat itself does the plain thing; this is for more. `panel.py` has the part of the page.
"""

from typing import Any

params: dict[str, Any] = {
    "display_name": "Dictation",
    "language": "",  # a code such as en; empty: as it is heard
    "sends": False,  # what pages begin with
}


def ui(context: Any) -> None:
    from extensions.whisper_stt.panel import build

    build(context, params)
