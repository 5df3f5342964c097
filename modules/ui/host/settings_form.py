"""Flags for the next start, with a preview of the file that they go to; and all settings as they are now."""

# pyright: basic
import asyncio
from typing import Any

import gradio as gr

from modules.flag_file import chosen_flags, write_flag_file
from modules.ui.faults import told
from modules.ui.host.rights import check_manager
from modules.ui.host.settings import (
    chosen_now,
    overruled,
    preview,
    read_flags,
    switches,
    to_flags,
    to_table,
)
from modules.ui.listening import QUIET
from modules.ui.markup import to_markup
from modules.ui.session import Session
from modules.ui.shell import Shell
from modules.ui.toasts import tell, warn


class SettingsForm:
    def __init__(self, shell: Shell) -> None:
        self._context = shell.context
        self._settings = shell.context.settings
        choices = [(f"--{each.name.replace('_', '-')}", each.name) for each in switches()]
        self.where = gr.HTML(elem_id="flags-where")
        self.flags = gr.CheckboxGroup(choices, label="Flags at the next start", elem_id="flags")
        self.extensions = gr.Checkbox(
            label="Start with the extensions that are on now", elem_id="flags-extensions"
        )
        self.preview = gr.Code(
            label="CMD_FLAGS.txt, as it would be",
            language="shell",
            interactive=False,
            wrap_lines=True,
            lines=3,
            max_lines=14,
            elem_id="flags-preview",
        )
        with gr.Row(elem_classes="buttons"):
            self.save = gr.Button("Save for the next start", size="md", elem_id="flags-save")
        with gr.Accordion("All settings, as this start has read them", open=False):
            self.table = gr.HTML(elem_id="settings-table")
        chosen = [self.flags, self.extensions]
        for control in chosen:
            control.input(told(self._preview), chosen, [self.preview], **QUIET)
        self.save.click(told(self._save), [shell.session, *chosen], self.outputs, **QUIET)

    @property
    def outputs(self) -> list[Any]:
        return [self.where, self.flags, self.extensions, self.preview, self.table]

    async def show(self) -> list[Any]:
        path, text = await asyncio.to_thread(read_flags)
        return [
            f'<p class="note">They are kept in {to_markup(path)}, and count when the program starts anew.</p>',
            chosen_now(self._settings, text),
            "extensions" in chosen_flags(text),
            preview(text, chosen_flags(text)),
            await asyncio.to_thread(to_table, self._settings),
        ]

    async def _preview(self, flags: list[str], keeps_extensions: bool) -> str:
        _, text = await asyncio.to_thread(read_flags)
        return preview(text, self._to_flags(text, flags, keeps_extensions))

    async def _save(self, session: Session, flags: list[str], keeps_extensions: bool) -> list[Any]:
        check_manager(self._settings, session)
        path, text = await asyncio.to_thread(read_flags)
        wanted = self._to_flags(text, flags, keeps_extensions)
        await asyncio.to_thread(write_flag_file, path, preview(text, wanted))
        stronger = overruled(wanted)
        if stronger:
            warn(f"The command line says otherwise: {', '.join(stronger)}.", "Saved; but")
        else:
            tell("Saved. It counts from the next start on.")
        return await self.show()

    def _to_flags(self, text: str, flags: list[str], keeps_extensions: bool) -> dict[str, Any]:
        """Without the wish for the extensions of now the block does not name any."""
        enabled = [each.name for each in self._context.hooks.extensions if each.is_enabled]
        names = [name for name in enabled if name != "openai"] if keeps_extensions else []
        return to_flags(self._settings, text, flags, names)
