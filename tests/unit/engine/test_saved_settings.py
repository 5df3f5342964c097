"""config-user.yaml: what counts for a model, and that nothing in it is lost or overwritten."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from modules.core.errors import ConfigError, RequestError
from modules.engine.load_planner import LoadPlanner
from modules.engine.load_wish import LoadWish
from modules.engine.saved_settings import FILE_NAME, MAX_BYTES, SavedSettings
from modules.loaders.adapter_catalog import AdapterCatalog
from modules.loaders.catalog import InstalledModel


@pytest.fixture
def saved(tmp_path: Path) -> SavedSettings:
    return SavedSettings(tmp_path)


def installed(name: str, folder: Path) -> InstalledModel:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"GGUF")
    return InstalledModel(name, path, "llamacpp")


def write(saved: SavedSettings, text: str) -> None:
    saved.path.write_text(text, encoding="utf-8")


def options(
    saved: SavedSettings, args: Any = None, flags: Any = None, name: str = "org/Model.gguf"
) -> Any:
    wish = LoadWish(installed(name, saved.path.parent), args or {})
    return LoadPlanner(flags or {}, saved, AdapterCatalog(Path("nowhere"))).plan(wish).options


def test_args_win_over_flags_these_over_what_is_saved_that_over_the_defaults(
    saved: SavedSettings,
) -> None:
    write(saved, "org/Model.gguf$: {ctx_size: 1, threads: 1, parallel: 1}\n")
    found = options(saved, args={"ctx_size": 3}, flags={"ctx_size": 2, "threads": 2})
    assert (found["ctx_size"], found["threads"], found["parallel"]) == (3, 2, 1)
    assert found["batch_size"] == 2048


def test_patterns_apply_in_their_order_and_the_name_itself_last(saved: SavedSettings) -> None:
    write(
        saved,
        "org/Model.gguf$: {ctx_size: 1}\n"
        ".*model: {ctx_size: 2, parallel: 2, threads: 2}\n"
        "'model\\.': {parallel: 3, n_batch: 64}\n"
        "other: {threads: 9}\n",
    )
    found = options(saved)
    assert (found["ctx_size"], found["parallel"], found["threads"]) == (1, 3, 2)
    assert found["batch_size"] == 64


def test_edits_count_at_once(saved: SavedSettings) -> None:
    assert options(saved)["ctx_size"] == 0
    write(saved, "org/Model.gguf: {ctx_size: 7}\n")
    assert options(saved)["ctx_size"] == 7


def test_null_in_a_request_is_as_if_nothing_were_saved(saved: SavedSettings) -> None:
    write(saved, "org/Model.gguf: {ctx_size: 7, parallel: 2}\n")
    found = options(saved, args={"n_ctx": None})
    assert (found["ctx_size"], found["parallel"]) == (0, 2)


def test_options_of_another_loader_and_templates_do_not_matter_here(saved: SavedSettings) -> None:
    write(
        saved, "org/Model.gguf: {dtype: float16, instruction_template: ChatML, loader: llama.cpp}\n"
    )
    assert "dtype" not in options(saved)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("{ctx_sise: 5, wbits: 4}", "ctx_sise, wbits"),
        ("{ctx_size: many}", "ctx_size"),
        ("{ctx_size: -1}", "at least 0"),
        ("{trust_remote_code: true}", "trust_remote_code"),
        ("{loader: exllama}", "exllama"),
        ("{loader: transformers}", "loaded by llamacpp"),
        ("{loader: 5}", "loader"),
        ("[1, 2]", "names and values"),
        ("{5: 5}", "5"),
    ],
)
def test_a_wrong_entry_is_an_error_with_file_and_key(
    saved: SavedSettings, entry: str, reason: str
) -> None:
    write(saved, f"org/Model.gguf$: {entry}\n")
    with pytest.raises(ConfigError) as caught:
        options(saved)
    assert FILE_NAME in caught.value.message
    assert "org/Model.gguf$" in caught.value.message
    assert reason in caught.value.message
    assert caught.value.code == "invalid_model_settings"
    options(saved, name="another.gguf")  # is not its business


@pytest.mark.parametrize(
    "text",
    ["a: [", "- a\n", "a", "\0", "a: &x [*x", "!!python/object:os.x {}", "x" * (MAX_BYTES + 1)],
)
def test_a_broken_file_is_an_error_and_is_not_overwritten(saved: SavedSettings, text: str) -> None:
    write(saved, text)
    model = installed("m.gguf", saved.path.parent)
    for use in (
        lambda: options(saved),
        lambda: saved.own("m.gguf"),
        lambda: saved.save(model, {"ctx_size": 5}),
        lambda: saved.forget("m.gguf"),
    ):
        with pytest.raises(ConfigError, match=FILE_NAME):
            use()
    assert saved.path.read_text(encoding="utf-8") == text


def test_bytes_that_are_no_text(saved: SavedSettings) -> None:
    saved.path.write_bytes(b"\xff\xfe\x00a")
    with pytest.raises(ConfigError, match="UTF-8"):
        options(saved)


@pytest.mark.parametrize("text", ["", "# nothing\n", "m.gguf:\n"])
def test_an_empty_file_or_entry_says_nothing(saved: SavedSettings, text: str) -> None:
    write(saved, text)
    assert options(saved, name="m.gguf")["ctx_size"] == 0


def test_a_pattern_that_is_none_is_passed_over(saved: SavedSettings) -> None:
    write(saved, "'some(': {ctx_size: 5}\n.*: {ctx_size: 6}\n")
    assert options(saved)["ctx_size"] == 6


def test_saving_keeps_what_else_is_there(saved: SavedSettings) -> None:
    write(
        saved,
        "# a comment\n.*vision: {parallel: 1}\nm.gguf$:\n  instruction_template: ChatML\n  ctx_size: 1\n3.5: {threads: 2}\n",
    )
    model = installed("m.gguf", saved.path.parent)
    saved.save(model, {"n_ctx": 512, "tensor_split": "60,40", "flash_attn": True}, has_loader=True)
    assert yaml.safe_load(saved.path.read_text(encoding="utf-8")) == {
        ".*vision": {"parallel": 1},
        "m.gguf$": {
            "instruction_template": "ChatML",
            "ctx_size": 512,
            "loader": "llamacpp",
            "tensor_split": ["60", "40"],
            "flash_attn": "on",
        },
        3.5: {"threads": 2},
    }
    assert list(saved.path.parent.glob("*.tmp")) == []
    saved.save(model, {"ctx_size": None})
    assert "ctx_size" not in (saved.own("m.gguf") or {})
    assert options(saved, name="m.gguf")["tensor_split"] == ("60", "40")


@pytest.mark.parametrize(
    "name", ["m.gguf", "org/C++ (v1).gguf", "a[b.gguf", "größe.gguf", "m$.gguf", "3.5"]
)
def test_what_was_saved_for_a_name_counts_for_it_and_can_be_forgotten(
    saved: SavedSettings, name: str
) -> None:
    model = installed(name, saved.path.parent)
    saved.save(model, {"ctx_size": 512})
    saved.save(model, {"parallel": 2})
    assert saved.own(name) == {"ctx_size": 512, "parallel": 2}
    assert options(saved, name=name)["ctx_size"] == 512
    assert len(yaml.safe_load(saved.path.read_text(encoding="utf-8"))) == 1
    assert options(saved, name="zz.gguf")["ctx_size"] == 0
    assert saved.forget(name)
    assert not saved.forget(name)
    assert saved.own(name) is None


def test_wrong_args_are_not_saved(saved: SavedSettings) -> None:
    with pytest.raises(RequestError):
        saved.save(installed("m.gguf", saved.path.parent), {"ctx_sise": 5})
    assert not saved.path.exists()


def test_the_folder_is_made_and_a_link_stays_a_link(tmp_path: Path) -> None:
    saved = SavedSettings(tmp_path / "models")
    saved.save(installed("m.gguf", tmp_path), {"ctx_size": 5})
    real = tmp_path / "real.yaml"
    saved.path.rename(real)
    real.chmod(0o600)
    saved.path.symlink_to(real)
    saved.save(installed("m.gguf", tmp_path), {"ctx_size": 6})
    assert saved.path.is_symlink()
    assert saved.own("m.gguf") == {"ctx_size": 6}
    assert real.stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    saved = SavedSettings(tmp_path / "file")
    with pytest.raises(ConfigError, match="config-user"):
        saved.save(installed("m.gguf", tmp_path), {"ctx_size": 5})


def test_a_saved_template_replaces_the_one_before_and_leaves_the_rest(saved: SavedSettings) -> None:
    write(saved, "org/Model.gguf$: {ctx_size: 1, instruction_template: ChatML}\n")
    saved.save_template("org/Model.gguf", text="{{ messages }}")
    assert saved.own("org/Model.gguf") == {
        "ctx_size": 1,
        "instruction_template_str": "{{ messages }}",
    }
    saved.save_template("org/Model.gguf", file="Alpaca")
    assert saved.own("org/Model.gguf") == {"ctx_size": 1, "instruction_template": "Alpaca"}
    saved.save_template("org/Model.gguf")
    assert saved.own("org/Model.gguf") == {"ctx_size": 1}


def test_an_entry_that_says_nothing_any_more_is_gone(saved: SavedSettings) -> None:
    saved.save_template("a.gguf", file="Alpaca")
    saved.save_template("a.gguf")
    assert saved.own("a.gguf") is None


def test_what_patterns_say_without_the_entry_of_the_name(saved: SavedSettings) -> None:
    write(saved, "'.*': {ctx_size: 2, threads: 2}\nModel.gguf$: {ctx_size: 1}\n")
    assert saved.from_patterns("Model.gguf").load_args == {"ctx_size": 2, "threads": 2}
