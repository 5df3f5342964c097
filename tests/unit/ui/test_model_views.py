"""What the header and the model tab show: states, lists, facts, memory, downloads. Nothing from outside is markup."""

import asyncio
from pathlib import Path

import pytest

from modules.core.errors import NotFound, RequestError
from modules.downloads.layout import Layout
from modules.downloads.manager import Downloads
from modules.downloads.remote import RemoteFile, RemoteRepository
from modules.downloads.staging import Staging
from modules.engine.manager import ModelManager
from modules.engine.progress import LoadProgress
from modules.loaders.catalog import Catalog, InstalledModel
from modules.loaders.installed_facts import InstalledFacts
from modules.loaders.memory_estimate import MemoryEstimate
from modules.ui.model.downloads import (
    EVERYTHING,
    Row,
    find_wanted,
    read_rows,
    shown_time,
    to_file_choices,
    to_first_choice,
    to_list as to_download_list,
    to_wanted,
)
from modules.ui.model.list import shown_count, to_facts, to_list
from modules.ui.model.memory import MemoryNeed, to_bar
from modules.ui.model.state import ModelState, read_state, to_header

pytestmark = pytest.mark.anyio
GIB = 2**30


@pytest.fixture
async def models(tmp_path: Path) -> ModelManager:
    (tmp_path / "models").mkdir()
    return ModelManager(Catalog(tmp_path / "models"))


async def test_the_state_is_what_the_manager_says(models: ModelManager) -> None:
    assert read_state(models) == ModelState("none")
    models.last_error = "it is broken"
    assert read_state(models).kind == "failed"
    models.loading = LoadProgress("a.gguf", 0.4)
    assert read_state(models) == ModelState("loading", "a.gguf", 40, error="it is broken")


def test_the_header_tells_state_progress_and_reason() -> None:
    loading = to_header(ModelState("loading", "a.gguf", 40), 1)
    assert "40 %" in loading
    assert 'aria-valuenow="40"' in loading
    assert "it &lt;b&gt; broken" in to_header(ModelState("failed", error="it <b> broken"), 2)
    assert "and 1 more" in to_header(ModelState("ready", "a", loaded=("a", "b")), 3)


def test_each_version_of_the_header_is_another_text() -> None:
    state = ModelState("ready", "a", loaded=("a",))
    assert to_header(state, 1) != to_header(state, 2)


def test_progress_alone_leaves_the_state_settled() -> None:
    assert ModelState("loading", "a", 1).settled == ModelState("loading", "a", 2).settled
    assert ModelState("loading", "a").settled != ModelState("loading", "b").settled


async def test_names_of_models_are_text(models: ModelManager, tmp_path: Path) -> None:
    name = '<img src=x onerror="x">{{7*7}}${x}.gguf'
    model = InstalledModel(name, tmp_path / "a.gguf", "llamacpp")
    (tmp_path / "a.gguf").write_bytes(b"x")
    for html in (to_list([model], models, name), to_facts(model, InstalledFacts(), None)):
        assert "<img" not in html
        assert "{{" not in html
        assert "${" not in html
    assert 'aria-pressed="true"' in to_list([model], models, name)
    assert str(models.catalog.folder) in to_list([], models, "")


def test_counts_for_people() -> None:
    assert [shown_count(n) for n in (950, 2_140_000, 7_240_000_000)] == ["950", "2.14 M", "7.24 B"]
    assert [shown_time(s) for s in (9.4, 75, 7260)] == ["9 s", "1 min 15 s", "2 h 1 min"]


def test_memory_that_fits_and_memory_that_does_not() -> None:
    estimate = MemoryEstimate(4 * GIB, GIB, GIB, ctx_size=8192, parallel=4)
    fitting = to_bar(MemoryNeed("a", estimate, 0, 16 * GIB))
    assert "About 6.0 GiB of 16.0 GiB" in fitting
    assert "8,192 tokens for each of 4 requests" in fitting
    assert "too-much" not in fitting
    crowded = to_bar(MemoryNeed("a", estimate, 11 * GIB, 16 * GIB))
    assert "That is more than there is." in crowded
    assert "other models 11.0 GiB" in crowded
    budget = to_bar(MemoryNeed("a", estimate, 0, 16 * GIB, budget=5 * GIB))
    assert "5.0 GiB, the memory budget" in budget
    assert "too-much" in budget


def remote(*names: str) -> RemoteRepository:
    files = tuple(RemoteFile(name, 1000, "sha256", "0" * 64) for name in names)
    return RemoteRepository("org/name", "c", files)


def choices(*names: str, purpose: str = "models") -> list[tuple[str, str]]:
    wanted = to_wanted("org/name", "", "", purpose, overwrite=False)
    return to_file_choices(remote(*names), wanted)


def test_files_to_choose_from_are_whole_models() -> None:
    general = ("What the model needs", EVERYTHING)
    assert choices("config.json", "model.safetensors") == [general]
    assert choices("a-Q4.gguf", "b-00001-of-00002.gguf", "b-00002-of-00002.gguf") == [
        ("a-Q4.gguf (1 kB)", "a-Q4.gguf"),
        ("b-00001-of-00002.gguf (2 kB, 2 parts)", "b-00001-of-00002.gguf"),
    ]
    assert choices("a.gguf") == [("a.gguf (1 kB)", "a.gguf")]
    both = choices("a-Q4.gguf", "a-Q8.gguf", "config.json", "model.safetensors")
    assert both[0] == general, "which is the safetensors"
    assert len(both) == 3


def test_the_usual_quantisation_is_chosen_first() -> None:
    many = choices("m-Q2_K.gguf", "m-Q4_K_M.gguf", "m-Q8_0.gguf")
    assert to_first_choice(many) == "m-Q4_K_M.gguf"
    assert to_first_choice(choices("m-Q2_K.gguf", "m-Q8_0.gguf")) == "m-Q2_K.gguf"
    assert to_first_choice(choices("config.json", "model.safetensors")) == EVERYTHING


def test_what_is_typed_becomes_a_wish() -> None:
    wanted = to_wanted(" org/name ", "dev", "a.gguf", "lora", overwrite=True)
    assert (wanted.model, wanted.files, wanted.purpose) == ("org/name:dev", ("a.gguf",), "lora")
    assert wanted.overwrite
    with pytest.raises(RequestError):
        to_wanted("../../etc", "", "", "models", overwrite=False)


def test_downloads_show_amounts_buttons_and_errors() -> None:
    running = to_download_list([Row("k", "org/n", "downloading", 50, 100, 10.0, 5.0)])
    assert "50 B of 100 B, 10 B/s, 5 s left" in running
    assert 'aria-valuenow="50"' in running
    assert 'data-do="stop"' in running
    failed = to_download_list([Row("k", "org/n", "failed", 50, 100, error="no <net>")])
    assert "no &lt;net&gt;" in failed
    assert 'data-do="retry"' in failed
    assert 'data-do="retry"' not in to_download_list([Row("k", "org/n", "done", 100, 100)])


async def test_what_an_earlier_run_left_goes_on_with_just_its_files(tmp_path: Path) -> None:
    downloads = Downloads({"models": tmp_path})
    file = RemoteFile("b-Q4.gguf", 100, "sha256", "1" * 64)
    staging = Staging(tmp_path, "models--org--name")
    layout = Layout(tmp_path, tmp_path, {file: "b-Q4.gguf"})

    def leave() -> None:
        with staging.locked():
            staging.begin("org/name", layout)
            staging.part(file).write_bytes(b"x" * 40)

    await asyncio.to_thread(leave)
    (row,) = await read_rows(downloads)
    assert (row.state, row.done, row.total) == ("interrupted", 40, 100)
    wanted = await find_wanted(downloads, row.key)
    assert (wanted.model, wanted.files) == ("org/name", ("b-Q4.gguf",))
    with pytest.raises(NotFound):
        await find_wanted(downloads, "models--org--other")
    await downloads.close()
