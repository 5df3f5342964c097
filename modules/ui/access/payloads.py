"""Files in what a page sends: only those that were uploaded to this program."""

# pyright: basic
from typing import Any

import gradio as gr
from gradio import processing_utils

NOT_FROM_ELSEWHERE = "A file can only be sent from this device, not from an address."


def close_payloads(page: gr.Blocks) -> None:
    """What an event names as a file must be an upload: no other file of this machine, and nothing that this program would have to fetch.

    Gradio checks paths only of pages that it has launched itself; without that it copies any file to where pages read. Addresses it fetches.
    """
    page.has_launched = True
    processing_utils.async_ssrf_protected_get = _refuse


async def _refuse(url: str) -> Any:
    raise gr.Error(NOT_FROM_ELSEWHERE, title="That did not work", print_exception=False)
