"""What runs here: versions and folders."""

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from modules.settings import VERSION, Settings
from modules.ui.markup import to_markup

LIBRARIES = (
    "llama_cpp_python",
    "transformers",
    "torch",
    "diffusers",
    "openai-whisper",
    "sentence-transformers",
    "llguidance",
    "fastapi",
    "gradio",
    "mcp",
)


def read_versions() -> dict[str, str]:
    """Of those that are installed."""
    found = {"Hearth": VERSION, "Python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def to_summary(settings: Settings) -> str:
    """Blocking: looks for the packages."""
    versions = "".join(
        f'<div class="setting given"><span class="setting-name">{to_markup(name)}</span><span class="setting-value">{to_markup(number)}</span></div>'
        for name, number in read_versions().items()
    )
    folders = {
        "User data": Path(settings.user_data_dir).resolve(),
        "Models": settings.models_path.resolve(),
    }
    places = "".join(
        f'<div class="setting given"><span class="setting-name">{to_markup(name)}</span><span class="setting-value">{to_markup(path)}</span></div>'
        for name, path in folders.items()
    )
    return f'<div class="settings-table">{places}{versions}</div>'
