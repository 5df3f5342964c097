"""The grammar of replies: choose a file, write one, see whether it is right, save and delete it."""

# pyright: basic
import asyncio
from dataclasses import replace
from typing import Any

import gradio as gr

from modules.core.errors import RequestError
from modules.prompts.grammars import delete_grammar, list_grammars, load_grammar, save_grammar
from modules.ui.confirming import ConfirmButton
from modules.ui.faults import told
from modules.ui.listening import QUIET
from modules.ui.markup import chip, to_markup
from modules.ui.parameters.form import EDITED
from modules.ui.parameters.judging import fault_in
from modules.ui.parameters.values import change
from modules.ui.session import Session
from modules.ui.shell import Shell
from modules.ui.toasts import tell

NONE = "None"


class GrammarForm:
    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._folder = shell.context.settings.grammars_path
        with gr.Accordion("Grammar", open=False, elem_id="params-grammar"):
            self.file = gr.Dropdown(
                [NONE],
                value=NONE,
                label="File",
                info="What every reply has to follow, in GBNF or Lark",
                interactive=True,
                elem_id="grammar-file",
            )
            self.text = gr.Textbox(
                label="Grammar",
                lines=6,
                max_lines=16,
                placeholder='root ::= "yes" | "no"',
                elem_id="grammar-text",
                elem_classes="code-box",
            )
            self.state = gr.HTML(elem_id="grammar-state")
            with gr.Row(elem_classes="buttons"):
                self.name = gr.Textbox(label="Name", min_width=130, elem_id="grammar-name")
                self.save = gr.Button("Save", size="md", min_width=70, elem_id="grammar-save")
                self.delete = ConfirmButton("Delete", "Delete it", elem_id="grammar-delete")

    @property
    def outputs(self) -> list[Any]:
        return [self.file, self.text, self.name, self.state]

    async def show(self, session: Session) -> list[Any]:
        """For `outputs`."""
        text = session.parameters.grammar
        names = await asyncio.to_thread(list_grammars, self._folder)
        name = await asyncio.to_thread(self._name_of, text, names)
        file = gr.Dropdown([NONE, *names], value=name or NONE)
        return [file, text, name, await self._judge(text)]

    def listen(self) -> None:
        session, edited = self._shell.session, self._shell.signal(EDITED)
        outputs = [*self.outputs, edited]
        self.file.input(told(self._choose), [self.file, session, edited], outputs, **QUIET)
        self.text.blur(
            told(self._write), [self.text, session, edited], [self.state, edited], **QUIET
        )
        self.save.click(told(self._save), [self.name, self.text, session, edited], outputs, **QUIET)
        self.delete.click(self._delete, [self.file, session, edited], outputs)
        self.delete.drop_question_on(self.file.select)

    async def _choose(self, name: str, session: Session, edited: int):  # noqa: ANN202 - updates
        text = ""
        if name != NONE:
            text = (await asyncio.to_thread(load_grammar, self._folder, name)).text
        await change(session, replace(session.parameters, grammar=text))
        state = await self._judge(text)
        return gr.skip(), text, "" if name == NONE else name, state, edited + 1

    async def _write(self, text: str, session: Session, edited: int):  # noqa: ANN202 - updates
        if (text or "").strip() == session.parameters.grammar.strip():
            return gr.skip(), gr.skip()
        await change(session, replace(session.parameters, grammar=text or ""))
        return await self._judge(text or ""), edited + 1

    async def _save(self, name: str, text: str, session: Session, edited: int):  # noqa: ANN202 - updates
        name = (name or "").strip()
        if not name or not (text or "").strip():
            raise RequestError("A grammar needs a text and a name.", param="grammar")
        await asyncio.to_thread(save_grammar, self._folder, name, text)
        await change(session, replace(session.parameters, grammar=text))
        tell(f"The grammar {name} is saved.")
        return [*await self.show(session), edited + 1]

    async def _delete(self, name: str, session: Session, edited: int):  # noqa: ANN202 - updates
        if name == NONE:
            raise RequestError("Choose a file first.", param="grammar")
        await asyncio.to_thread(delete_grammar, self._folder, name)
        tell(f"The grammar {name} is deleted; its text stays in force here.")
        return [*await self.show(session), edited + 1]

    def _name_of(self, text: str, names: list[str]) -> str:
        """Of the file with this text, if there is one. Blocking."""
        for name in names if text else []:
            try:
                if load_grammar(self._folder, name).text == text:
                    return name
            except RequestError:
                continue
        return ""

    async def _judge(self, text: str) -> str:
        if not text.strip():
            return ""
        fault = await fault_in(text, self._shell.context.models)
        return (
            f"{chip('Not right', 'bad')} {to_markup(fault)}" if fault else chip("In force", "good")
        )
