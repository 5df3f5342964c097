"""A place to write with its buttons: write on, stop, undo, redo, count, look at the next token. Notebook and Default are two of them."""

# pyright: basic
import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import gradio as gr

from modules.core.errors import AppError, RequestError
from modules.ui.faults import told
from modules.ui.listening import AT_ONCE, QUIET
from modules.ui.markup import to_markup
from modules.ui.notebook.state import Desk, desk_of, to_count, to_line
from modules.ui.notebook.tokens import token_table
from modules.ui.notebook.writing import count_tokens, next_tokens, write_on
from modules.ui.session import Session
from modules.ui.shell import Shell
from modules.ui.toasts import warn

COUNT_AFTER_S = 0.4
"""So long nobody must have typed before the tokens are counted."""

KEYS = """
element.closest('.tabitem').addEventListener('keydown', event => {
  const press = id => { const button = document.querySelector(`#${id} button, button#${id}`); if (button && button.offsetParent) button.click(); };
  const name = element.querySelector('[data-desk]').dataset.desk;
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) { event.preventDefault(); document.activeElement.blur(); press(`${name}-write`); }
  if (event.key === 'Escape') press(`${name}-stop`);
});
"""


class WritingDesk:
    """`prompt` is the text that is gone on with, `target` where it grows: the same box, or another one, whose text then belongs to the prompt."""

    def __init__(self, shell: Shell, name: str) -> None:
        self._shell = shell
        self._context = shell.context
        self._name = name

    def build_buttons(self, label: str, *, has_clear: bool = False) -> None:
        with gr.Row(elem_classes="desk-buttons"):
            self.write = gr.Button(
                label, variant="primary", size="md", min_width=60, elem_id=f"{self._name}-write"
            )
            self.stop = gr.Button(
                "Stop",
                variant="stop",
                size="md",
                min_width=60,
                visible=False,
                elem_id=f"{self._name}-stop",
            )
            self.undo = gr.Button("Undo", size="md", min_width=60, elem_id=f"{self._name}-undo")
            self.redo = gr.Button("Redo", size="md", min_width=60, elem_id=f"{self._name}-redo")
            self.clear = gr.Button(
                "Clear", size="md", min_width=60, visible=has_clear, elem_id=f"{self._name}-clear"
            )
            self.count = gr.HTML(elem_id=f"{self._name}-count", elem_classes="desk-note")
            self.note = gr.HTML(elem_id=f"{self._name}-note", elem_classes="desk-note")
            gr.HTML(
                f'<span class="desk-keys" data-desk="{self._name}"><kbd>Ctrl</kbd>+<kbd>Enter</kbd> writes on, <kbd>Esc</kbd> stops</span>',
                js_on_load=KEYS,
                elem_classes="desk-note desk-hint",
            )

    def build_tokens(self) -> None:
        with gr.Accordion("Next token", open=False, elem_id=f"{self._name}-tokens"):
            with gr.Row(elem_classes="buttons"):
                self.look = gr.Button(
                    "Show what may come next", size="md", elem_id=f"{self._name}-look"
                )
                self.sampled = gr.Checkbox(
                    label="As the samplers leave them",
                    container=False,
                    elem_id=f"{self._name}-sampled",
                )
            self.tokens = gr.HTML(elem_id=f"{self._name}-table")

    def listen(self, prompt: gr.Textbox, target: gr.Textbox) -> None:
        session = self._shell.session
        texts = [prompt] if prompt is target else [prompt, target]
        self.write.click(
            told(self._writer(len(texts))),
            [session, *texts],
            [target, self.note, self.count, self.write, self.stop],
            **QUIET,
        )
        self.stop.click(told(self._stop), [session], None, **AT_ONCE)
        steps = ((self.undo, _undone), (self.redo, _redone), (self.clear, _cleared))
        for button, step in steps:
            stepped = button.click(
                told(self._stepper(step)),
                [session, target],
                [target, self.note],
                **QUIET,
            )
            self.count_after(stepped, texts)
        for text in texts:  # what people type; a text that grows is counted at its end
            text.input(
                told(self._counter),
                texts,
                [self.count],
                trigger_mode="always_last",
                **AT_ONCE,
            )
        self._shell.signal("model").change(told(self._counter), texts, [self.count], **AT_ONCE)
        self.look.click(told(self._look), [session, self.sampled, *texts], [self.tokens], **QUIET)

    def count_after(self, changed: Any, texts: list[gr.Textbox]) -> None:
        """Once more when this event is over."""
        changed.then(told(self._counter), texts, [self.count], **AT_ONCE)

    def _writer(self, count: int) -> Callable[..., AsyncGenerator[list[Any]]]:
        async def write(
            session: Session, prompt: str, target: str = ""
        ) -> AsyncGenerator[list[Any]]:
            desk = desk_of(session, self._name)
            text = (prompt or "") + (target or "")
            kept = (prompt if count == 1 else target) or ""
            stopping = desk.begin()
            desk.history.note(kept)
            try:
                yield _begun()
                writing = write_on(
                    self._context, text, session.parameters, stopping, session.person
                )
                async with aclosing(writing) as growing:
                    async for written in growing:
                        line = to_line(written, was_stopped=stopping.is_stopped)
                        shown = gr.skip() if not written.is_over else self._prompt_count(written)
                        yield [kept + written.text, line, shown, gr.skip(), gr.skip()]
            except AppError as error:
                warn(error.message)
                yield [gr.skip(), "", gr.skip(), gr.skip(), gr.skip()]
            finally:
                desk.stopping = None
            yield [gr.Textbox(interactive=True), gr.skip(), gr.skip(), *_idle()]

        return write

    def _prompt_count(self, written: Any) -> str:
        return to_count(written.prompt_tokens + written.tokens, self._context.models.current)

    async def _stop(self, session: Session) -> None:
        desk = desk_of(session, self._name)
        if desk.stopping is not None:
            desk.stopping.stop()

    def _stepper(self, step: Callable[[Desk, str], str]) -> Callable[..., Any]:
        async def change(session: Session, text: str) -> tuple[Any, str]:
            desk = desk_of(session, self._name)
            if desk.stopping is not None:
                raise RequestError("Stop the writing first.")
            changed = step(desk, text or "")
            return (gr.skip(), "There is nothing more.") if changed == text else (changed, "")

        return change

    async def _counter(self, *texts: str) -> str:
        """Later calls wait for this one, and of those that wait only the last comes: so it counts when typing pauses."""
        await asyncio.sleep(COUNT_AFTER_S)
        model = self._context.models.current
        text = "".join(each or "" for each in texts)
        if model is None or model.info.renders_itself:
            return to_count(None, model)
        async with self._context.models.lease(model.name) as kept:  # it may be unloaded meanwhile
            return to_count(await asyncio.to_thread(count_tokens, text, kept), kept)

    async def _look(self, session: Session, is_sampled: bool, *texts: str) -> str:
        text = "".join(each or "" for each in texts)
        found = await next_tokens(
            self._context,
            text,
            session.parameters,
            is_sampled=is_sampled,
            person=session.person,
        )
        return token_table(found)


def _begun() -> list[Any]:
    return [
        gr.Textbox(interactive=False),
        to_markup("Reading the text …"),
        gr.skip(),
        gr.Button(visible=False),
        gr.Button(visible=True),
    ]


def _idle() -> list[Any]:
    return [gr.Button(visible=True), gr.Button(visible=False)]


def _undone(desk: Desk, text: str) -> str:
    return desk.history.undo(text)


def _redone(desk: Desk, text: str) -> str:
    return desk.history.redo(text)


def _cleared(desk: Desk, text: str) -> str:
    """An undo brings it back."""
    if text:
        desk.history.note(text)
    return ""
