"""MCP servers that are processes: real ones, and such as do not behave."""

import asyncio
import json
import logging
import os
import signal
from pathlib import Path

import pytest

from tests.unit.toolbox.conftest import eventually, is_running, server_entry, write_servers

pytestmark = pytest.mark.anyio


async def status_of(toolbox, name: str):
    return next(status for status in await toolbox.sources() if status.name == name)


async def test_tools_of_a_server_are_listed_under_its_name(open_toolbox, tmp_path: Path):
    write_servers(tmp_path, honest=server_entry("honest.py", "stdio"))
    toolbox = open_toolbox()
    tools = {tool.name: tool for tool in await toolbox.list()}
    add = tools["honest__add"]
    assert add.tool.description == "Add two numbers."
    assert add.tool.schema["properties"]["a"]["description"] == "one number"
    assert (add.kind, add.source, add.own_name, add.is_enabled) == ("mcp", "honest", "add", True)


async def test_nothing_is_started_before_tools_are_wanted(open_toolbox, tmp_path: Path):
    write_servers(tmp_path, honest=server_entry("honest.py", "stdio"))
    toolbox = open_toolbox()
    assert (await status_of(toolbox, "honest")).sentence == "not started"
    assert await toolbox.list({"mcp:honest"}) == []
    assert (await status_of(toolbox, "honest")).state == "idle"
    await toolbox.list()
    status = await status_of(toolbox, "honest")
    assert status.state == "ready"
    assert status.sentence == f"ready with {status.tool_count} tools"


async def test_the_status_says_when_a_server_is_starting(open_toolbox, tmp_path: Path):
    write_servers(tmp_path, honest=server_entry("honest.py", "stdio"))
    toolbox = open_toolbox()
    await toolbox.sources()
    listing = asyncio.create_task(toolbox.list())
    states: list[str] = []
    while not listing.done():
        states.append((await status_of(toolbox, "honest")).state)
        await asyncio.sleep(0.01)
    assert "starting" in states


async def test_calls_are_answered_side_by_side(open_toolbox, tmp_path: Path):
    write_servers(tmp_path, honest=server_entry("honest.py", "stdio"))
    toolbox = open_toolbox()
    sums = [toolbox.call("honest__add", json.dumps({"a": n, "b": 1})) for n in range(5)]
    results = await asyncio.gather(*sums)
    assert [result.text for result in results] == ["1", "2", "3", "4", "5"]
    assert not any(result.is_error for result in results)


async def test_what_kinds_of_results_become(open_toolbox, tmp_path: Path):
    write_servers(tmp_path, honest=server_entry("honest.py", "stdio"))
    toolbox = open_toolbox()
    assert json.loads((await toolbox.call("honest__structured", "{}")).text) == {"answer": 42}
    picture = await toolbox.call("honest__picture", "")
    assert picture.text == "Here it is.\n[picture, image/png, 2 KiB: it cannot be shown here]"


async def test_errors_of_a_tool_are_told_to_the_model(open_toolbox, tmp_path: Path):
    write_servers(tmp_path, honest=server_entry("honest.py", "stdio"))
    toolbox = open_toolbox()
    failed = await toolbox.call("honest__fail", '{"why": "out of paper"}')
    assert failed.is_error
    assert "out of paper" in failed.text
    wrong = await toolbox.call("honest__add", '{"a": "one", "b": 1}')
    assert wrong.is_error
    assert wrong.text == "Wrong arguments: $.a: 'one' is not of type 'integer'"


async def test_a_server_gets_its_variables_and_none_of_ours(
    open_toolbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OUR_SECRET", "secret")
    write_servers(tmp_path, honest=server_entry("honest.py", "stdio", env={"THEIRS": "key"}))
    toolbox = open_toolbox()
    assert (await toolbox.call("honest__environment", '{"name": "THEIRS"}')).text == "key"
    assert (await toolbox.call("honest__environment", '{"name": "OUR_SECRET"}')).text == "not set"


async def test_a_huge_result_is_cut_with_a_notice(open_toolbox, tmp_path: Path):
    write_servers(tmp_path, honest=server_entry("honest.py", "stdio"))
    result = await open_toolbox().call("honest__long", '{"characters": 3000000}')
    assert result.text.startswith("x" * 30_000 + "\n[Cut: the result has 3,000,000 characters")
    assert len(result.text) < 30_200


async def test_a_call_has_a_time_limit_and_the_server_is_told(open_toolbox, tmp_path: Path):
    write_servers(tmp_path, honest=server_entry("honest.py", "stdio"))
    toolbox = open_toolbox(call_timeout_s=0.5)
    result = await toolbox.call("honest__wait", '{"seconds": 600, "name": "limit"}')
    assert result.is_error
    assert result.text == "The tool took longer than 0.5 seconds and was stopped."
    toolbox.call_timeout_s = 30
    assert (await toolbox.call("honest__which_were_cancelled", "")).text == "limit"


async def test_cancelling_a_call_reaches_the_server(open_toolbox, tmp_path: Path):
    write_servers(tmp_path, honest=server_entry("honest.py", "stdio"))
    toolbox = open_toolbox()
    await toolbox.list()
    call = asyncio.create_task(toolbox.call("honest__wait", '{"seconds": 600, "name": "stop"}'))
    await asyncio.sleep(0.3)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert (await toolbox.call("honest__which_were_cancelled", "")).text == "stop"


async def test_closing_leaves_no_process(open_toolbox, tmp_path: Path):
    write_servers(tmp_path, honest=server_entry("honest.py", "stdio"))
    toolbox = open_toolbox()
    ids = [int(text) for text in (await toolbox.call("honest__process_ids", "")).text.split()]
    assert all(is_running(number) for number in ids)
    await toolbox.close()
    assert not is_running(ids[0])


async def test_a_server_that_died_is_started_anew(open_toolbox, tmp_path: Path):
    write_servers(tmp_path, honest=server_entry("honest.py", "stdio"))
    toolbox = open_toolbox()
    died = await toolbox.call("honest__die", "")
    assert died.is_error
    assert died.text.startswith("The server ended in the middle of the call.")
    assert (await toolbox.call("honest__add", '{"a": 1, "b": 2}')).text == "3"


async def test_calls_to_a_server_that_died_unseen_run_in_a_new_one(open_toolbox, tmp_path: Path):
    write_servers(tmp_path, hostile=server_entry("hostile.py", "fine"))
    toolbox = open_toolbox()
    first = int((await toolbox.call("hostile__good", "")).text.split()[0])
    os.kill(first, signal.SIGKILL)

    async def is_noticed() -> bool:
        return (await status_of(toolbox, "hostile")).state == "idle"

    await eventually(is_noticed)
    results = await asyncio.gather(*(toolbox.call("hostile__good", "") for _ in range(3)))
    numbers = {result.text.split()[0] for result in results}
    assert len(numbers) == 1
    assert int(numbers.pop()) != first


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("dies_at_once", "failed: it ended before it answered: The key is missing."),
        ("silent", "failed: it did not answer within 4 seconds"),
        ("no_list", "failed: its list of tools is not as the protocol has it"),
    ],
)
async def test_a_server_that_cannot_be_used_says_why_and_harms_no_other(
    open_toolbox, tmp_path: Path, how: str, sentence: str
):
    write_servers(
        tmp_path, hostile=server_entry("hostile.py", how), other=server_entry("hostile.py", "fine")
    )
    toolbox = open_toolbox(start_timeout_s=4)
    names = [tool.name for tool in await toolbox.list()]
    assert names == ["other__good"]
    assert (await status_of(toolbox, "hostile")).sentence == sentence


async def test_a_command_that_does_not_exist_is_named(open_toolbox, tmp_path: Path):
    write_servers(tmp_path, gone={"command": "no-such-command-anywhere"})
    toolbox = open_toolbox()
    assert await toolbox.list() == []
    assert (await status_of(toolbox, "gone")).detail == (
        "the command 'no-such-command-anywhere' was not found"
    )


async def test_a_failed_server_is_tried_again_when_it_is_restarted(open_toolbox, tmp_path: Path):
    script = tmp_path / "later.py"
    write_servers(tmp_path, later=server_entry(str(script), "fine"))
    toolbox = open_toolbox()
    assert await toolbox.list() == []
    script.write_text((Path(__file__).parent / "servers" / "hostile.py").read_text())
    assert await toolbox.list() == []
    await toolbox.restart("later")
    assert [tool.name for tool in await toolbox.list()] == ["later__good"]


async def test_schemas_that_cannot_be_used_leave_a_tool_out_with_a_note(
    open_toolbox, tmp_path: Path
):
    write_servers(tmp_path, hostile=server_entry("hostile.py", "bad_schemas"))
    toolbox = open_toolbox()
    names = [tool.name for tool in await toolbox.list()]
    assert names[0] == "hostile__good"
    assert all(len(name) <= 64 and name.isascii() for name in names)
    assert names[2:] == ["hostile__loop", "hostile__slow"]
    notes = (await status_of(toolbox, "hostile")).notes
    assert notes[0].startswith("The tool wrong type is not offered: the schema of its arguments is")
    assert notes[1] == "The tool huge is not offered: the schema of its arguments is too long."


async def test_a_schema_cannot_hold_up_the_program(open_toolbox, tmp_path: Path):
    """`loop` refers to itself for ever, `slow` has a pattern that takes exponential time."""
    write_servers(tmp_path, hostile=server_entry("hostile.py", "bad_schemas"))
    toolbox = open_toolbox()
    for name in ("hostile__loop", "hostile__slow"):
        result = await toolbox.call(name, json.dumps({"a": "a" * 60 + "b"}))
        assert not result.is_error


async def test_pages_without_end_are_not_read_without_end(open_toolbox, tmp_path: Path):
    write_servers(tmp_path, hostile=server_entry("hostile.py", "endless_pages"))
    tools = await open_toolbox().list()
    assert [tool.name for tool in tools] == ["hostile__good"]


@pytest.mark.parametrize(
    ("how", "text"),
    [
        ("dies_in_call", "The server ended in the middle of the call."),
        ("silent_in_call", "The tool took longer than 2 seconds and was stopped."),
        ("surrogate", "The tool took longer than 2 seconds and was stopped."),
        ("wrong_answer", "The server's answer is not what it says its answers are."),
    ],
)
async def test_calls_that_are_not_answered_well(open_toolbox, tmp_path: Path, how: str, text: str):
    write_servers(tmp_path, hostile=server_entry("hostile.py", how))
    result = await open_toolbox(call_timeout_s=2).call("hostile__good", '{"text": "hello"}')
    assert result.is_error
    assert result.text.startswith(text)


async def test_what_servers_say_is_in_no_log(
    open_toolbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    write_servers(tmp_path, hostile=server_entry("hostile.py", "garbage"))
    result = await open_toolbox().call("hostile__good", '{"text": "a private matter"}')
    assert "a private matter" in result.text
    assert "private" not in caplog.text
    assert "this is no JSON" not in caplog.text


async def test_a_stubborn_server_is_killed(open_toolbox, tmp_path: Path):
    write_servers(tmp_path, hostile=server_entry("hostile.py", "stubborn"))
    toolbox = open_toolbox()
    number = int((await toolbox.call("hostile__good", "")).text.split()[0])
    await toolbox.close()
    assert not is_running(number)


async def test_a_changed_file_ends_and_starts_what_has_changed(open_toolbox, tmp_path: Path):
    write_servers(
        tmp_path, a=server_entry("hostile.py", "fine"), b=server_entry("hostile.py", "fine")
    )
    toolbox = open_toolbox()
    first = {name: (await toolbox.call(f"{name}__good", "")).text.split()[0] for name in "ab"}
    write_servers(
        tmp_path,
        a=server_entry("hostile.py", "fine"),
        b=server_entry("hostile.py", "fine", env={"NEW": "1"}),
    )
    assert len(await toolbox.list()) == 2
    second = {name: (await toolbox.call(f"{name}__good", "")).text.split()[0] for name in "ab"}
    assert second["a"] == first["a"]
    assert second["b"] != first["b"]
    assert not is_running(int(first["b"]))
    write_servers(tmp_path)
    gone = await toolbox.call("a__good", "")
    assert gone.is_error or gone.text.split()[0] == first["a"]
    await toolbox.list()
    assert (await toolbox.call("a__good", "")).text == "The server a is no longer in mcp.json."
    assert not is_running(int(first["a"]))


async def test_servers_can_be_used_from_tasks_that_end_before_them(open_toolbox, tmp_path: Path):
    """Scopes of the library belong to tasks: whoever starts a server may be gone when it ends."""
    write_servers(tmp_path, honest=server_entry("honest.py", "stdio"))
    toolbox = open_toolbox()
    await asyncio.create_task(toolbox.list())
    impatient = asyncio.create_task(toolbox.call("honest__wait", '{"seconds": 600}'))
    await asyncio.sleep(0.1)
    impatient.cancel()
    await asyncio.wait([impatient])
    assert (await toolbox.call("honest__add", '{"a": 1, "b": 2}')).text == "3"
    await asyncio.create_task(toolbox.close())
