"""Every reply begins in a mood: the model goes on from a text that it believes to have begun with.

The text itself is not shown. It holds for all chats of the program, those of the API included.
"""

from typing import Any

from modules.core.asked import ChatRequest

params: dict[str, Any] = {
    "display_name": "Character bias",
    "is_active": True,
    "text": "*I smile, and answer in the best of moods.*",
}


def bot_prefix_modifier(prefix: str, state: ChatRequest) -> str:
    text = str(params["text"]).strip()
    return f"{prefix}{text} " if params["is_active"] and text else prefix


def ui(context: Any) -> None:
    import gradio as gr

    def change(is_active: bool, text: str) -> None:
        params.update(is_active=is_active, text=text)

    gr.Markdown(
        "**Character bias**: what replies begin with, out of sight. It holds for everybody."
    )
    active = gr.Checkbox(params["is_active"], label="Replies begin in this mood")
    text = gr.Textbox(params["text"], label="Mood", placeholder="*I am very happy*")
    for field in (active, text):
        field.change(change, [active, text], None, queue=False)
