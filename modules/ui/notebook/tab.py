"""The tab Notebook: a text that the model goes on with, in one box or in two."""

# pyright: basic
import asyncio
from pathlib import Path
from typing import Any

import gradio as gr

from modules.core.errors import RequestError
from modules.ui.confirming import ConfirmButton
from modules.ui.faults import told
from modules.ui.listening import AT_ONCE, QUIET
from modules.ui.notebook.desk import WritingDesk
from modules.ui.notebook.files import NotebookFiles
from modules.ui.notebook.state import desk_of
from modules.ui.session import Session
from modules.ui.shell import Shell
from modules.ui.toasts import tell

NOTEBOOK, DEFAULT = "notebook", "default"


def build(shell: Shell) -> None:
    with gr.Tabs(elem_id="notebook-tabs"):
        with gr.Tab("Notebook", id=NOTEBOOK):
            _build_notebook(shell)
        with gr.Tab("Default", id=DEFAULT):
            _build_default(shell)


def _build_notebook(shell: Shell) -> None:
    desk = WritingDesk(shell, NOTEBOOK)
    text = _box("notebook-text", "Text", "Once upon a time")
    desk.build_buttons("Write on")
    with gr.Row(elem_classes="split"):
        with gr.Column(min_width=300):
            desk.build_tokens()
        with gr.Column(min_width=300):
            _build_files(shell, desk, text)
    desk.listen(text, text)


def _build_default(shell: Shell) -> None:
    desk = WritingDesk(shell, DEFAULT)
    with gr.Row(elem_classes="split default-boxes"):
        prompt = _box("default-input", "Input", "Question: why is the sky blue?\nAnswer:")
        reply = _box("default-output", "Output", "")
    desk.build_buttons("Write on", has_clear=True)
    desk.build_tokens()
    desk.listen(prompt, reply)


def _box(name: str, label: str, placeholder: str) -> gr.Textbox:
    return gr.Textbox(
        label=label,
        show_label=label != "Text",
        placeholder=placeholder,
        lines=16,
        max_lines=16,
        elem_id=name,
        elem_classes="desk-box",
        buttons=["copy"],
        container=label != "Text",
    )


def _build_files(shell: Shell, desk: WritingDesk, text: gr.Textbox) -> None:
    settings = shell.context.settings
    files = NotebookFiles(
        Path(settings.user_data_dir) / "logs" / "notebooks", has_users=settings.multi_user
    )
    with (
        gr.Accordion("Kept texts", open=False, elem_id="notebook-files"),
        gr.Row(elem_classes="buttons"),
    ):
        name = gr.Dropdown(
            [],
            label="Name",
            show_label=False,
            container=False,
            allow_custom_value=True,
            interactive=True,
            min_width=160,
            elem_id="notebook-name",
        )
        load = gr.Button("Open", size="md", min_width=60, elem_id="notebook-load")
        save = gr.Button("Save", size="md", min_width=60, elem_id="notebook-save")
        delete = ConfirmButton("Delete", "Delete it", elem_id="notebook-delete")

    async def refresh(session: Session) -> Any:
        return gr.Dropdown(await asyncio.to_thread(files.names, session))

    async def open_text(session: Session, name: str | None, now: str) -> str:
        """An undo brings back what was there."""
        found = await asyncio.to_thread(files.load, session, _named(name))
        desk_of(session, NOTEBOOK).history.note(now or "")
        return found

    async def save_text(session: Session, name: str | None, text: str) -> Any:
        await asyncio.to_thread(files.save, session, _named(name), text or "")
        tell(f"{name} is saved.")
        return await refresh(session)

    async def delete_text(session: Session, name: str | None) -> Any:
        await asyncio.to_thread(files.delete, session, _named(name))
        tell(f"{name} is deleted; the text in the box stays.")
        return gr.Dropdown(await asyncio.to_thread(files.names, session), value=None)

    session = shell.session
    shell.on_open(refresh, [session], [name])
    name.focus(told(refresh), [session], [name], **AT_ONCE)
    opened = load.click(told(open_text), [session, name, text], [text], **QUIET)
    desk.count_after(opened, [text])
    save.click(told(save_text), [session, name, text], [name], **QUIET)
    delete.click(delete_text, [session, name], [name])
    delete.drop_question_on(name.select)


def _named(name: str | None) -> str:
    if not (name or "").strip():
        raise RequestError("Write or choose a name first.", param="text")
    return (name or "").strip()
