"""What the log tells of errors: where they come from, not what they say."""

import asyncio
import io
import logging
import threading
from collections.abc import Iterator

import pytest

from modules.console import LogFormatter, log_loose_error, set_up_logging
from modules.core.traces import WITH_MESSAGES

SAID = "what was said"
log = logging.getLogger("hearth.tests.console")


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    handler = logging.StreamHandler(io.StringIO())
    handler.setFormatter(LogFormatter())
    logging.getLogger().addHandler(handler)
    yield handler.stream
    logging.getLogger().removeHandler(handler)


def fail() -> None:
    try:
        int(SAID)
    except ValueError as error:
        raise RuntimeError(f"cannot use {SAID}") from error


def test_an_error_is_logged_without_what_it_says(logged: io.StringIO) -> None:
    try:
        fail()
    except RuntimeError:
        log.exception("A reply failed")
    told = logged.getvalue()
    assert "A reply failed" in told
    assert "test_console.py" in told
    assert told.index("ValueError") < told.index("RuntimeError"), "the cause comes first"
    assert SAID not in told


def test_what_knows_no_texts_is_logged_as_it_is(logged: io.StringIO) -> None:
    try:
        fail()
    except RuntimeError:
        log.exception("Loading failed", extra=WITH_MESSAGES)
    assert f"RuntimeError: cannot use {SAID}" in logged.getvalue()


def test_an_error_that_nobody_waits_for_is_logged_without_what_it_says(logged: io.StringIO) -> None:
    async def leave_a_failure() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(log_loose_error)
        loop.call_soon(int, SAID)
        loop.call_exception_handler({"message": "A task was left"})
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    asyncio.run(leave_a_failure())
    told = logged.getvalue()
    assert "A task was left" in told
    assert "ValueError" in told
    assert SAID not in told


def test_a_thread_that_fails_is_logged_without_what_it_says(
    logged: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)  # put back afterwards
    level = logging.getLogger("hearth").level
    set_up_logging(is_verbose=False)
    logging.getLogger("hearth").setLevel(level)
    thread = threading.Thread(target=int, args=(SAID,))
    thread.start()
    thread.join()
    told = logged.getvalue()
    assert "A thread ended with an error" in told
    assert SAID not in told
