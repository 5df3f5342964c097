"""Files in what a page sends: only those that were uploaded to this program, and under addresses that nobody can guess."""

# pyright: basic
import secrets
from typing import Any

import gradio as gr
from gradio import processing_utils

from modules.ui.access.painted import close_editors

NOT_FROM_ELSEWHERE = "A file can only be sent from this device, not from an address."


def close_payloads(page: gr.Blocks) -> None:
    """What an event names as a file must be an upload: no other file of this machine, and nothing that this program would have to fetch.

    Gradio checks paths only of pages that it has launched itself; without that it copies any file to where pages read. Addresses it fetches.
    """
    page.has_launched = True
    close_editors(page)
    # Addresses of files are made of their content and of this, which Gradio draws once for a machine and keeps in a file.
    processing_utils.hash_seed = secrets.token_bytes(32)
    processing_utils.async_ssrf_protected_get = _refuse


async def _refuse(url: str) -> Any:
    raise gr.Error(NOT_FROM_ELSEWHERE, title="That did not work", print_exception=False)
