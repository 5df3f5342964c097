"""All characters with their pictures in a tab: a click begins a chat with one.

`people.py` reads the characters, `panel.py` makes the tab, `page.js` draws it.
"""

from pathlib import Path
from typing import Any

params: dict[str, Any] = {"display_name": "Gallery"}


def ui_tab(context: Any) -> None:
    from extensions.gallery.panel import build

    build(context)


def custom_css() -> str:
    return (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
