"""Who the user is, for characters that want to know."""

# pyright: basic
from typing import Any

import gradio as gr

from modules.core.errors import RequestError
from modules.prompts.names import TEXT_LIMIT, name_problem
from modules.ui.faults import told
from modules.ui.keeping import keep
from modules.ui.listening import QUIET
from modules.ui.session import Session
from modules.ui.shell import Shell


class YouForm:
    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        with gr.Column(elem_id="you"):
            self.name = gr.Textbox(
                label="Your name",
                info="What characters call you; {{user}} in their texts",
                placeholder="You",
                max_lines=1,
                elem_id="you-name",
            )
            self.bio = gr.Textbox(
                label="About you",
                info="What characters know of you; it follows their context",
                lines=6,
                max_lines=14,
                elem_id="you-bio",
            )
            self.note = gr.HTML(elem_id="you-note", elem_classes="desk-note")

    def listen(self) -> None:
        session, profile = self._shell.session, self._shell.signal("profile")
        self._shell.on_open(self._show, [session], [self.name, self.bio])
        for field in (self.name, self.bio):
            field.blur(
                told(self._keep),
                [self.name, self.bio, session, profile],
                [self.note, profile],
                **QUIET,
            )
        self.name.submit(
            told(self._keep), [self.name, self.bio, session, profile], [self.note, profile], **QUIET
        )

    async def _show(self, session: Session) -> tuple[str, str]:
        return session.profile.user_name, session.profile.user_bio

    async def _keep(self, name: str, bio: str, session: Session, profile: int) -> tuple[Any, Any]:
        name, bio = (name or "").strip(), (bio or "").strip()
        if (name, bio) == (session.profile.user_name, session.profile.user_bio):
            return gr.skip(), gr.skip()
        problem = name_problem(name)
        if problem:
            raise RequestError(f"{problem[0].upper()}{problem[1:]}.", param="name")
        if len(bio) > TEXT_LIMIT:
            raise RequestError(f"About you: at most {TEXT_LIMIT:,} characters.", param="bio")
        await keep(session, user_name=name, user_bio=bio)
        return "Kept." if not session.is_private else "It counts for this page.", profile + 1
