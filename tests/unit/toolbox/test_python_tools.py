"""Python files as tools: what they offer, how calls end, and that broken ones harm no other."""

import asyncio
import os
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from modules.toolbox.toolbox import Toolbox
from tests.unit.toolbox.conftest import eventually, is_running

pytestmark = pytest.mark.anyio


@pytest.fixture
def write_tool(tmp_path: Path):
    def write(name: str, source: str) -> Path:
        path = tmp_path / "tools" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(dedent(source))
        return path

    return write


async def statuses_of(toolbox: Toolbox) -> dict[str, str]:
    return {status.name: status.sentence for status in await toolbox.sources()}


async def test_a_folder_that_is_not_there_has_no_tools(open_toolbox):
    assert await open_toolbox().list() == []


async def test_functions_of_a_file_are_tools(open_toolbox, write_tool):
    write_tool(
        "words.py",
        '''
        from __future__ import annotations
        from os.path import join  # not defined here, so no tool
        from _shared import LETTERS

        def count(text: str, letters: list[str] | None = None) -> dict[str, int]:
            """Count letters."""
            return {letter: text.count(letter) for letter in letters or LETTERS}

        async def later(text: str) -> str:
            """Say it later."""
            return text

        def _own(text: str) -> str:
            """Not a tool."""
            return text
        ''',
    )
    write_tool("_shared.py", 'LETTERS = ["a"]')
    toolbox = open_toolbox()
    assert [tool.name for tool in await toolbox.list()] == ["count", "later"]
    assert (await toolbox.call("count", '{"text": "banana"}')).text == '{"a": 3}'
    assert (await toolbox.call("later", '{"text": "so"}')).text == "so"


async def test_the_form_of_other_programs_is_taken(open_toolbox, write_tool):
    write_tool(
        "old.py",
        """
        tool = {
            "type": "function",
            "function": {
                "name": "roll_dice",
                "description": "Roll dice.",
                "parameters": {
                    "type": "object",
                    "properties": {"sides": {"type": "integer"}},
                    "required": ["sides"],
                },
            },
        }

        def execute(arguments):
            return {"result": arguments["sides"]}
        """,
    )
    toolbox = open_toolbox()
    (tool,) = await toolbox.list()
    assert (tool.name, tool.tool.description) == ("roll_dice", "Roll dice.")
    assert (await toolbox.call("roll_dice", '{"sides": 6}')).text == '{"result": 6}'


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ('"as it is\\n"', "as it is\n"),
        ('{"a": [1, None]}', '{"a": [1, null]}'),
        ("None", "null"),
        ("'é'", "é"),
        ("['é', {1}]", '["é", [1]]'),
        ("__import__('datetime').date(2026, 1, 2)", '"2026-01-02"'),
        ("'\\ud800'", "?"),
        ("'x' * 40000", "x" * 30_000 + "\n[Cut: the result has 40,000 characters, of which"),
    ],
)
async def test_results_become_text(open_toolbox, write_tool, expression: str, text: str):
    write_tool("one.py", f'def one():\n    """Give it."""\n    return {expression}\n')
    result = await open_toolbox().call("one", "{}")
    assert result.text.startswith(text)
    assert len(result.text) == len(text) or "Cut" in text
    assert not result.is_error
    assert result.seconds > 0


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("raise KeyError('home')", "KeyError: 'home' (line 3 of one.py)"),
        ("raise SystemExit(3)", "SystemExit: 3 (line 3 of one.py)"),
        (
            "import os; os._exit(9)",
            "The tool failed: it ended without an answer (exit code 9).",
        ),
        (
            "import os; os.kill(os.getpid(), 11)",
            "The tool failed: it ended without an answer (exit code -11).",
        ),
        ("while True: pass", "The tool failed: it took longer than 1.5 seconds and was stopped."),
        (
            "import time; time.sleep(600)",
            "The tool failed: it took longer than 1.5 seconds and was stopped.",
        ),
    ],
)
async def test_whatever_a_tool_does_wrong_is_told_to_the_model(
    open_toolbox, write_tool, body: str, text: str
):
    write_tool("one.py", f'def one():\n    """Do it."""\n    {body}\n')
    result = await open_toolbox(call_timeout_s=1.5).call("one", "{}")
    assert result.is_error
    assert result.text == text


async def test_what_a_tool_prints_and_reads_does_not_get_in_the_way(open_toolbox, write_tool):
    write_tool(
        "one.py",
        '''
        import os, sys, subprocess
        print("at import")
        def one():
            """Do it."""
            print('{"text": "forged"}')
            os.system("echo more")
            subprocess.run([sys.executable, "-c", "print(1)"], check=True)
            return sys.stdin.read() + "done"
        ''',
    )
    assert (await open_toolbox().call("one", "{}")).text == "done"


async def test_whole_numbers_arrive_as_such(open_toolbox, write_tool):
    write_tool("one.py", 'def one(n: int):\n    """Do it."""\n    return "x" * n\n')
    assert (await open_toolbox().call("one", '{"n": 3.0}')).text == "xxx"


async def test_a_broken_file_is_named_and_harms_no_other(open_toolbox, write_tool):
    write_tool("good.py", 'def good():\n    """Do it."""\n    return 1\n')
    write_tool("syntax.py", "def broken(:\n")
    write_tool("missing.py", "import no_such_library\n")
    write_tool("exits.py", "import sys\nsys.exit(1)\n")
    write_tool("old.py", "tool = {}\ndef execute(arguments): ...\n")
    toolbox = open_toolbox()
    assert [tool.name for tool in await toolbox.list()] == ["good"]
    assert await statuses_of(toolbox) == {
        "good.py": "ready with 1 tool",
        "syntax.py": "failed: SyntaxError in line 1: invalid syntax",
        "missing.py": (
            "failed: ModuleNotFoundError: No module named 'no_such_library' (line 1 of missing.py)"
        ),
        "exits.py": "failed: SystemExit: 1 (line 2 of exits.py)",
        "old.py": "failed: its `tool` has no function with a name",
    }


async def test_functions_that_cannot_be_offered_are_noted(open_toolbox, write_tool):
    write_tool(
        "some.py",
        """
        from datetime import date
        def undocumented(a: int): ...
        def strange(day: date):
            "Take a day."
        def fine():
            "Be fine."
        def unknown(a: "Nowhere"):
            "Refer to nothing."
        """,
    )
    toolbox = open_toolbox()
    assert [tool.name for tool in await toolbox.list()] == ["fine"]
    (status,) = await toolbox.sources()
    assert [note.partition(" is not offered: ")[0] for note in status.notes] == [
        "The function undocumented",
        "The function strange",
        "The function unknown",
    ]


async def test_a_file_that_never_ends_to_load_is_given_up(
    open_toolbox, write_tool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("modules.toolbox.python_tools.READ_TIMEOUT_S", 1.0)
    write_tool("endless.py", "while True: pass\n")
    write_tool("good.py", 'def good():\n    """Do it."""\n    return 1\n')
    toolbox = open_toolbox()
    assert [tool.name for tool in await toolbox.list()] == ["good"]
    assert "it took longer than 1 seconds" in (await statuses_of(toolbox))["endless.py"]


async def test_changed_files_are_read_again(open_toolbox, write_tool):
    path = write_tool("one.py", 'def one():\n    """Do it."""\n    return 1\n')
    toolbox = open_toolbox()
    assert (await toolbox.call("one", "")).text == "1"
    path.write_text('def two():\n    """Do it."""\n    return 2\n')
    os.utime(path, ns=(1, 1))
    assert [tool.name for tool in await toolbox.list()] == ["two"]
    assert (await toolbox.call("two", "")).text == "2"
    path.unlink()
    assert await toolbox.list() == []


async def test_equal_names_are_told_apart(open_toolbox, write_tool):
    for name in ("a.py", "b.py"):
        write_tool(name, f'def one():\n    """Do it."""\n    return "{name}"\n')
    toolbox = open_toolbox()
    first, second = [tool.name for tool in await toolbox.list()]
    assert first == "one"
    assert second.startswith("one_")
    assert (await toolbox.call(first, "")).text == "a.py"
    assert (await toolbox.call(second, "")).text == "b.py"


async def test_tools_can_be_switched_off_by_name_and_by_source(open_toolbox, write_tool):
    write_tool("a.py", 'def one():\n    """Do it."""\n\ndef two():\n    """Do it."""\n')
    write_tool("b.py", 'def three():\n    """Do it."""\n')
    tools = await open_toolbox().list({"one", "python:b.py"})
    assert {tool.name: tool.is_enabled for tool in tools} == {
        "one": False,
        "two": True,
        "three": False,
    }


ENDLESS = '''
import os, subprocess, sys, time
def one(file: str):
    """Do it."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    with open(file, "w") as out:
        out.write(f"{os.getpid()} {child.pid}\\n")
    while True: pass
'''


async def ids_in(file: Path) -> list[int]:
    async def is_written() -> bool:
        return file.exists() and file.read_text().endswith("\n")

    await eventually(is_written)
    return [int(text) for text in file.read_text().split()]


async def none_runs(ids: list[int]) -> None:
    async def is_so() -> bool:
        return not any(is_running(number) for number in ids)

    await eventually(is_so)


async def test_cancelling_ends_the_tool_and_what_it_has_started(
    open_toolbox, write_tool, tmp_path: Path
):
    write_tool("one.py", ENDLESS)
    call = asyncio.create_task(open_toolbox().call("one", f'{{"file": "{tmp_path / "ids"}"}}'))
    ids = await ids_in(tmp_path / "ids")
    assert all(is_running(number) for number in ids)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await none_runs(ids)


async def test_a_tool_ends_with_a_server_that_is_killed(write_tool, tmp_path: Path):
    write_tool("one.py", ENDLESS)
    script = (
        "import asyncio, pathlib\n"
        "from modules.toolbox.toolbox import Toolbox\n"
        f"call = Toolbox(pathlib.Path({str(tmp_path)!r}), call_timeout_s=600).call\n"
        f"""asyncio.run(call("one", '{{"file": "{tmp_path / "ids"}"}}'))\n"""
    )
    root = Path(__file__).resolve().parents[3]
    server = await asyncio.create_subprocess_exec(sys.executable, "-c", script, cwd=root)
    ids = await ids_in(tmp_path / "ids")
    server.kill()
    await server.wait()
    await none_runs(ids)
