"""The page that asks for name and password: one file, without scripts of Gradio."""

import html
from pathlib import Path

from starlette.responses import HTMLResponse

TEMPLATE = Path(__file__).parent / "login_page.html"


def render_login_page(action: str, status: int, message: str = "") -> HTMLResponse:
    """`action`: the path that the form is sent to. `message`: what was wrong, if anything."""
    said = f'<p role="alert">{html.escape(message)}</p>' if message else ""
    text = TEMPLATE.read_text(encoding="utf-8")
    text = text.replace("{action}", html.escape(action)).replace("{message}", said)
    return HTMLResponse(text, status, headers={"cache-control": "no-store"})
