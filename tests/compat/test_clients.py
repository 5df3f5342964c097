"""Real clients against the real server. Install them first: python -m tests.compat.install"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.compat.clients import CLIENTS, SCRIPTS, Client
from tests.live.launch import Server

TIMEOUT_S = 180


@pytest.mark.compat
@pytest.mark.parametrize(
    ("client", "script"),
    [
        pytest.param(client, script, id=f"{client.name}-{Path(script).stem}")
        for client in CLIENTS
        for script in client.scripts
    ],
)
def test_client_works(client: Client, script: str, server: Server, tmp_path: Path) -> None:
    """Each script asserts for itself; what it prints is shown when it fails."""
    assert client.is_installed, f"python -m tests.compat.install {client.name}"
    if client.kind == "node":
        shutil.copyfile(SCRIPTS / script, client.script_path(script))
    environment = {
        "PATH": f"{client.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "OPENAI_API_KEY": "sk-111111111111111111111111111111111111111111111111",
        "OPENAI_API_HOST": server.url,
        "OPENAI_API_BASE": f"{server.url}/v1",
        "OPENAI_BASE_URL": f"{server.url}/v1",
        "NO_PROXY": "*",
    }
    done = subprocess.run(
        client.command(script),
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
