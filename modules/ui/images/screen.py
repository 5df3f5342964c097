"""One drawing as it appears on the page, and is kept."""

# pyright: basic
import asyncio
from typing import Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache

from modules.engine.media.drawing import DrawnFile
from modules.settings import Settings
from modules.ui.images import markup
from modules.ui.images.drawing import Drawing
from modules.ui.images.keeping import keeps, outputs_of
from modules.ui.session import Session
from modules.ui.toasts import warn

LAST = "images-last"
"""The session's part with the files that were drawn last."""


class Screen:
    """`cache`: the folder of files that pages show. Each file is written once, however often it is shown."""

    def __init__(self, session: Session, settings: Settings, cache: str) -> None:
        self._session = session
        self._settings = settings
        self._cache = cache
        self._paths: dict[int, str] = {}
        self._has_kept = False
        self._shown: tuple[Any, ...] | None = None

    async def show(self, state: Drawing) -> tuple[Any, ...]:
        """Values for: progress, the empty place, gallery, facts, the buttons below, Draw, Stop."""
        for file in state.done[len(self._paths) :]:
            self._paths[file.index] = await self._write(file, f"seed-{file.seed}.png")
            await self._keep(file)
        if state.is_over:
            self._session.parts[LAST] = state.done
            _tell_unread(state.unread)
        facts = markup.summary(state, kept=self._has_kept) if state.is_over else ""
        return (
            gr.HTML(markup.doing(state), visible=not state.is_over),
            gr.HTML(visible=not (state.done or state.preview)),
            await self._gallery(state),
            gr.HTML(facts, visible=state.is_over),
            gr.Row(visible=state.is_over and bool(state.done)),
            gr.Button(visible=state.is_over),
            gr.Button(visible=not state.is_over),
        )

    async def _gallery(self, state: Drawing) -> Any:
        preview = state.preview
        seen = (len(state.done), preview and (preview.index, preview.preview))
        if seen == self._shown and not state.is_over:
            return (
                gr.skip()
            )  # not in the last one: a page may drop an update that another follows at once
        self._shown = seen
        shown = [(self._paths[file.index], markup.caption(file)) for file in state.done]
        if preview is not None:
            path = await self._write(preview, f"preview-{preview.index}-{preview.preview}.png")
            shown.append((path, markup.caption(preview)))
        is_single = state.finish is not None and state.finish.request.count == 1
        columns = 1 if is_single else 2
        return gr.Gallery(shown, visible=bool(shown), columns=columns, selected_index=None)

    async def _write(self, file: DrawnFile, name: str) -> str:
        return await asyncio.to_thread(save_bytes_to_cache, file.data, name, self._cache)

    async def _keep(self, file: DrawnFile) -> None:
        outputs = outputs_of(self._session, self._settings)
        if outputs is None or not keeps(self._session):
            return
        try:
            await asyncio.to_thread(outputs.add, file.data, file.seed or 0)
            self._has_kept = True
        except OSError as error:
            warn(f"The picture could not be kept: {error.strerror}.", "Not kept")


def _tell_unread(tokens: int) -> None:
    if tokens:
        warn(f"The model does not read the last {tokens} tokens of the prompt.", "Long prompt")
