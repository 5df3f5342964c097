"""The tab that is being built."""

# pyright: basic
import gradio as gr
from gradio.context import Context


def this_tab() -> gr.Tab:
    """The innermost; its `select` tells when somebody comes to look."""
    block = Context.block
    while block is not None and not isinstance(block, gr.Tab):
        block = block.parent
    assert block is not None, "no tab is being built"
    return block
