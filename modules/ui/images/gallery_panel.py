"""Pictures that were kept, newest first, with the settings that stand in them."""

# pyright: basic
import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache

from modules.core.errors import NotFound
from modules.settings import Settings
from modules.ui.confirming import ConfirmButton
from modules.ui.faults import told
from modules.ui.images import keeping, markup
from modules.ui.images.draw_panel import editor_value
from modules.ui.images.draw_widgets import FROM_PICTURE, FROM_WORDS, DrawWidgets
from modules.ui.images.form import form_from
from modules.ui.images.store import ImageOutputs
from modules.ui.images.thumbnails import Thumbnails
from modules.ui.listening import AT_ONCE, QUIET
from modules.ui.session import Session
from modules.ui.shell import Shell

PAGE_SIZE = 24


@dataclass(frozen=True)
class Listing:
    """The pictures of one page, and how one goes to the others."""

    note: gr.HTML
    keeps: gr.Checkbox
    why: gr.HTML
    grid: gr.Gallery
    pager: gr.Row
    newer: gr.Button
    older: gr.Button
    page: gr.State
    names: gr.State

    @property
    def outputs(self) -> list[Any]:
        """In the order of `GalleryHandlers.list_page`."""
        own = [self.page, self.names, self.note, self.grid, self.pager, self.newer, self.older]
        return [*own, self.keeps, self.why]


@dataclass(frozen=True)
class Detail:
    """One picture."""

    group: gr.Column
    large: gr.Image
    about: gr.HTML
    use: gr.Button
    edit: gr.Button
    delete: ConfirmButton
    name: gr.State

    @property
    def outputs(self) -> list[Any]:
        """In the order of `GalleryHandlers.open_picture`."""
        return [self.name, self.group, self.large, self.about, self.use]


def build(shell: Shell, board: DrawWidgets, tabs: gr.Tabs, own_tab: gr.Tab) -> None:
    page, names, name = gr.State(1), gr.State([]), gr.State(None)
    with gr.Row(elem_classes="gallery-head"):
        note = gr.HTML("", js_on_load=None, elem_id="gallery-note")
        why = gr.HTML("", js_on_load=None)
        keeps = gr.Checkbox(
            True, label="Keep new pictures", container=False, elem_id="gallery-keeps"
        )
    with gr.Row(elem_classes="split"):
        with gr.Column(scale=6, min_width=300):
            grid = gr.Gallery(
                show_label=False,
                columns=6,
                height="auto",
                object_fit="cover",
                allow_preview=False,
                interactive=False,
                visible=False,
                buttons=[],
                elem_id="gallery-grid",
                elem_classes="pictures",
            )
            with gr.Row(visible=False, elem_classes="chips") as pager:
                newer = gr.Button("Newer", size="sm", min_width=60, elem_id="gallery-newer")
                older = gr.Button("Older", size="sm", min_width=60, elem_id="gallery-older")
        detail = _build_detail(name)
    listing = Listing(note, keeps, why, grid, pager, newer, older, page, names)
    handlers = GalleryHandlers(shell.context.settings, detail.large.GRADIO_CACHE)
    _wire_listing(shell, handlers, listing, own_tab)
    _wire_detail(shell, handlers, listing, detail)
    _wire_board(shell, handlers, detail, board, tabs)


def _build_detail(name: gr.State) -> Detail:
    with gr.Column(scale=4, min_width=300, visible=False, elem_id="gallery-detail") as group:
        large = gr.Image(
            show_label=False,
            interactive=False,
            format="png",
            height=380,
            buttons=["download", "fullscreen"],
            elem_id="gallery-large",
        )
        about = gr.HTML("", js_on_load=None, elem_id="gallery-settings")
        with gr.Row(elem_classes="chips"):
            use = gr.Button("Use these settings", size="sm", min_width=60, elem_id="gallery-use")
            edit = gr.Button("Edit the picture", size="sm", min_width=60, elem_id="gallery-edit")
            delete = ConfirmButton("Delete", "Delete it", elem_id="gallery-delete", size="sm")
    return Detail(group, large, about, use, edit, delete, name)


class GalleryHandlers:
    def __init__(self, settings: Settings, cache: str) -> None:
        self._settings = settings
        self._cache = cache
        self._thumbnails = Thumbnails()

    async def list_page(self, session: Session, wanted: int) -> tuple[Any, ...]:
        outputs = keeping.outputs_of(session, self._settings)
        found = await asyncio.to_thread(outputs.names) if outputs else []
        pages = max(1, -(-len(found) // PAGE_SIZE))
        at = max(1, min(wanted, pages))
        here = found[(at - 1) * PAGE_SIZE : at * PAGE_SIZE]
        shown = await asyncio.to_thread(self._small, outputs, here) if outputs else []
        can_switch = not session.is_private and session.profile.keeps_history
        return (
            at,
            [name for name, _ in shown],
            gr.HTML(markup.page_note(at, pages, len(found), len(here) - len(shown))),
            gr.Gallery([path for _, path in shown], visible=bool(shown), selected_index=None),
            gr.Row(visible=pages > 1),
            gr.Button(interactive=at > 1),
            gr.Button(interactive=at < pages),
            gr.Checkbox(keeping.wants_kept(session), interactive=can_switch),
            _reason(session),
        )

    def _small(self, outputs: ImageOutputs, names: list[str]) -> list[tuple[str, str]]:
        """Names, and where small pictures of them lie for the page."""
        return [
            (name, save_bytes_to_cache(data, f"{Path(name).stem}.jpg", self._cache))
            for name, data in self._thumbnails.of(outputs, names)
        ]

    async def newer(self, session: Session, at: int) -> tuple[Any, ...]:
        return await self.list_page(session, at - 1)

    async def older(self, session: Session, at: int) -> tuple[Any, ...]:
        return await self.list_page(session, at + 1)

    async def switch(self, session: Session, is_on: bool) -> Any:
        if session.is_private or is_on == keeping.wants_kept(session):
            return gr.skip()
        await keeping.switch(session, is_on=is_on)
        return _reason(session)

    async def open_picture(
        self, session: Session, listed: list[str], chosen: gr.SelectData
    ) -> tuple[Any, ...]:
        place = int(chosen.index)  # pyright: ignore[reportArgumentType] - of a gallery it is one number
        name = listed[place] if place < len(listed) else ""
        outputs = self._outputs(session)
        data = await asyncio.to_thread(outputs.read, name)
        path = await asyncio.to_thread(save_bytes_to_cache, data, name, self._cache)
        known = await asyncio.to_thread(outputs.settings, name)
        return (
            name,
            gr.Column(visible=True),
            path,
            markup.settings_list(known, name),
            gr.Button(interactive=known is not None),
        )

    async def use_settings(self, session: Session, name: str) -> tuple[Any, ...]:
        known = await asyncio.to_thread(self._outputs(session).settings, name)
        return (*DrawWidgets.filled(form_from(known or {})), FROM_WORDS, gr.Tabs(selected="draw"))

    async def edit_picture(self, session: Session, name: str) -> tuple[Any, ...]:
        data = await asyncio.to_thread(self._outputs(session).read, name)
        value = await asyncio.to_thread(editor_value, data)
        return FROM_PICTURE, value, gr.Tabs(selected="draw")

    async def delete(self, session: Session, name: str, at: int) -> tuple[Any, ...]:
        await asyncio.to_thread(self._outputs(session).delete, name)
        return (None, gr.Column(visible=False), *await self.list_page(session, at))

    def _outputs(self, session: Session) -> ImageOutputs:
        outputs = keeping.outputs_of(session, self._settings)
        if outputs is None:
            raise NotFound("This page keeps no pictures.")
        return outputs


def _wire_listing(shell: Shell, on: GalleryHandlers, listing: Listing, own_tab: gr.Tab) -> None:
    given = [shell.session, listing.page]
    own_tab.select(told(on.list_page), given, listing.outputs, **AT_ONCE)
    listing.newer.click(told(on.newer), given, listing.outputs, **AT_ONCE)
    listing.older.click(told(on.older), given, listing.outputs, **AT_ONCE)
    listing.keeps.input(told(on.switch), [shell.session, listing.keeps], listing.why, **QUIET)


def _wire_detail(shell: Shell, on: GalleryHandlers, listing: Listing, detail: Detail) -> None:
    listing.grid.select(
        told(on.open_picture), [shell.session, listing.names], detail.outputs, **QUIET
    )
    detail.delete.click(
        on.delete,
        [shell.session, detail.name, listing.page],
        [detail.name, detail.group, *listing.outputs],
    )
    detail.delete.drop_question_on(listing.grid.select)


def _wire_board(
    shell: Shell, on: GalleryHandlers, detail: Detail, board: DrawWidgets, tabs: gr.Tabs
) -> None:
    picked = [shell.session, detail.name]
    detail.use.click(told(on.use_settings), picked, [*board.fields, board.source, tabs], **QUIET)
    detail.edit.click(
        told(on.edit_picture), picked, [board.source, board.picture.editor, tabs], **QUIET
    )


def _reason(session: Session) -> str:
    return f'<span class="faint">{keeping.why_not(session)}</span>'
