"""Draw from words, or from a picture of which a part is painted over."""

# pyright: basic
import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from io import BytesIO
from typing import Any

import gradio as gr

from modules.core.errors import AppError, RequestError
from modules.pictures.originals import Original
from modules.ui.desk import desk_of
from modules.ui.faults import told
from modules.ui.images import markup
from modules.ui.images.draw_widgets import FROM_PICTURE, DrawWidgets, build_widgets
from modules.ui.images.drawing import DrawWish, draw
from modules.ui.images.form import read_form, size_choices
from modules.ui.images.screen import LAST, Screen
from modules.ui.listening import AT_ONCE, QUIET
from modules.ui.media_models import kept_choice, loaded_model, model_names
from modules.ui.session import Session
from modules.ui.shell import Shell
from modules.ui.toasts import warn

DESK = "images"


def build(shell: Shell) -> DrawWidgets:
    widgets = build_widgets(shell.context.settings)
    _wire(shell, widgets, DrawHandlers(shell, widgets))
    return widgets


class DrawHandlers:
    def __init__(self, shell: Shell, widgets: DrawWidgets) -> None:
        self._context = shell.context
        self._cache = widgets.result.gallery.GRADIO_CACHE

    async def draw(
        self,
        session: Session,
        model: str | None,
        source: str,
        edited: Any,
        count: float,
        has_previews: bool,
        *fields: Any,
    ) -> AsyncGenerator[tuple[Any, ...]]:
        """A refusal is a message; what was there stays."""
        try:
            form = read_form(fields, int(count), has_previews=has_previews)
            original = await self._original(edited) if source == FROM_PICTURE else None
            screen = Screen(session, self._context.settings, self._cache)
            wish = DrawWish(form, model or None, original)
            desk = desk_of(session.parts, DESK)
            async with aclosing(draw(wish, self._context, desk)) as drawing:
                async for state in drawing:
                    yield await screen.show(state)
        except AppError as error:
            warn(error.message)
            progress, run, stop = await self.rest()
            yield progress, *[gr.skip()] * 4, run, stop

    async def _original(self, edited: Any) -> Original:
        from modules.ui.images.editing import to_original

        value = edited or {}
        background, layers = value.get("background"), value.get("layers") or []
        most = self._context.settings.max_image_pixels
        return await asyncio.to_thread(to_original, background, layers, most)

    async def stop(self, session: Session) -> None:
        desk_of(session.parts, DESK).stop()

    async def rest(self) -> tuple[Any, Any, Any]:
        """Buttons as they are when nothing is drawn, also after an error."""
        return gr.HTML(visible=False), gr.Button(visible=True), gr.Button(visible=False)

    async def show_source(self, source: str) -> tuple[Any, Any]:
        is_picture = source == FROM_PICTURE
        return gr.Column(visible=is_picture), gr.Row(visible=not is_picture)

    async def refuse(self, event: gr.EventData) -> None:
        raise RequestError(
            f"{event.name} cannot be read as a picture. PNG, JPEG and WebP files can be."
        )

    async def list_models(self, now: str | None) -> tuple[Any, ...]:
        names = await model_names(self._context.media.image)
        name = kept_choice(now, names)
        return gr.Dropdown(names, value=name), *await self.describe(name)

    async def describe(self, name: str | None) -> tuple[Any, Any]:
        worker = loaded_model(self._context.media.image, name)
        traits = None if worker is None else worker.model.traits
        choices = size_choices(traits, self._context.settings.max_drawn_pixels)
        return markup.model_line(name, traits), gr.Dropdown(choices)

    async def note_choice(self, chosen: gr.SelectData) -> int:
        return int(chosen.index)  # pyright: ignore[reportArgumentType] - of a gallery it is one number

    async def use_seed(self, session: Session, place: int) -> Any:
        done = session.parts.get(LAST, ())
        return str(done[min(place, len(done) - 1)].seed) if done else gr.skip()

    async def edit_result(self, session: Session, place: int) -> tuple[Any, Any]:
        done = session.parts.get(LAST, ())
        if not done:
            return gr.skip(), gr.skip()
        data = done[min(place, len(done) - 1)].data
        return FROM_PICTURE, await asyncio.to_thread(editor_value, data)


def _wire(shell: Shell, widgets: DrawWidgets, on: DrawHandlers) -> None:
    source, picture, form, result = widgets.source, widgets.picture, widgets.form, widgets.result
    chosen, session = gr.State(0), shell.session
    described = [form.about, form.size]
    shell.on_open(on.list_models, [form.model], [form.model, *described])
    source.change(told(on.show_source), source, [picture.group, form.sizes], **AT_ONCE)
    picture.refusals.refused(told(on.refuse), None, None, **QUIET)
    form.model.input(told(on.describe), form.model, described, **AT_ONCE)
    begun = gr.on(
        [form.run.click, form.prompt.submit],
        told(on.draw),
        [session, form.model, source, picture.editor, form.count, form.previews, *widgets.fields],
        [
            result.progress,
            result.empty,
            result.gallery,
            result.facts,
            result.after,
            form.run,
            form.stop,
        ],
        **QUIET,
    )
    begun.then(told(on.rest), None, [result.progress, form.run, form.stop], **AT_ONCE)
    begun.then(told(on.describe), form.model, described, **AT_ONCE)
    form.stop.click(told(on.stop), session, None, **AT_ONCE)
    result.gallery.select(told(on.note_choice), None, chosen, **AT_ONCE)
    result.use_seed.click(told(on.use_seed), [session, chosen], form.seed, **AT_ONCE)
    result.edit.click(told(on.edit_result), [session, chosen], [source, picture.editor], **AT_ONCE)


def editor_value(data: bytes) -> dict[str, Any]:
    """A picture in the editor, with nothing painted. Blocking."""
    from PIL import Image as Pillow

    picture = Pillow.open(BytesIO(data), formats=["PNG"]).convert("RGBA")
    return {"background": picture, "layers": [], "composite": None}
