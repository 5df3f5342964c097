"""The program of the process in which a Python tool runs, so that it can be stopped and can break nothing.

`describe FILE` says which tools a file has; `call FILE NAME` reads the arguments as a line of JSON and calls one. Either answers
with one line of JSON. Standard library only: it is started anew for each call.
"""

import asyncio
import contextlib
import dataclasses
import importlib.util
import inspect
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, cast

from modules.toolbox.signatures import NotATool, describe

Answer = dict[str, Any]
_MODULE = "hearth_tool"


def main(arguments: list[str]) -> None:
    command, file = arguments[0], Path(arguments[1])
    requests, answers = _take_pipes()
    given = requests.readline()
    is_done = threading.Event()
    threading.Thread(target=_end_with_server, args=(requests, is_done), daemon=True).start()
    answer = describe_file(file) if command == "describe" else call(file, arguments[2], given)
    is_done.set()
    answers.write(json.dumps(answer).encode() + b"\n")
    answers.flush()


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """The pipes to the server; what the tool reads and prints itself comes from and goes to nowhere."""
    requests = os.fdopen(os.dup(0), "rb", buffering=0)
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    return requests, answers


def _end_with_server(requests: BinaryIO, is_done: threading.Event) -> None:
    """The server holds its pipe open as long as it wants this process: so this one ends when that one was killed, too."""
    while requests.read(1):
        pass
    if hasattr(os, "killpg") and not is_done.is_set():
        with contextlib.suppress(OSError):
            os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


def describe_file(file: Path) -> Answer:
    """{tools, problems}, or {error} for a file that cannot be read as Python."""
    try:
        module = _import(file)
        return _old_form(module) or _functions(module)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a user's file may raise anything
        return {"error": _sentence(error, file)}


def _old_form(module: ModuleType) -> Answer | None:
    """A file as other programs want it: a dict `tool` in OpenAI's form beside `execute(arguments)`."""
    tool: Any = getattr(module, "tool", None)
    if not isinstance(tool, dict) or not callable(getattr(module, "execute", None)):
        return None
    entry = cast(Answer, tool)
    inner: Any = entry.get("function", entry)
    function = cast(Answer, inner) if isinstance(inner, dict) else {}
    if not isinstance(function.get("name"), str):
        return {"error": "its `tool` has no function with a name"}
    found: Answer = {
        "name": function["name"],
        "description": str(function.get("description") or ""),
        "parameters": function.get("parameters") or {"type": "object", "properties": {}},
    }
    json.dumps(found)
    return {"tools": [found], "problems": []}


def _functions(module: ModuleType) -> Answer:
    tools: list[Answer] = []
    problems: list[str] = []
    for name, function in vars(module).items():
        if name.startswith("_") or not inspect.isfunction(function):
            continue
        if function.__module__ != _MODULE or function.__name__ != name:
            continue
        try:
            tools.append(describe(function))
        except NotATool as problem:
            problems.append(f"The function {name} is not offered: {problem}.")
        except Exception as error:  # noqa: BLE001 - annotations may be any expression
            problems.append(f"The function {name} is not offered: {type(error).__name__}: {error}.")
    return {"tools": tools, "problems": problems}


def call(file: Path, name: str, given: bytes) -> Answer:
    """{text, length, is_error}; `given`: {arguments, limit, is_exact}. `name` is empty in the old form."""
    request = json.loads(given)
    try:
        module = _import(file)
        value = _value(module, name, request["arguments"])
        text = value if isinstance(value, str) else _to_json(value)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a user's tool may raise anything
        return {"text": _sentence(error, file), "length": 0, "is_error": True}
    return {"text": text[: request["limit"]], "length": len(text), "is_error": False}


def _value(module: ModuleType, name: str, arguments: Mapping[str, Any]) -> Any:
    if _old_form(module):
        value = module.execute(arguments)
    else:
        function: Callable[..., Any] = getattr(module, name)
        value = function(**_whole_numbers(function, arguments))
    return asyncio.run(_awaited(value)) if inspect.isawaitable(value) else value


async def _awaited(value: Any) -> Any:
    return await value


def _whole_numbers(function: Callable[..., Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """JSON does not tell 3.0 from 3, but Python does: what has to be an int is one."""
    wanted = describe(function)["parameters"]["properties"]
    return {
        name: int(value)
        if isinstance(value, float)
        and value.is_integer()
        and wanted.get(name, {}).get("type") == "integer"
        else value
        for name, value in arguments.items()
    }


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, set | frozenset):
        return list(cast(set[Any], value))
    return str(value)


def _sentence(error: BaseException, file: Path) -> str:
    """What went wrong, and in which line of the tool's file; no traceback."""
    if isinstance(error, SyntaxError) and error.filename == str(file):
        return f"SyntaxError in line {error.lineno}: {error.msg}"
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(file)]
    where = f" (line {lines[-1]} of {file.name})" if lines else ""
    return f"{type(error).__name__}: {error}{where}"


def _import(file: Path) -> ModuleType:
    """Files of its folder may be imported by it."""
    sys.path.append(str(file.parent))
    spec = importlib.util.spec_from_file_location(_MODULE, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file.name} cannot be read")
    module = importlib.util.module_from_spec(spec)
    sys.modules[_MODULE] = module
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main(sys.argv[1:])
