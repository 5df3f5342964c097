"""Replies that speak: a button below each of them, and by itself where that is wanted. Nothing of it goes into the chat.

`panel.py` has the part of the page, `page.js` what happens in the browser. It does not touch replies of the API: its clients
have /v1/audio/speech.
"""

from pathlib import Path
from typing import Any

params: dict[str, Any] = {
    "display_name": "Speech",
    "autoplay": False,  # what pages begin with
    "voice": "",  # an id of the speech model; empty: its default
    "speed": 1.0,
}


def ui(context: Any) -> None:
    from extensions.tts.panel import build

    build(context, params)


def custom_css() -> str:
    return (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
