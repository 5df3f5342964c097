"""Where an error comes from, for the log: never what it says, since messages of errors repeat values, and values are what people have said."""

import traceback
from pathlib import Path
from typing import Final, cast

MAX_ERRORS = 16
MAX_PLACES = 6
"""Of each error, where one line has to do: the innermost ones."""

WITH_MESSAGES: Final = {"with_messages": True}
"""`extra` of a log call whose errors know no texts of people: loading a model, importing an extension."""

UNSAID = "(what it says is not logged: it may repeat texts)"


def trace_of(error: BaseException) -> str:
    """One line: `ValueError at blocks.py:10 in f, text.py:5 in g; from KeyError at ...`, the place of the error last."""
    return "; from ".join(_place_of(each) for each in _chain_of(error))


def stack_of(error: BaseException) -> str:
    """As Python prints it, the cause first, without the messages."""
    return "\n".join(_frames_of(each) for each in reversed(_chain_of(error)))


def _chain_of(error: BaseException) -> list[BaseException]:
    """The error, then what it comes from: causes, and the members of groups."""
    chain: list[BaseException] = []
    waiting = [error]
    while waiting and len(chain) < MAX_ERRORS:
        each = waiting.pop(0)
        if all(each is not known for known in chain):
            chain.append(each)
            waiting += _origins_of(each)
    return chain


def _origins_of(error: BaseException) -> list[BaseException]:
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    members = (
        cast("BaseExceptionGroup[BaseException]", error).exceptions
        if isinstance(error, BaseExceptionGroup)
        else ()
    )
    return [*members, *([] if cause is None else [cause])]


def _place_of(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-MAX_PLACES:]
    places = [f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}" for frame in frames]
    return f"{type(error).__name__} at {', '.join(places) or 'an unknown place'}"


def _frames_of(error: BaseException) -> str:
    frames = "".join(traceback.format_tb(error.__traceback__))
    return f"Traceback (most recent call last):\n{frames}{type(error).__qualname__} {UNSAID}"
