"""Bounds for templates that come from outside: Jinja's sandbox keeps them from this machine, but not from its time and memory."""

import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any, cast

from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

try:
    from resource import RUSAGE_SELF, getrusage
except ImportError:  # Windows: there the time is bounded, the memory is not
    getrusage = None

MAX_SECONDS = 2.0
MAX_GROWTH_KB = 512 * 1024
MAX_TEXT = 10_000_000


class BoundedEnvironment(ImmutableSandboxedEnvironment):
    """Products and formatted texts have an upper length, whoever wrote the template."""

    intercepted_binops = frozenset(("*", "**", "%"))

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "*" and _size(left) * _size(right) > MAX_TEXT:
            raise SecurityError("a product is too long")
        if operator == "**" and not (_is_small(left) and _is_small(right)):
            raise SecurityError("a power is too large")
        if operator == "%" and isinstance(left, str) and len(left) > 1000:
            raise SecurityError("a format is too long")
        return super().call_binop(context, operator, left, right)


def _size(value: Any) -> int:
    """How much longer it makes the other side of a product."""
    if isinstance(value, int):
        return max(value, 1)
    return len(cast("list[Any]", value)) if isinstance(value, str | list | tuple) else 1


def _is_small(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) < 1000


@contextmanager
def bounded() -> Generator[None]:
    """SecurityError in this thread after MAX_SECONDS, or when the program has grown much meanwhile.

    Looked at for each line that is executed, by the means of debuggers; that costs time, so it is only for templates of requests.
    """
    ends = time.monotonic() + MAX_SECONDS
    most = _most_memory_kb() + MAX_GROWTH_KB

    def look(frame: FrameType, event: str, argument: Any) -> Any:
        if time.monotonic() > ends:
            raise SecurityError("it takes too long")
        if _most_memory_kb() > most:
            raise SecurityError("it takes too much memory")
        return look

    before = sys.gettrace()
    sys.settrace(look)
    try:
        yield
    finally:
        sys.settrace(before)


def _most_memory_kb() -> int:
    return 0 if getrusage is None else getrusage(RUSAGE_SELF).ru_maxrss
