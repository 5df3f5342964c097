"""Messages in the corner of the page are read as HTML there."""

import re
from pathlib import Path

import pytest

from modules.ui import toasts

ROOT = Path(__file__).parents[3]
UI = ROOT / "modules" / "ui"
_TOAST = re.compile(r"gr\.(?:Info|Warning)\((?!escape\(|\"[^\"]*\"\))")


def test_names_that_people_gave_stay_text(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    def warning(message: str, title: str) -> None:
        said.append(message)

    monkeypatch.setattr("gradio.Warning", warning)
    toasts.warn("There is no <img src=x onerror=alert(1)>.")
    assert said == ["There is no &lt;img src=x onerror=alert(1)&gt;."]


@pytest.mark.parametrize(
    "path",
    sorted({*UI.rglob("*.py"), *(ROOT / "extensions").rglob("*.py")} - {UI / "toasts.py"}),
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_nothing_goes_around_them(path: Path) -> None:
    assert not _TOAST.search(path.read_text(encoding="utf-8"))
