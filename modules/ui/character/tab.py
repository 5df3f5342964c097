"""The tab Character: who the model plays, and who the user is."""

# pyright: basic
import gradio as gr

from modules.ui.character.form import CharacterForm
from modules.ui.character.you import YouForm
from modules.ui.shell import Shell


def build(shell: Shell) -> None:
    with gr.Tabs(elem_id="character-tabs"):
        with gr.Tab("Characters", id="characters"):
            form = CharacterForm(shell)
        with gr.Tab("You", id="you"):
            you = YouForm(shell)
    form.listen()
    you.listen()
