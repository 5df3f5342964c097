"""mcp.json: the customary form, and what is said about files that are wrong."""

import json
from pathlib import Path

import pytest

from modules.core.errors import ConfigError
from modules.toolbox.server_specs import ServerSpec, load_specs, to_spec


def test_no_file_means_no_servers(tmp_path: Path):
    assert load_specs(tmp_path / "mcp.json") == {}


def test_both_kinds_of_servers(tmp_path: Path):
    file = tmp_path / "mcp.json"
    servers = {
        "files": {"command": "npx", "args": ["-y", "server", 3], "env": {"KEY": "k", "N": 1}},
        "web": {"url": "http://127.0.0.1:8000/mcp", "headers": {"Authorization": "Bearer k"}},
        "old": {"url": "https://example.org/sse"},
        "off": {"command": "x", "disabled": True},
    }
    file.write_text("\ufeff" + json.dumps({"mcpServers": servers, "other": 1}))
    specs = load_specs(file)
    assert specs == {
        "files": ServerSpec("files", "npx", ("-y", "server", "3"), {"KEY": "k", "N": "1"}),
        "web": ServerSpec(
            "web", url="http://127.0.0.1:8000/mcp", headers={"Authorization": "Bearer k"}
        ),
        "old": ServerSpec("old", url="https://example.org/sse", is_sse=True),
    }
    assert "Bearer" not in repr(specs)


@pytest.mark.parametrize(
    ("fields", "is_sse"),
    [
        ({"url": "http://a/sse/"}, True),
        ({"url": "http://a/sse", "type": "http"}, False),
        ({"url": "http://a/mcp", "type": "sse"}, True),
        ({"url": "http://a/mcp", "transport": "SSE"}, True),
        ({"url": "http://a/mcp?x=/sse"}, False),
    ],
)
def test_the_older_way_over_http_is_told_by_type_or_address(fields, is_sse: bool):
    assert to_spec("a", fields).is_sse is is_sse


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "mcp.json cannot be read"),
        ("[]", '"mcpServers"'),
        ('{"mcpServers": []}', '"mcpServers"'),
        ('{"mcpServers": {"a": 1}}', "'a'"),
        ('{"mcpServers": {"a": {}}}', 'either "command" or "url"'),
        ('{"mcpServers": {"a": {"command": "x", "url": "http://y"}}}', 'either "command" or "url"'),
        ('{"mcpServers": {"a": {"command": 1}}}', '"command"'),
        ('{"mcpServers": {"a": {"command": "x\\u0000"}}}', '"command"'),
        ('{"mcpServers": {"a": {"command": "x", "args": "y"}}}', '"args"'),
        ('{"mcpServers": {"a": {"command": "x", "env": {"k": []}}}}', '"env"'),
        ('{"mcpServers": {"a": {"url": "file:///etc/passwd"}}}', "http or https"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, message: str):
    file = tmp_path / "mcp.json"
    file.write_text(text)
    with pytest.raises(ConfigError) as raised:
        load_specs(file)
    assert message in raised.value.message


@pytest.mark.anyio
async def test_a_broken_file_is_told_and_keeps_what_runs(open_toolbox, tmp_path: Path):
    (tmp_path / "mcp.json").write_text("{")
    toolbox = open_toolbox()
    assert await toolbox.list() == []
    (status,) = await toolbox.sources()
    assert (status.name, status.state) == ("mcp.json", "failed")
    assert status.detail.startswith("mcp.json cannot be read")
