"""Work that recurses deeply: llguidance reads grammars by recursion, and a stack that overflows ends the process."""

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

STACK_BYTES = 256 * 2**20
"""Ten times what the deepest grammar of the allowed length was seen to need. Only what is used takes memory."""
_starting = threading.Lock()
"""The size of new stacks is a setting of the whole process."""


def call_with_deep_stack(work: Callable[[], T]) -> T:
    """Runs it in a thread of its own, and waits."""
    results: list[T] = []
    faults: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again where it belongs
            faults.append(error)

    thread = threading.Thread(target=run, name="deep-call", daemon=True)
    with _starting:
        threading.stack_size(STACK_BYTES)
        try:
            thread.start()
        finally:
            threading.stack_size(0)
    thread.join()
    if faults:
        raise faults[0]
    return results[0]
