"""What was painted, on its way from an image editor to the event that uses it: Gradio keeps it in the editor, which all pages share."""

# pyright: basic
import functools
from typing import Any

import gradio as gr
from gradio.components.image_editor import AcceptBlobs, EditorDataBlobs
from starlette.exceptions import HTTPException

from modules.ui.access.caller import caller

MAX_PAINTED = 64
"""Pictures that wait for their event, of all pages together. They are used at once, or never."""
MAX_LAYERS = 100
_accept = gr.ImageEditor.accept_blobs


class Painted(dict[str, EditorDataBlobs]):
    """By the name that the page has drawn, and by login: names of one login are none of another. Bounded: the oldest go first."""

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(_own(name), default)

    def pop(self, name: str, *default: Any) -> Any:
        return super().pop(_own(name), *default)

    def __contains__(self, name: object) -> bool:
        return super().__contains__(_own(name))

    def __setitem__(self, name: str, painted: EditorDataBlobs) -> None:
        if len(self) >= MAX_PAINTED and name not in self:
            super().pop(next(iter(self)))
        super().__setitem__(_own(name), painted)


def _own(name: object) -> str:
    return f"{caller() or ''}/{name}"


def close_editors(page: gr.Blocks) -> None:
    gr.ImageEditor.accept_blobs = accept_blobs
    for block in page.blocks.values():
        if isinstance(block, gr.ImageEditor):
            block.blob_storage = Painted()


@functools.wraps(_accept)
def accept_blobs(self: gr.ImageEditor, data: AcceptBlobs) -> None:
    """Gradio makes room for as many layers as a request says that there are."""
    index = str(data.data.get("index") or "null")
    is_index = index == "null" or (index.isdecimal() and int(index) < MAX_LAYERS)
    if not (is_index and {"type", "id"} <= data.data.keys() and data.files):
        raise HTTPException(400, "This is no part of a picture.")
    _accept(self, data)
