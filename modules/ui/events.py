"""Events of the page around their handlers, where Gradio takes values in and brings them out."""

# pyright: basic
import logging
from html import escape
from typing import Any

import gradio as gr
from gradio.exceptions import InvalidPathError

from modules.core.traces import trace_of
from modules.ui.access.caller import calling_as
from modules.ui.faults import FAILED

log = logging.getLogger("hearth.ui")

NOT_TAKEN = "A value of the page could not be used. Reload the page to go on."


def watch_events(page: gr.Blocks) -> None:
    """Whose event it is can be asked while its values are read; what fails there is told, and logged without those values.

    Gradio would print its errors, whose messages repeat what was sent.
    """
    process = page.process_api

    async def process_api(*args: Any, **values: Any) -> Any:
        try:
            with calling_as(getattr(values.get("request"), "username", None)):
                return await process(*args, **values)
        except Exception as error:  # noqa: BLE001 - told in one place
            raise _to_told(error) from None

    page.process_api = process_api


def _to_told(error: Exception) -> gr.Error:
    if isinstance(error, gr.Error) and not error.print_exception:
        return error
    log.warning("An event of the web UI could not be handled: %s", trace_of(error))
    message = NOT_TAKEN
    if isinstance(error, gr.Error):  # it may repeat a value, to the page that has sent it
        message = error.message
    elif isinstance(error, InvalidPathError):
        message = str(error)
    return gr.Error(escape(message, quote=False), title=FAILED, print_exception=False)
