"""What the session tab shows and writes: extensions without importing them, settings without keys, lines to copy, flags."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from modules.context import AppContext
from modules.core.errors import AuthError
from modules.core.life import Life
from modules.engine.manager import ModelManager
from modules.hooks import Extension, Fault, Hooks
from modules.loaders.catalog import Catalog
from modules.media import build_media
from modules.settings import Settings
from modules.ui.host.api import ApiState, read_api, to_curl, to_python, to_summary
from modules.ui.host.extensions import read_rows, read_script, to_list
from modules.ui.host.program import read_versions
from modules.ui.host.rights import check_manager
from modules.ui.host.settings import chosen_now, switches, to_flags, to_table
from modules.ui.session import Session

pytestmark = pytest.mark.anyio


@dataclass
class FakeApi:
    """As much of the API's service as is asked for its address."""

    urls: list[str] = field(default_factory=lambda: ["http://127.0.0.1:5000"])
    name: str = "openai"

    async def start(self) -> list[str]:
        return []

    async def run(self) -> None: ...

    def stop(self) -> None: ...


@pytest.fixture
async def context(tmp_path: Path) -> AppContext:
    settings = Settings(user_data_dir=str(tmp_path))
    return AppContext(settings, ModelManager(Catalog(tmp_path / "models")), build_media(settings))


def write_script(tmp_path: Path, name: str, text: str) -> Path:
    path = tmp_path / "extensions" / name / "script.py"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


async def test_extensions_are_described_without_being_imported(
    context: AppContext, tmp_path: Path
) -> None:
    write_script(
        tmp_path,
        "loud",
        '"""Makes it <loud>.\n\nMore."""\nparams = {"display_name": "Loud"}\n1 / 0\n',
    )
    row = next(row for row in read_rows(context) if row.name == "loud")
    assert (row.title, row.about, row.is_on) == ("Loud", "Makes it <loud>.", False)
    shown = to_list([row], [])
    assert "Makes it &lt;loud&gt;." in shown
    assert 'data-do="select"' in shown
    assert any(row.name == "openai" and not row.can_switch for row in read_rows(context))


@pytest.mark.parametrize("text", ["def broken(:\n", "\0"])
def test_a_script_that_is_none_says_so(tmp_path: Path, text: str) -> None:
    assert read_script(write_script(tmp_path, "a", text)) == ("", "This script cannot be read")


async def test_what_needs_a_restart_is_said(context: AppContext, tmp_path: Path) -> None:
    write_script(tmp_path, "tab", "")
    tab = Extension("tab", functions={"ui_tab": print}, is_enabled=True, is_set_up=True)
    context.hooks.add(tab)
    row = next(row for row in read_rows(context) if row.name == "tab")
    assert row.is_on
    assert "restart" in row.note


def test_faults_stand_with_their_extension(tmp_path: Path) -> None:
    from modules.ui.host.extensions import ExtensionRow

    row = ExtensionRow("a", "a", "", is_on=True)
    faults = [Fault("a", "output_modifier", "ValueError", "script.py:3", 2), Fault("b", "ui", "X")]
    shown = to_list([row], faults)
    assert "output_modifier failed, 2 times: ValueError at script.py:3" in shown
    assert "ui failed" not in shown


async def test_keys_are_never_shown(tmp_path: Path) -> None:
    settings = Settings(
        user_data_dir=str(tmp_path),
        api_key=("sk-secret",),
        upstream_key="up-secret",
        upstream_proxy="http://user:pass-secret@127.0.0.1:1",
    )
    table = to_table(settings)
    assert "secret" not in table
    assert "set, not shown" in table
    context = AppContext(
        settings,
        ModelManager(Catalog(tmp_path)),
        build_media(settings),
        Hooks(services=[FakeApi()]),
    )
    state = read_api(context, "127.0.0.1")
    for text in (to_curl(state), to_python(state), to_summary(state)):
        assert "secret" not in text
    assert "Authorization: Bearer YOUR_KEY" in to_curl(state)


async def test_without_the_api_there_is_nothing_to_copy(context: AppContext) -> None:
    state = read_api(context, "127.0.0.1")
    assert not state.is_running
    assert "--api" in to_summary(state)


async def test_from_another_machine_the_address_is_the_one_that_was_visited(
    tmp_path: Path,
) -> None:
    settings = Settings(user_data_dir=str(tmp_path), listen=True)
    models, media = ModelManager(Catalog(tmp_path)), build_media(settings)
    context = AppContext(settings, models, media, Hooks(services=[FakeApi()]))
    assert read_api(context, "my-machine").url == "http://my-machine:5000"
    assert read_api(context, "::2").url == "http://[::2]:5000"


def test_the_lines_to_copy_name_the_address() -> None:
    state = ApiState("http://127.0.0.1:5000", model="a.gguf")
    assert "http://127.0.0.1:5000/v1/chat/completions" in to_curl(state)
    assert "Authorization" not in to_curl(state)
    compile(to_python(state), "snippet", "exec")
    assert 'model="a.gguf"' in to_python(state)


def test_only_what_shall_change_becomes_a_flag() -> None:
    settings = Settings(verbose=True)
    now = chosen_now(settings, "")
    assert "verbose" in now
    assert to_flags(settings, "", now, None) == {}
    wanted = [*(name for name in now if name != "verbose"), "auto_truncate"]
    flags = to_flags(settings, "", wanted, ["rag"])
    assert flags == {"verbose": False, "auto_truncate": True, "extensions": ("rag",)}


def test_what_was_chosen_before_stays_chosen() -> None:
    from modules.flag_file import with_flags

    text = with_flags("", {"verbose": True, "extensions": ("rag",)})
    settings = Settings()
    assert "verbose" in chosen_now(settings, text)
    assert to_flags(settings, text, chosen_now(settings, text), None) == {
        "verbose": True,
        "extensions": ("rag",),
    }
    assert "extensions" not in to_flags(settings, text, [], [])


def test_nobody_locks_himself_out() -> None:
    assert {"nowebui", "share", "api_disable_ipv4"}.isdisjoint(each.name for each in switches())


def test_visitors_without_a_login_do_not_manage_a_program_for_several() -> None:
    check_manager(Settings(), Session())
    check_manager(Settings(multi_user=True), Session(user="ann"))
    with pytest.raises(AuthError):
        check_manager(Settings(multi_user=True), Session())


def test_versions_are_those_of_what_is_installed() -> None:
    versions = read_versions()
    assert versions["Hearth"]
    assert versions["gradio"].startswith("6.")


def test_the_end_and_the_restart_are_asked_for() -> None:
    life, calls = Life(), list[str]()
    life.end(restart=True)
    assert (life.can_end, life.will_restart) == (False, False)
    life.on_end = lambda: calls.append("end")
    life.end(restart=True)
    assert (calls, life.will_restart) == (["end"], True)
    life.end()
    assert life.will_restart is False
