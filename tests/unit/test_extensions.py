"""Extensions: where they are found, and what is said of those that fail."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from modules.context import AppContext
from modules.core.errors import ConfigError
from modules.engine.manager import ModelManager
from modules.extensions import enable_extension, find_extensions, start_extensions
from modules.loaders.catalog import Catalog
from modules.media import build_media
from modules.settings import Settings

WriteScript = Callable[[str, str], None]
ANNOUNCES = "def setup(context):\n    context.hooks.routes.append('{word}')\n"


@pytest.fixture
def write(tmp_path: Path) -> WriteScript:
    def write(name: str, script: str) -> None:
        folder = tmp_path / "extensions" / name
        folder.mkdir(parents=True)
        (folder / "script.py").write_text(script, encoding="utf-8")

    return write


def start(tmp_path: Path, *names: str) -> AppContext:
    settings = Settings(user_data_dir=str(tmp_path), extensions=names)
    context = AppContext(settings, ModelManager(Catalog(tmp_path)), build_media(settings))
    start_extensions(context)
    return context


def test_enabled_extensions_are_set_up_in_order(tmp_path: Path, write: WriteScript) -> None:
    for word in ("one", "two", "unused"):
        write(word, ANNOUNCES.format(word=word))
    assert start(tmp_path, "two", "one").hooks.routes == ["two", "one"]


def test_two_who_switch_one_on_at_once_set_it_up_once(tmp_path: Path, write: WriteScript) -> None:
    write(
        "slow",
        "import time\ndef setup(context):\n    time.sleep(0.05)\n    context.hooks.on_stop.append('x')\n",
    )
    context = start(tmp_path)
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: enable_extension(context, "slow"), range(4)))
    assert len({id(each) for each in found}) == 1
    assert len(context.hooks.extensions) == 1
    assert context.hooks.on_stop == ["x"]


def test_nothing_enabled_starts_nothing(tmp_path: Path, write: WriteScript) -> None:
    write("one", ANNOUNCES.format(word="one"))
    context = start(tmp_path)
    assert context.hooks.routes == []
    assert context.hooks.services == []


def test_the_api_comes_in_by_the_same_door(tmp_path: Path) -> None:
    context = start(tmp_path, "openai")
    assert [type(service).__name__ for service in context.hooks.services] == ["ApiService"]


def test_the_users_own_extension_wins_over_the_one_that_is_built_in(
    tmp_path: Path, write: WriteScript
) -> None:
    write("openai", ANNOUNCES.format(word="mine"))
    context = start(tmp_path, "openai")
    assert context.hooks.routes == ["mine"]
    assert context.hooks.services == []


def test_extensions_of_both_places_are_found(tmp_path: Path, write: WriteScript) -> None:
    write("gallery", "")
    (tmp_path / "extensions" / "no_script").mkdir()
    found = find_extensions(tmp_path)
    assert {"gallery", "openai"} <= set(found)
    assert "no_script" not in found


@pytest.mark.parametrize("name", ["../evil", "a.b", "a/b", "", " ", "a-b", "gallery\n"])
def test_what_is_no_name_is_refused(tmp_path: Path, write: WriteScript, name: str) -> None:
    write("gallery", ANNOUNCES.format(word="x"))
    with pytest.raises(ConfigError, match="not a name"):
        start(tmp_path, name)


def test_an_unknown_extension_is_answered_with_the_known_ones(
    tmp_path: Path, write: WriteScript
) -> None:
    write("gallery", "")
    with pytest.raises(ConfigError, match=r"'galery'.*gallery.*openai"):
        start(tmp_path, "galery")


@pytest.mark.parametrize(
    ("script", "word"),
    [
        ("", r"no setup\(context\) and no hook"),
        ("setup = 5\n", "no setup"),
        ("def setup(context):\n    raise ValueError('out of paint')\n", "out of paint"),
        ("def setup(context, more):\n    pass\n", "setup gets 1 values"),
        ("async def setup(context):\n    pass\n", "plain function"),
        ("def input_modifier(*, text):\n    pass\n", "input_modifier gets 2 values"),
        ("params = []\ndef setup():\n    pass\n", "must be a dict"),
        ("import no_such_module_at_all\n", "no_such_module_at_all"),
        ("def setup(context:\n", "SyntaxError|syntax|never closed"),
        ("raise KeyError('while importing')\n", "while importing"),
    ],
)
def test_an_extension_that_fails_is_named_with_the_reason(
    tmp_path: Path, write: WriteScript, script: str, word: str
) -> None:
    write("gallery", script)
    with pytest.raises(ConfigError, match=word) as caught:
        start(tmp_path, "gallery")
    assert "gallery" in caught.value.message
