"""The tab: which documents there are, new ones, and a look at what a question finds."""

# pyright: basic
import asyncio
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import Context

from extensions.rag.documents import Document
from extensions.rag.library import Found, Library
from extensions.rag.shelf import Shelf
from modules.context import AppContext
from modules.core.errors import AppError, RequestError
from modules.own_params import OwnParams, is_visitor, owner_named, person_named
from modules.settings import Settings
from modules.ui.confirming import ConfirmButton
from modules.ui.faults import told
from modules.ui.own_fields import bind, for_whom

Shown = tuple[str, gr.Dropdown]
"""The table of documents, and their names to choose from."""


class Panel:
    """What the buttons do, each for the person whose page it is."""

    def __init__(self, settings: Settings, shelf: Shelf, own: OwnParams) -> None:
        self._settings = settings
        self._shelf = shelf
        self._own = own

    async def read(self, request: gr.Request) -> Shown:
        person = person_named(self._settings, request.username)
        await _tried(self._shelf.refresh, person)
        can_change = not is_visitor(self._settings, request.username)
        names = [each.name for each in self._shelf.own(person).documents] if can_change else []
        shown = to_table(self._shelf.all_for(person))
        return shown, gr.Dropdown(choices=names, value=None)

    async def add(
        self, request: gr.Request, paths: list[str] | None
    ) -> tuple[None, str, gr.Dropdown]:
        library = self._shelf.own(owner_named(self._settings, request.username))
        for path in paths or []:
            data = await asyncio.to_thread(Path(path).read_bytes)
            await _tried(library.add, Path(path).name, data)
        return None, *await self.read(request)

    async def remove(self, request: gr.Request, name: str | None) -> Shown:
        library = self._shelf.own(owner_named(self._settings, request.username))
        if not name:
            raise RequestError("Choose a document first.", param="document")
        await _tried(library.remove, name)
        return await self.read(request)

    async def look(self, request: gr.Request, question: str) -> str:
        person = person_named(self._settings, request.username)
        params = self._own.of(person)
        count, least = int(params["passages"]), float(params["least"])
        found = await _tried(self._shelf.search, person, question, count, -1.0)
        return to_passages(found or [], least) if question.strip() else ""


def build(context: AppContext, shelf: Shelf, own: OwnParams) -> None:
    panel = Panel(context.settings, shelf, own)
    gr.Markdown(about(shelf.folder, has_people=context.settings.multi_user))
    active = gr.Checkbox(
        own.of("")["is_active"],
        label="Chats read these documents",
        info=f"It holds {for_whom(context)}.",
    )
    bind(context, own, {"is_active": active})
    listed = gr.HTML(elem_id="rag-documents")
    with gr.Row():
        files = gr.File(label="Add documents", file_count="multiple", height=150, elem_id="rag-add")
        with gr.Column():
            chosen = gr.Dropdown([], label="Document", elem_id="rag-chosen")
            with gr.Row():
                removing = ConfirmButton("Remove", "Remove it", elem_id="rag-remove")
                reading = gr.Button("Read the folder again", size="md", elem_id="rag-read")
    question = gr.Textbox(label="What a question finds", placeholder="Ask something, press Enter")
    passages = gr.HTML(elem_id="rag-passages")
    files.upload(told(panel.add), files, [files, listed, chosen])
    removing.click(panel.remove, [chosen], [listed, chosen])
    removing.drop_question_on(chosen.select)
    reading.click(told(panel.read), None, [listed, chosen])
    question.submit(told(panel.look), question, passages)
    if Context.root_block is not None:
        Context.root_block.load(told(panel.read), None, [listed, chosen], show_progress="hidden")


def about(folder: Path, *, has_people: bool) -> str:
    what = "What of these documents is near to a question goes into the prompt"
    if has_people:
        return (
            f"{what} of your chats. What you add here is for you alone, and nobody else's chats read it. "
            f"What lies in `{folder}` itself is for everybody, and who runs this program puts it there."
        )
    return (
        f"{what}, in every chat of this program. They lie in `{folder}`, where you can also put them yourself. "
        "Everybody who may use the program gets answers from them."
    )


async def _tried(work: Any, *values: Any) -> Any:
    """None where it could not be done, which the page is told."""
    try:
        return await asyncio.to_thread(work, *values)
    except AppError as error:
        gr.Warning(escape(error.message, quote=False))
    except (OSError, TimeoutError):
        gr.Warning("That did not work. The disk or the embedding model did not answer.")
    return None


def to_table(libraries: Sequence[Library]) -> str:
    """Of two libraries the second is everybody's."""
    rows = "".join(
        f"<tr><td>{escape(each.name)}</td><td>{len(each.passages)}</td><td>{_note(each, is_shared=place > 0)}</td></tr>"
        for place, library in enumerate(libraries)
        for each in library.documents
    )
    if not rows:
        return "<p>There are no documents yet. Text, Markdown, PDF and Word files can be read.</p>"
    return f"<table><tr><th>Document</th><th>Passages</th><th></th></tr>{rows}</table>"


def _note(document: Document, *, is_shared: bool) -> str:
    said = document.problem or document.notice
    return " · ".join(filter(None, ("for everybody" if is_shared else "", escape(said))))


def to_passages(found: Sequence[Found], least: float) -> str:
    if not found:
        return "<p>Nothing was found.</p>"
    return "".join(
        f"<p><b>{each.score:.2f}</b> {escape(each.name)}, passage {each.number} of {each.total}"
        f"{'' if each.score >= least else ' (too far away to be used)'}<br>{escape(each.text)}</p>"
        for each in found
    )
