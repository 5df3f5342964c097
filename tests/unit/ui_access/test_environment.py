"""What Gradio may read from the environment."""

import os
from pathlib import Path

import pytest

from modules.ui.app import set_environment


def test_only_our_settings_of_gradio_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GRADIO_SHARE", "GRADIO_ALLOWED_PATHS", "GRADIO_MCP_SERVER"):
        monkeypatch.setenv(name, "True")
    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "True")
    monkeypatch.setenv("GRADIO_TEMP_DIR", "/elsewhere")
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "0")
    set_environment(tmp_path)
    assert {name: value for name, value in os.environ.items() if name.startswith("GRADIO_")} == {
        "GRADIO_ANALYTICS_ENABLED": "False",
        "GRADIO_TEMP_DIR": str(tmp_path),
    }
    assert os.environ["HF_HUB_DISABLE_TELEMETRY"] == "1"
