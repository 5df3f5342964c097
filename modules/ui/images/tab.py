"""The tab Images: draw and edit, and the gallery of what was drawn."""

# pyright: basic
import gradio as gr

from modules.ui.images import draw_panel as images_draw_panel, gallery_panel as images_gallery_panel
from modules.ui.shell import Shell


def build(shell: Shell) -> None:
    with gr.Tabs(elem_id="images-tabs", elem_classes="subtabs") as tabs:
        with gr.Tab("Draw", id="draw"):
            panel = images_draw_panel.build(shell)
        with gr.Tab("Gallery", id="gallery") as gallery_tab:
            images_gallery_panel.build(shell, panel, tabs, gallery_tab)
