"""Who is logged in, and the way out, at the end of the header; nothing without logins."""

# pyright: basic
import gradio as gr

from modules.ui.access.door import to_subpath
from modules.ui.markup import to_markup
from modules.ui.session import Session
from modules.ui.shell import Shell


def build(shell: Shell) -> None:
    """A link in the header."""
    link = gr.HTML(visible=False, elem_id="header-login")
    path = f"{to_subpath(shell.context.settings.subpath)}/logout"

    async def show(session: Session):  # noqa: ANN202 - an update
        if session.user is None:
            return gr.skip()
        return gr.HTML(to_login(session.user, path), visible=True)

    shell.on_open(show, [shell.session], [link])


def to_login(name: str, path: str) -> str:
    return f'<span class="login-name">{to_markup(name)}</span> <a href="{path}">Log out</a>'
