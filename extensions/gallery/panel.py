"""The tab: a component that draws the cards, and asks for them when it is shown."""

# pyright: basic
import asyncio
from pathlib import Path
from typing import Any

import gradio as gr

from extensions.gallery.people import Cards
from modules.context import AppContext

SCRIPT = Path(__file__).parent / "page.js"
TEMPLATE = """
<div class="gallery-top"><input type="search" placeholder="Search" aria-label="Search characters"><button type="button">Refresh</button></div>
<div class="gallery-cards" role="list"></div>
"""


def build(context: AppContext) -> None:
    cards = Cards(context.settings.characters_path)

    async def read() -> dict[str, Any]:
        return {"people": [card.to_view() for card in await asyncio.to_thread(cards.read)]}

    part = gr.HTML(
        None,
        html_template=TEMPLATE,
        js_on_load=SCRIPT.read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id="gallery",
    )
    part.refresh(read, None, part, show_progress="hidden")
