"""The tab: which documents there are, new ones, and a look at what a question finds."""

# pyright: basic
import asyncio
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import Context

from extensions.rag.library import Found, Library
from modules.core.errors import AppError

Shown = tuple[str, gr.Dropdown]
"""The table of documents, and their names to choose from."""


class Panel:
    """What the buttons do."""

    def __init__(self, library: Library, params: dict[str, Any]) -> None:
        self._library = library
        self._params = params

    async def read(self) -> Shown:
        await _tried(self._library.refresh)
        names = [each.name for each in self._library.documents]
        return to_table(self._library), gr.Dropdown(choices=names, value=None)

    async def add(self, paths: list[str] | None) -> tuple[None, str, gr.Dropdown]:
        for path in paths or []:
            data = await asyncio.to_thread(Path(path).read_bytes)
            await _tried(self._library.add, Path(path).name, data)
        return None, *await self.read()

    async def remove(self, name: str | None) -> Shown:
        if name:
            await _tried(self._library.remove, name)
        return await self.read()

    async def look(self, question: str) -> str:
        count, least = int(self._params["passages"]), float(self._params["least"])
        found = await _tried(self._library.search, question, count, -1.0)
        return to_passages(found or [], least) if question.strip() else ""

    async def switch(self, is_active: bool) -> None:
        self._params["is_active"] = is_active


def build(library: Library, params: dict[str, Any]) -> None:
    panel = Panel(library, params)
    gr.Markdown(
        "What of these documents is near to a question goes into the prompt, in every chat of this program. "
        f"They lie in `{library.folder}`, where you can also put them yourself."
    )
    active = gr.Checkbox(params["is_active"], label="Chats read these documents")
    listed = gr.HTML(elem_id="rag-documents")
    with gr.Row():
        files = gr.File(label="Add documents", file_count="multiple", height=150, elem_id="rag-add")
        with gr.Column():
            chosen = gr.Dropdown([], label="Document", elem_id="rag-chosen")
            with gr.Row():
                removing = gr.Button("Remove", variant="stop", elem_id="rag-remove")
                reading = gr.Button("Read the folder again", elem_id="rag-read")
    question = gr.Textbox(label="What a question finds", placeholder="Ask something, press Enter")
    passages = gr.HTML(elem_id="rag-passages")
    active.change(panel.switch, active, None, queue=False)
    files.upload(panel.add, files, [files, listed, chosen])
    removing.click(panel.remove, chosen, [listed, chosen])
    reading.click(panel.read, None, [listed, chosen])
    question.submit(panel.look, question, passages)
    if Context.root_block is not None:
        Context.root_block.load(panel.read, None, [listed, chosen], show_progress="hidden")


async def _tried(work: Any, *values: Any) -> Any:
    """None where it could not be done, which the page is told."""
    try:
        return await asyncio.to_thread(work, *values)
    except AppError as error:
        gr.Warning(escape(error.message, quote=False))
    except (OSError, TimeoutError):
        gr.Warning("That did not work. The disk or the embedding model did not answer.")
    return None


def to_table(library: Library) -> str:
    documents = library.documents
    if not documents:
        return "<p>There are no documents yet. Text, Markdown, PDF and Word files can be read.</p>"
    rows = "".join(
        f"<tr><td>{escape(each.name)}</td><td>{len(each.passages)}</td>"
        f"<td>{escape(each.problem or each.notice)}</td></tr>"
        for each in documents
    )
    return f"<table><tr><th>Document</th><th>Passages</th><th></th></tr>{rows}</table>"


def to_passages(found: Sequence[Found], least: float) -> str:
    if not found:
        return "<p>Nothing was found.</p>"
    return "".join(
        f"<p><b>{each.score:.2f}</b> {escape(each.name)}, passage {each.number} of {each.total}"
        f"{'' if each.score >= least else ' (too far away to be used)'}<br>{escape(each.text)}</p>"
        for each in found
    )
