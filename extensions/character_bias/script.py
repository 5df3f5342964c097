"""Every reply begins in a mood: the model goes on from a text that it believes to have begun with.

The text itself is not shown. What the settings say holds for all chats, those of the API included; with --multi-user each person
may have another mood.
"""

from typing import Any

from modules.core.asked import ChatRequest
from modules.own_params import OwnParams

params: dict[str, Any] = {
    "display_name": "Character bias",
    "is_active": True,
    "text": "*I smile, and answer in the best of moods.*",
}


own = OwnParams(params)


def bot_prefix_modifier(prefix: str, state: ChatRequest) -> str:
    wanted = own.of(state.person)
    text = str(wanted["text"] or "").strip()
    return f"{prefix}{text} " if wanted["is_active"] and text else prefix


def ui(context: Any) -> None:
    import gradio as gr

    from modules.ui.own_fields import bind, for_whom

    gr.Markdown(
        f"**Character bias**: what replies begin with, out of sight. It holds {for_whom(context)}."
    )
    active = gr.Checkbox(params["is_active"], label="Replies begin in this mood")
    text = gr.Textbox(params["text"], label="Mood", placeholder="*I am very happy*")
    bind(context, own, {"is_active": active, "text": text})
