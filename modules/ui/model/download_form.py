"""Downloads: a repository, a branch, one of its files; and how far each is."""

# pyright: basic
from typing import Any

import gradio as gr

from modules.downloads.wanted import hub_address
from modules.ui.faults import told
from modules.ui.listening import QUIET
from modules.ui.model.downloads import (
    EVERYTHING,
    PURPOSE_TITLES,
    find_wanted,
    read_rows,
    to_file_choices,
    to_first_choice,
    to_list,
    to_wanted,
)
from modules.ui.model.list import ON_CLICK
from modules.ui.shell import Shell

LOOK_S = 1.0
"""Seconds between looks while something is being downloaded."""
NO_FILES = [("What the model needs", EVERYTHING)]


class DownloadForm:
    """Built inside of a tab. `outputs` are what `show` returns the values for."""

    def __init__(self, shell: Shell) -> None:
        self._downloads = shell.context.downloads
        self._model = shell.signal("model")
        self._others = shell.signal("downloads")
        """Also of other pages, and of the API."""
        with gr.Row(elem_classes="option-grid"):
            self.name = gr.Textbox(
                label="Model",
                info=f"org/name, or the address of its page on {hub_address()}",
                placeholder="org/name",
                elem_id="download-name",
            )
            self.branch = gr.Textbox(
                label="Branch", info="Empty is main", elem_id="download-branch"
            )
            titles = [(title, purpose) for purpose, title in PURPOSE_TITLES.items()]
            self.purpose = gr.Dropdown(
                titles,
                value="models",
                label="What it is",
                info="Decides the folder",
                elem_id="download-purpose",
            )
            self.file = gr.Dropdown(
                NO_FILES,
                value=EVERYTHING,
                label="File",
                info="List files shows what there is",
                elem_id="download-file",
            )
        with gr.Row(elem_classes="buttons"):
            self.start = gr.Button(
                "Download", variant="primary", size="md", elem_id="download-start"
            )
            self.look = gr.Button("List files", size="md", elem_id="download-look")
            self.overwrite = gr.Checkbox(
                label="Replace other files of the same name", container=False, elem_id="download-overwrite"
            )  # fmt: skip
        self.listed = gr.HTML(elem_id="download-list", js_on_load=ON_CLICK)
        self.timer = gr.Timer(LOOK_S, active=False)
        self._listen()

    @property
    def outputs(self) -> list[Any]:
        return [self.listed, self.timer]

    async def show(self) -> list[Any]:
        shown, _ = await self._shown()
        return shown

    async def _shown(self) -> tuple[list[Any], bool]:
        """For `outputs`, and whether any is running."""
        rows = await read_rows(self._downloads)
        is_running = any(row.is_running for row in rows)
        return [to_list(rows), gr.Timer(active=is_running)], is_running

    def _listen(self) -> None:
        asked = [self.name, self.branch, self.file, self.purpose, self.overwrite]
        self.look.click(told(self._look), [self.name, self.branch, self.purpose], [self.file], api_visibility="private")  # fmt: skip
        self.name.input(told(self._forget_files), None, [self.file], **QUIET)
        self.name.submit(told(self._look), [self.name, self.branch, self.purpose], [self.file], api_visibility="private")  # fmt: skip
        self.start.click(told(self._start), asked, self.outputs, api_visibility="private")
        self.listed.stop(told(self._cancel), None, self.outputs, **QUIET)
        self.listed.retry(told(self._resume), None, self.outputs, **QUIET)
        self.listed.delete(told(self._remove), None, self.outputs, **QUIET)
        for looks in (self.timer.tick, self._others.change):
            looks(told(self._tick), [self._model], [*self.outputs, self._model], **QUIET)

    async def _look(self, name: str, branch: str, purpose: str) -> Any:
        wanted = to_wanted(name, branch, EVERYTHING, purpose, overwrite=False)
        choices = to_file_choices(await self._downloads.look(wanted), wanted)
        return gr.Dropdown(choices, value=to_first_choice(choices))

    async def _forget_files(self) -> Any:
        return gr.Dropdown(NO_FILES, value=EVERYTHING)

    async def _start(
        self, name: str, branch: str, file: str | None, purpose: str, overwrite: bool
    ) -> list[Any]:
        wanted = to_wanted(name, branch, file or EVERYTHING, purpose, overwrite=overwrite)
        await self._downloads.start(wanted)
        return await self.show()

    async def _cancel(self, event: gr.EventData) -> list[Any]:
        await self._downloads.cancel(str(event.name))
        return await self.show()

    async def _resume(self, event: gr.EventData) -> list[Any]:
        await self._downloads.start(await find_wanted(self._downloads, str(event.name)))
        return await self.show()

    async def _remove(self, event: gr.EventData) -> list[Any]:
        await self._downloads.remove(str(event.name))
        return await self.show()

    async def _tick(self, model: int) -> list[Any]:
        """When the last one has ended, the lists of models are read anew."""
        shown, is_running = await self._shown()
        return [*shown, gr.skip() if is_running else model + 1]
