"""The Python files of `user_data/tools`: which tools they have, and their calls, each in a process of its own."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from modules.toolbox.arguments import schema_problem
from modules.toolbox.child import ChildFailed, run_child
from modules.toolbox.offered import (
    RESULT_LIMIT,
    ListedTool,
    SourceStatus,
    ToolResult,
    cut_result,
)

READ_TIMEOUT_S = 10.0
"""Time for a file to be imported."""
_AT_ONCE = 4
_Stamp = tuple[int, int]


@dataclass(frozen=True, slots=True)
class ToolFile:
    name: str
    stamp: _Stamp
    tools: tuple[ListedTool, ...] = ()
    error: str = ""
    notes: tuple[str, ...] = ()

    @property
    def status(self) -> SourceStatus:
        state = "failed" if self.error else "ready"
        return SourceStatus("python", self.name, state, len(self.tools), self.error, self.notes)


class PythonTools:
    """Files are read when they are new or have changed; what has broken one file does not touch the others."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, ToolFile] = {}
        self._places = asyncio.Semaphore(_AT_ONCE)

    @property
    def statuses(self) -> list[SourceStatus]:
        return [file.status for file in self._files.values()]

    async def files(self) -> Sequence[ToolFile]:
        stamps = await asyncio.to_thread(_stamps, self._folder)
        files = await asyncio.gather(*(self._file(name, stamp) for name, stamp in stamps.items()))
        self._files = {file.name: file for file in files}
        return files

    async def _file(self, name: str, stamp: _Stamp) -> ToolFile:
        known = self._files.get(name)
        if known and known.stamp == stamp:
            return known
        try:
            answer = await self._run(["describe", str(self._path(name))], {}, READ_TIMEOUT_S)
        except ChildFailed as failure:
            return ToolFile(name, stamp, error=f"when it was read, {failure}")
        return _to_file(name, stamp, answer)

    async def call(
        self, file: str, tool: str, arguments: dict[str, Any], timeout_s: float
    ) -> ToolResult:
        request = {"arguments": arguments, "limit": RESULT_LIMIT}
        try:
            answer = await self._run(["call", str(self._path(file)), tool], request, timeout_s)
        except ChildFailed as failure:
            return ToolResult(f"The tool failed: {failure}.", is_error=True)
        return ToolResult(cut_result(answer["text"], length=answer["length"]), answer["is_error"])

    async def _run(self, arguments: list[str], request: dict[str, Any], timeout_s: float) -> Any:
        async with self._places:
            return await run_child(arguments, request, timeout_s)

    def _path(self, name: str) -> Path:
        return (self._folder / name).resolve()


def _stamps(folder: Path) -> dict[str, _Stamp]:
    """Files whose names begin with an underscore belong to others, and are no tools themselves."""
    if not folder.is_dir():
        return {}
    stamps: dict[str, _Stamp] = {}
    for path in sorted(folder.glob("*.py")):
        if path.is_file() and not path.name.startswith(("_", ".")):
            state = path.stat()
            stamps[path.name] = (state.st_mtime_ns, state.st_size)
    return stamps


def _to_file(name: str, stamp: _Stamp, answer: dict[str, Any]) -> ToolFile:
    if error := answer.get("error"):
        return ToolFile(name, stamp, error=cut_result(str(error), 500))
    notes = [str(problem) for problem in answer["problems"]]
    tools: list[ListedTool] = []
    for found in cast(list[dict[str, Any]], answer["tools"]):
        if problem := schema_problem(found["parameters"]):
            notes.append(f"The tool {found['name']} is not offered: {problem}.")
        else:
            tools.append(ListedTool(found["name"], found["description"], found["parameters"]))
    return ToolFile(name, stamp, tuple(tools), notes=tuple(notes))
