"""Where an error comes from, for the log: never what it says, since messages of errors repeat values, and values are what people have said."""

import traceback
from pathlib import Path

MAX_PLACES = 6
"""Of each error: the innermost ones."""


def trace_of(error: BaseException) -> str:
    """One line: `ValueError at blocks.py:10 in f, text.py:5 in g; from KeyError at ...`, the place of the error last."""
    chain = [error]
    while (cause := _cause_of(chain[-1])) is not None and cause not in chain:
        chain.append(cause)
    return "; from ".join(_place_of(each) for each in chain)


def _cause_of(error: BaseException) -> BaseException | None:
    return error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _place_of(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-MAX_PLACES:]
    places = [f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}" for frame in frames]
    return f"{type(error).__name__} at {', '.join(places) or 'an unknown place'}"
