"""MCP servers that do not behave, written by hand: `hostile.py HOW`."""

import json
import os
import signal
import sys
import time

how = sys.argv[1]
GOOD = {"type": "object", "properties": {"text": {"type": "string"}}}
TOOLS = {
    "bad_schemas": [
        {"name": "good", "inputSchema": GOOD},
        {"name": "wrong type", "inputSchema": {"type": "object", "properties": {"a": {"type": "objekt"}}}},
        {"name": "huge", "inputSchema": {"type": "object", "description": "x" * 200_000}},
        {"name": "näme with a very long text that no model can ever call by its name, never", "inputSchema": {"type": "object"}},
        {"name": "loop", "inputSchema": {"type": "object", "$ref": "#"}},
        {"name": "slow", "inputSchema": {"type": "object", "properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}}},
    ],
    "no_list": "nothing",
}  # fmt: skip


def answer(request: dict) -> None:
    match request["method"]:
        case "initialize":
            result = {
                "protocolVersion": request["params"]["protocolVersion"],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "hostile", "version": "1"},
            }
        case "tools/list":
            result = {"tools": TOOLS.get(how, [{"name": "good", "inputSchema": GOOD}])}
            if how == "endless_pages":
                result["nextCursor"] = "again"
        case "tools/call":
            result = called(request)
        case _:
            error = {"code": -32601, "message": "unknown"}
            return say({"jsonrpc": "2.0", "id": request["id"], "error": error})
    if result is not None:
        say({"jsonrpc": "2.0", "id": request["id"], "result": result})


def called(request: dict) -> dict | None:
    if how == "dies_in_call":
        os._exit(3)
    if how == "silent_in_call":
        return None
    if how == "wrong_answer":
        return {"content": "no list"}
    if how == "garbage":
        sys.stdout.write("this is no JSON\n\n{}\n")
    strange = "\ud800" if how == "surrogate" else ""
    return {"content": [{"type": "text", "text": f"{os.getpid()} {strange} {request['params']}"}]}


def say(message: dict) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if how == "dies_at_once":
    sys.stderr.write("something before\n")
    sys.exit("The key is missing.")
if how == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if how == "silent":
    time.sleep(600)
for line in sys.stdin:
    message = json.loads(line)
    if "id" in message and "method" in message:
        answer(message)
while how == "stubborn":
    time.sleep(600)
