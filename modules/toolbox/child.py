"""One run of `tool_process.py`: a process with a time limit, which ends with whoever waits for it."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[2]
_ANSWER_LIMIT = 16 * 1024 * 1024
"""Bytes of an answer: far more than the limits of the process itself let through."""
_PARTING_S = 2.0


class ChildFailed(Exception):
    """The message says how the process ended without an answer."""


async def run_child(arguments: list[str], request: Mapping[str, Any], timeout_s: float) -> Any:
    """The JSON that the process answers with; ChildFailed for none in time. Cancelling ends the process at once."""
    async with _process(arguments) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            async with asyncio.timeout(timeout_s):
                # A process that is gone already tells by its empty answer.
                with contextlib.suppress(ConnectionError):
                    process.stdin.write(json.dumps(request).encode() + b"\n")
                    await process.stdin.drain()
                line = await process.stdout.readline()
        except TimeoutError:
            raise ChildFailed(
                f"it took longer than {timeout_s:g} seconds and was stopped"
            ) from None
        except ValueError:
            raise ChildFailed("its answer is too long") from None
        return await _read(line, process)


async def _read(line: bytes, process: Process) -> Any:
    try:
        answer = json.loads(line)
    except ValueError:
        await _part(process)
        raise ChildFailed(f"it ended without an answer (exit code {process.returncode})") from None
    await _part(process)
    return answer


@asynccontextmanager
async def _process(arguments: list[str]) -> AsyncGenerator[Process]:
    """-P and -B: neither the folder of the server nor compiled files of an older version of a tool may get in the way."""
    path = os.pathsep.join([str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-B", "-m", "modules.toolbox.tool_process", *arguments),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        limit=_ANSWER_LIMIT,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            _kill(process)
        await asyncio.shield(process.wait())
        _close(process)


async def _part(process: Process) -> None:
    """An answer has come: let the process end as programs do, but not for long."""
    _close(process)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_PARTING_S):
            await process.wait()


def _close(process: Process) -> None:
    if process.stdin is not None:
        process.stdin.close()


def _kill(process: Process) -> None:
    """With all that it has started; where there are no groups of processes, it alone."""
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
