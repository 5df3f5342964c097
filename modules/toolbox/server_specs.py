"""`user_data/mcp.json`: the MCP servers, in the form that most programs read."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from modules.core.errors import ConfigError

FILE = "mcp.json"


@dataclass(frozen=True, slots=True)
class ServerSpec:
    """How to reach one server: a `command` to start, or a `url`. `is_sse`: by the older of the two ways over HTTP."""

    name: str
    command: str = ""
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    cwd: str | None = None
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    is_sse: bool = False


def load_specs(file: Path) -> dict[str, ServerSpec]:
    """By name, without those that are `disabled`; none when there is no file. ConfigError says what is wrong with it."""
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{FILE} cannot be read: {error}") from None
    top = cast(dict[str, Any], content) if isinstance(content, dict) else {}
    servers: Any = top.get("mcpServers")
    if not isinstance(servers, dict):
        raise ConfigError(f'{FILE} must be an object with "mcpServers", which is an object too')
    entries = cast(dict[str, Any], servers)
    return {
        name: to_spec(name, entry)
        for name, entry in entries.items()
        if not (isinstance(entry, dict) and cast(dict[str, Any], entry).get("disabled") is True)
    }


def to_spec(name: str, entry: Any) -> ServerSpec:
    if not name.strip() or not isinstance(entry, dict):
        raise ConfigError(f"{FILE}: the server {name!r} must have a name and be an object")
    fields = cast(dict[str, Any], entry)
    command, url = _text(name, fields, "command"), _text(name, fields, "url")
    if bool(command) == bool(url):
        raise ConfigError(f'{FILE}: the server {name!r} needs either "command" or "url"')
    if url and urlsplit(url).scheme not in ("http", "https"):
        raise ConfigError(f"{FILE}: the url of the server {name!r} must begin with http or https")
    return ServerSpec(
        name=name,
        command=command,
        args=_texts(name, fields.get("args", [])),
        env=_mapping(name, fields, "env"),
        cwd=_text(name, fields, "cwd") or None,
        url=url,
        headers=_mapping(name, fields, "headers"),
        is_sse=_is_sse(fields, url),
    )


def _is_sse(fields: Mapping[str, Any], url: str) -> bool:
    """By "type" or "transport" where the entry has one, else by the customary end of such addresses."""
    kind = fields.get("type", fields.get("transport"))
    if isinstance(kind, str) and kind:
        return kind.lower() == "sse"
    return urlsplit(url).path.rstrip("/").endswith("/sse")


def _text(server: str, fields: Mapping[str, Any], key: str) -> str:
    value = fields.get(key) or ""
    if not isinstance(value, str) or "\0" in value:
        raise ConfigError(f'{FILE}: "{key}" of the server {server!r} must be text')
    return value


def _texts(server: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(
        isinstance(item, str | int | float) for item in cast(list[Any], value)
    ):
        raise ConfigError(f'{FILE}: "args" of the server {server!r} must be a list of texts')
    return tuple(str(item) for item in cast(list[Any], value))


def _mapping(server: str, fields: Mapping[str, Any], key: str) -> dict[str, str]:
    value: Any = fields.get(key) or {}
    if not isinstance(value, dict) or not all(
        isinstance(item, str | int | float) for item in cast(dict[str, Any], value).values()
    ):
        raise ConfigError(f'{FILE}: "{key}" of the server {server!r} must be an object of texts')
    return {name: str(item) for name, item in cast(dict[str, Any], value).items()}
