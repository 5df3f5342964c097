"""`server.py download`, as a process of its own, against a hub on this machine."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from modules.loaders.catalog import Catalog
from tests.live.hub_server import COMMIT, TOKEN, HubServer, running_hub
from tests.live.launch import DEMO, PATIENCE_S, ROOT, eventually

GGUF = DEMO.read_bytes()
SHIPPED = ROOT / "user_data"


@pytest.fixture(scope="module")
def served() -> Iterator[HubServer]:
    with running_hub() as hub:
        yield hub


@pytest.fixture
def hub(served: HubServer) -> HubServer:
    served.forget()
    return served


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "user_data" / "models"


def begin(
    hub: HubServer, models: Path, *arguments: str, env: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            *(sys.executable, str(ROOT / "server.py"), "download"),
            *(*arguments, "--user-data-dir", str(models.parent)),
        ],
        env={**os.environ, **hub.environment, **(env or {})},
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(
    hub: HubServer, models: Path, *arguments: str, env: Mapping[str, str] | None = None
) -> tuple[int, str, str]:
    """Exit status, what was printed, what was complained."""
    process = begin(hub, models, *arguments, env=env)
    try:
        out, err = process.communicate(timeout=3 * PATIENCE_S)
    finally:
        process.kill()
    assert "Traceback" not in err
    return process.returncode, out, err


def parts_of(models: Path) -> list[Path]:
    return sorted(models.glob(".downloads/*/*.part"))


def names(models: Path) -> list[str]:
    return [model.name for model in Catalog(models).models()]


def files_below(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_folder_is_fetched_whole_and_checked(hub: HubServer, models: Path) -> None:
    source = SHIPPED / "models" / "tiny-chat"
    hub.add("org/tiny", source)
    hub.repositories["org/tiny"].files["pytorch_model.bin"] = b"never wanted"
    status, out, err = run(hub, models, "org/tiny")
    assert (status, err) == (0, "")
    assert "org_tiny" in out
    assert files_below(models) == {f"org_tiny/{k}": v for k, v in files_below(source).items()}
    assert not hub.ranges_of("pytorch_model.bin")
    assert all(f"/resolve/{COMMIT}/" in each.path for each in hub.seen if "/resolve/" in each.path)

    hub.seen.clear()
    assert run(hub, models, "org/tiny")[0] == 0  # everything is there: nothing is fetched
    assert not hub.ranges_of("model.safetensors")
    assert run(hub, models, "org/tiny", "--check")[0] == 0
    (models / "org_tiny" / "config.json").write_bytes(b"{}")
    (models / "org_tiny" / "tokenizer.json").unlink()
    status, out, _ = run(hub, models, "org/tiny", "--check")
    assert status == 1
    assert out.count("differs ") == out.count("missing ") == 1


def test_another_file_of_the_name_stays_unless_it_may_be_replaced(
    hub: HubServer, models: Path
) -> None:
    hub.add("org/tiny-GGUF", {"tiny.gguf": GGUF})
    models.mkdir(parents=True)
    for mine in (b"GGUF mine", bytes(len(GGUF))):
        (models / "tiny.gguf").write_bytes(mine)
        status, _, err = run(hub, models, "org/tiny-GGUF")
        assert status == 1
        assert "--force" in err
        assert (models / "tiny.gguf").read_bytes() == mine
    assert run(hub, models, "org/tiny-GGUF", "--force")[0] == 0
    assert (models / "tiny.gguf").read_bytes() == GGUF


def test_a_killed_download_is_no_model_and_goes_on_where_it_was(
    hub: HubServer, models: Path
) -> None:
    hub.add("org/tiny-GGUF", {"tiny.gguf": GGUF})
    hub.hold["tiny.gguf"] = 1_000_000
    process = begin(hub, models, "org/tiny-GGUF")
    try:
        eventually(lambda: any(part.stat().st_size > 500_000 for part in parts_of(models)))
        assert names(models) == []
    finally:
        process.kill()
        process.communicate()
    (part,) = parts_of(models)
    size = part.stat().st_size
    assert names(models) == []
    assert list(files_below(models)) != []
    assert not list(models.rglob("*.gguf"))

    status, out, _ = run(hub, models, "--list")
    assert status == 0
    assert out.startswith("org/tiny-GGUF  ")
    hub.hold.clear()
    hub.seen.clear()
    status, out, err = run(hub, models, "org/tiny-GGUF")
    assert (status, err) == (0, "")
    assert "are here already" in out
    assert hub.ranges_of("tiny.gguf") == [f"bytes={size}-{len(GGUF) - 1}"]
    assert files_below(models) == {"tiny.gguf": GGUF}
    assert names(models) == ["tiny.gguf"]
    assert run(hub, models, "--list")[1] == ""


def test_ctrl_c_says_how_to_go_on_and_clean_removes(hub: HubServer, models: Path) -> None:
    hub.add("org/tiny-GGUF", {"tiny.gguf": GGUF})
    hub.hold["tiny.gguf"] = 1_000_000
    process = begin(hub, models, "org/tiny-GGUF")
    try:
        eventually(lambda: any(part.stat().st_size > 500_000 for part in parts_of(models)))
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "--clean" in err
    assert "Traceback" not in err
    assert parts_of(models)
    assert run(hub, models, "org/other", "--clean")[1] == ""
    status, out, _ = run(hub, models, "org/tiny-GGUF", "--clean")
    assert (status, out[:7]) == (0, "removed")
    assert not (models / ".downloads").exists()


def test_two_processes_do_not_fetch_one_model(hub: HubServer, models: Path) -> None:
    hub.add("org/tiny-GGUF", {"tiny.gguf": GGUF})
    hub.hold["tiny.gguf"] = 500_000
    process = begin(hub, models, "org/tiny-GGUF")
    try:
        eventually(lambda: parts_of(models))
        for arguments in (("org/tiny-GGUF",), ("--clean",)):
            status, _, err = run(hub, models, *arguments)
            assert status == 1
            assert "already" in err
        hub.release.set()
        process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0
    finally:
        process.kill()
    assert names(models) == ["tiny.gguf"]


def test_broken_connections_and_busy_servers_are_tried_again(hub: HubServer, models: Path) -> None:
    hub.add("org/tiny-GGUF", {"tiny.gguf": GGUF})
    hub.cuts["tiny.gguf"] = [700_000, 400_000]
    hub.statuses["tiny.gguf"] = [503]
    status, _, err = run(hub, models, "org/tiny-GGUF")
    assert (status, err) == (0, "")
    first, second, third, fourth = hub.ranges_of("tiny.gguf")
    assert (first, second) == ("", "")
    assert third.startswith("bytes=")
    assert int(fourth[6:].partition("-")[0]) > int(third[6:].partition("-")[0]) > 0
    assert files_below(models) == {"tiny.gguf": GGUF}


def test_it_gives_up_in_the_end_and_keeps_what_it_has(hub: HubServer, models: Path) -> None:
    hub.add("org/tiny-GGUF", {"tiny.gguf": GGUF})
    hub.cuts["tiny.gguf"] = [400_000, 0, 0]
    status, _, err = run(hub, models, "org/tiny-GGUF", "--max-retries", "1")
    assert status == 1
    assert "connection broke" in err
    assert parts_of(models)
    assert names(models) == []


def test_a_server_without_ranges_sends_all_again(hub: HubServer, models: Path) -> None:
    hub.add("org/tiny-GGUF", {"tiny.gguf": GGUF})
    hub.cuts["tiny.gguf"] = [700_000]
    hub.knows_ranges = False
    assert run(hub, models, "org/tiny-GGUF")[0] == 0
    assert files_below(models) == {"tiny.gguf": GGUF}


def test_a_beginning_that_was_damaged_is_fetched_anew(hub: HubServer, models: Path) -> None:
    hub.add("org/tiny-GGUF", {"tiny.gguf": GGUF})
    hub.cuts["tiny.gguf"] = [700_000]
    assert run(hub, models, "org/tiny-GGUF", "--max-retries", "0")[0] == 1
    (part,) = parts_of(models)
    part.write_bytes(bytes(part.stat().st_size))
    assert run(hub, models, "org/tiny-GGUF")[0] == 0
    assert files_below(models) == {"tiny.gguf": GGUF}


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_wrong_bytes_never_become_a_model(hub: HubServer, models: Path, name: str) -> None:
    hub.add("org/tiny", SHIPPED / "models" / "tiny-chat")
    hub.garbled.add(name)
    status, _, err = run(hub, models, "org/tiny")
    assert status == 1
    assert f"{name} came with a wrong checksum" in err
    assert [path.name for path in models.iterdir()] in ([], [".downloads"])


def test_a_gated_model_asks_for_a_token_which_goes_to_the_hub_alone(
    hub: HubServer, models: Path
) -> None:
    hub.add("org/tiny-GGUF", {"tiny.gguf": GGUF}, is_gated=True)
    status, _, err = run(hub, models, "org/tiny-GGUF")
    assert status == 1
    assert "HF_TOKEN" in err
    assert f"{hub.url}/org/tiny-GGUF" in err
    status, _, err = run(hub, models, "org/tiny-GGUF", env={"HF_TOKEN": "hf_wrong"})
    assert status == 1
    assert "does not accept the token" in err
    assert "hf_wrong" not in err
    hub.seen.clear()
    status, out, err = run(hub, models, "org/tiny-GGUF", env={"HF_TOKEN": TOKEN, "HF_DEBUG": "1"})
    assert status == 0
    assert TOKEN not in out + err
    assert {each.has_token for each in hub.seen if not each.path.startswith("/storage/")} == {True}
    assert [each.has_token for each in hub.seen if each.path.startswith("/storage/")] == [False]


def test_a_private_model_is_as_good_as_unknown(hub: HubServer, models: Path) -> None:
    hub.add("org/tiny-GGUF", {"tiny.gguf": GGUF}, is_private=True)
    for name in ("org/tiny-GGUF", "org/nothing"):
        status, _, err = run(hub, models, name)
        assert status == 1
        assert "has no model" in err
    assert run(hub, models, "org/tiny-GGUF", env={"HF_TOKEN": TOKEN})[0] == 0


@pytest.mark.parametrize(
    ("arguments", "env", "status", "words"),
    [
        ((), {}, 2, "Name a model"),
        (("../x",), {}, 2, "org/name"),
        (("org/quants",), {}, 2, "a-Q4_0.gguf (5 B), a-Q8_0.gguf (5 B)"),
        (("org/quants", "--file", "Q5"), {}, 2, "has no file"),
        (("org/quants", "--file", "Q4_0", "--exclude", "*"), {}, 2, "exclude"),
        (("org/quants", "--to", "nowhere"), {}, 2, "invalid choice"),
        (("org/quants", "--max-workers", "0"), {}, 2, "1 to 32"),
        (("org/quants", "--nonsense"), {}, 2, "unrecognized"),
        (("http://169.254.169.254/org/name",), {}, 2, "only addresses of"),
        (("org/quants:nobranch",), {}, 1, "no such branch"),
        (("org/quants",), {"HF_HUB_OFFLINE": "1"}, 1, "HF_HUB_OFFLINE"),
        (("org/quants",), {"HF_ENDPOINT": "http://127.0.0.1:9"}, 1, "cannot be reached"),
        (("org/quants",), {"HF_ENDPOINT": "nonsense"}, 1, "HF_ENDPOINT"),
        (("org/huge",), {}, 1, "and the disk of"),
        (("org/evil",), {}, 1, "cannot be used here"),
        (("org/forged",), {}, 1, "no size or checksum"),
    ],
)
def test_what_cannot_be_done_is_said(
    hub: HubServer, models: Path, arguments: tuple[str, ...], env, status: int, words: str
) -> None:
    hub.add("org/quants", {"a-Q4_0.gguf": b"GGUF1", "a-Q8_0.gguf": b"GGUF2"})
    huge = {"rfilename": "a.gguf", "size": 10**16, "blobId": "0" * 40}
    hub.add("org/huge", {"a.gguf": b"GGUF"}, listed={"a.gguf": huge})
    hub.add("org/evil", {"config.json": b"{}", "../../evil.safetensors": b"evil"})
    forged = {"rfilename": "a.gguf", "size": 4, "blobId": "../../../../forged"}
    hub.add("org/forged", {"a.gguf": b"GGUF"}, listed={"a.gguf": forged})
    found, _, err = run(hub, models, *arguments, env=env)
    assert (found, words in err) == (status, True), err
    assert not models.exists()
    assert not [each for each in hub.seen if each.method == "GET" and "/resolve/" in each.path]


def test_help_explains(hub: HubServer, models: Path) -> None:
    status, out, _ = run(hub, models, "--help")
    assert status == 0
    for word in ("HF_ENDPOINT", "HF_TOKEN", "--file", "--clean", "Exit status"):
        assert word in out


def test_folders_are_those_of_the_settings(hub: HubServer, models: Path, tmp_path: Path) -> None:
    hub.add("org/tiny-GGUF", {"tiny.gguf": b"GGUF tiny"})
    hub.add("org/embed", SHIPPED / "embedding_models" / "tiny-embed")
    hub.add("org/whisper", {"tiny.pt": b"weights"}, branches=("main", "dev"))
    other, own = tmp_path / "other", tmp_path / "own" / "folder"
    assert run(hub, models, "org/tiny-GGUF", "--model-dir", str(other))[0] == 0
    assert files_below(other) == {"tiny.gguf": b"GGUF tiny"}
    assert run(hub, models, "org/tiny-GGUF", "--output", str(own))[0] == 0
    assert files_below(own) == {"tiny.gguf": b"GGUF tiny"}
    assert run(hub, models, "org/embed", "--to", "embedding")[0] == 0
    assert (models.parent / "embedding_models" / "org_embed" / "1_Pooling" / "config.json").exists()
    assert run(hub, models, "org/whisper", "--branch", "dev", "--to", "whisper")[0] == 0
    assert (models.parent / "whisper_models" / "tiny.pt").read_bytes() == b"weights"
    settings = tmp_path / "settings.yaml"
    settings.write_text(f"model_dir: {tmp_path / 'third'}\n")
    assert run(hub, models, "org/tiny-GGUF", "--settings", str(settings))[0] == 0
    assert (tmp_path / "third" / "tiny.gguf").exists()
