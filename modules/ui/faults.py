"""Errors of event handlers, as people see them: a message in the corner of the page, never a traceback."""

import functools
import inspect
import logging
from collections.abc import AsyncGenerator, Callable
from html import escape
from typing import Any, TypeVar

import gradio as gr

from modules.core.errors import AppError
from modules.core.traces import trace_of
from modules.ui.markup import UNEXPECTED

log = logging.getLogger("hearth.ui")

FAILED = "That did not work"
Handler = TypeVar("Handler", bound=Callable[..., Any])


def told(handler: Handler) -> Handler:
    """For every async handler (coroutine or generator): an AppError becomes its message, anything else is logged and told in one sentence."""
    return _told_stream(handler) if inspect.isasyncgenfunction(handler) else _told_call(handler)  # pyright: ignore[reportReturnType]


def _told_call(handler: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(handler)
    async def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return await handler(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - told in one place
            raise to_toast(error) from None

    return call


def _told_stream(handler: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(handler)
    async def stream(*args: Any, **kwargs: Any) -> AsyncGenerator[Any]:
        inner = handler(*args, **kwargs)
        try:
            async for value in inner:
                yield value
        except Exception as error:  # noqa: BLE001 - told in one place
            raise to_toast(error) from None
        finally:
            await inner.aclose()

    return stream


def to_toast(error: Exception) -> gr.Error:
    """What to raise in a handler. Errors that are no AppError are logged, by where they come from: their messages may repeat what was said."""
    if isinstance(error, gr.Error):
        return error
    if isinstance(error, AppError):
        return gr.Error(
            escape(error.message, quote=False), title=FAILED, print_exception=False
        )  # read as HTML
    log.error("A handler of the web UI failed: %s", trace_of(error))
    return gr.Error(UNEXPECTED, title="An error of Hearth", print_exception=False)
