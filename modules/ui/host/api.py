"""The API as people need it to call it: where it answers, and lines to copy. Keys are never shown."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, runtime_checkable
from urllib.parse import urlsplit

from modules.context import AppContext
from modules.settings import Settings
from modules.ui.markup import chip, to_markup
from modules.web.access import is_local
from modules.web.trust import find_trust

KEY = "YOUR_KEY"


@runtime_checkable
class Addressed(Protocol):
    """A service that knows where it answers."""

    @property
    def urls(self) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True)
class ApiState:
    """`url` without a slash at its end, empty when it does not run. `model`: that answers. `authority`: a file with the certificate that
    clients must be told to trust; `unchecked`: why they cannot check it at all.
    """

    url: str = ""
    needs_key: bool = False
    model: str = ""
    is_public: bool = False
    authority: str = ""
    unchecked: str = ""

    @property
    def is_running(self) -> bool:
        return bool(self.url)


def read_api(context: AppContext, visited_host: str) -> ApiState:
    """`visited_host`: by which name the page was opened: from another machine 127.0.0.1 would be wrong."""
    settings = context.settings
    urls = [
        url
        for service in context.hooks.services
        if service.name == "openai" and isinstance(service, Addressed)
        for url in service.urls
    ]
    if not urls:
        return ApiState()
    url = with_host(urls[0], visited_host) if settings.listen else urls[0]
    current = context.models.current
    needs_key = bool(settings.api_key or settings.api_key_file or settings.admin_key)
    return ApiState(url, needs_key, current.name if current else "", settings.public_api)


def with_trust(state: ApiState, settings: Settings) -> ApiState:
    """Of a server with TLS also the name that its certificate is for. Blocking."""
    if not (state.is_running and settings.ssl_certfile and settings.ssl_keyfile):
        return state
    host = urlsplit(state.url).hostname or ""
    hosts = [host, "localhost"] if is_local(host) else [host]
    certificate = str(Path(settings.ssl_certfile).resolve())
    trust = find_trust(certificate, settings.ssl_keyfile, hosts)
    url = with_host(state.url, trust.host)
    return replace(state, url=url, authority=trust.authority, unchecked=trust.problem)


def with_host(url: str, host: str) -> str:
    """The same address by another name of the machine."""
    parts = urlsplit(url)
    if not host or parts.port is None:
        return url
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}:{parts.port}"


def to_curl(state: ApiState) -> str:
    body = json.dumps({"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 64})
    key = f' \\\n  -H "Authorization: Bearer {KEY}"' if state.needs_key else ""
    trust = "-k " if state.unchecked else ""
    if state.authority:
        trust = f"--cacert {shlex.quote(state.authority)} "
    return f"curl {trust}{state.url}/v1/chat/completions \\\n  -H \"Content-Type: application/json\"{key} \\\n  -d '{body}'"


def to_python(state: ApiState) -> str:
    key = KEY if state.needs_key else "none"
    imports, trust, option = _to_verify(state)
    return (
        f"{imports}from openai import OpenAI\n\n{trust}"
        f'client = OpenAI(base_url="{state.url}/v1", api_key="{key}"{option})\n'
        "stream = client.chat.completions.create(\n"
        f'    model="{state.model or "any"}",\n'
        '    messages=[{"role": "user", "content": "Hello"}],\n'
        "    stream=True,\n"
        ")\n"
        "for chunk in stream:\n"
        '    print(chunk.choices[0].delta.content or "", end="", flush=True)\n'
    )


def _to_verify(state: ApiState) -> tuple[str, str, str]:
    """Imports, lines before the client is made, and its option; nothing where it trusts the certificate already."""
    if state.unchecked:
        return "import httpx\n", "", ", http_client=httpx.Client(verify=False)"
    if not state.authority:
        return "", "", ""
    trust = (
        f"trust = ssl.create_default_context(cafile={state.authority!r})\n"
        "trust.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN\n"
    )
    return "import ssl\n\nimport httpx\n", trust, ", http_client=httpx.Client(verify=trust)"


def to_summary(state: ApiState) -> str:
    if not state.is_running:
        return f'<p class="note">{chip("off")} The API does not run. Start the program with --api, or choose api under Settings and restart.</p>'
    url = to_markup(state.url)
    key = (
        "Each request needs a key."
        if state.needs_key
        else "No key is needed. Whoever can reach the address can use it."
    )
    public = " A tunnel makes it public." if state.is_public else ""
    return (
        f'<p class="api-line">{chip("running", "state-ready")} <code>{url}/v1</code> '
        f'<a href="{url}/docs" target="_blank" rel="noopener">Documentation</a></p><p class="note">{key}{public}</p>{_to_trust_note(state)}'
    )


def _to_trust_note(state: ApiState) -> str:
    if state.unchecked:
        note = f"The certificate cannot be checked: {state.unchecked}. So the lines below do without, and anybody between could read along."
    elif state.authority:
        note = (
            "The certificate is not from a public authority, so the lines below name the file to trust. "
            "On other machines put a copy of it, and its path there."
        )
    else:
        return ""
    return f'<p class="note">{to_markup(note)}</p>'
