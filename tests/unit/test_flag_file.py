"""The block of CMD_FLAGS.txt that the web UI writes: other lines stay, what it says is read by the next start."""

from pathlib import Path

import pytest

from modules.core.errors import ConfigError
from modules.flag_file import BEGIN, chosen_flags, read_flag_file, with_flags, write_flag_file
from modules.settings_sources import explain_settings, read_settings, saved_flags_path

OWN = "# my flags\n--ctx-size 4096 \\\n--verbose\n"


def test_other_lines_stay_and_the_block_comes_last() -> None:
    text = with_flags(OWN, {"verbose": False, "extensions": ["example", "rag"]})
    assert text.startswith(OWN)
    assert text.splitlines()[-4:-1] == [BEGIN, "--extensions example rag", "--no-verbose"]
    assert chosen_flags(text) == {"verbose": False, "extensions": ("example", "rag")}


def test_writing_it_twice_is_writing_it_once() -> None:
    once = with_flags(OWN, {"verbose": False})
    assert with_flags(once, {"verbose": False}) == once
    assert with_flags(once, {}) == OWN


def test_without_a_file_there_is_only_the_block(tmp_path: Path) -> None:
    assert read_flag_file(tmp_path / "none") == ""
    assert with_flags("", {"verbose": True}).startswith(BEGIN)
    assert with_flags("", {}) == ""


def test_the_next_start_reads_it_and_the_command_line_still_wins(tmp_path: Path) -> None:
    argv = ["--user-data-dir", str(tmp_path)]
    path = saved_flags_path(argv)
    flags = {"verbose": True, "auto_truncate": True, "extensions": ["one", "two"]}
    write_flag_file(path, with_flags("--no-verbose\n", flags))
    settings = read_settings(argv, {})
    assert (settings.verbose, settings.auto_truncate) == (True, True)
    assert settings.extensions == ("one", "two")
    assert read_settings([*argv, "--no-verbose"], {}).verbose is False
    sources = explain_settings([*argv, "--no-auto-truncate"], {"OPENEDAI_PORT": "5001"})
    assert sources["verbose"] == "CMD_FLAGS.txt"
    assert sources["auto_truncate"] == sources["user_data_dir"] == "command line"
    assert sources["api_port"] == "environment"
    assert "max_models" not in sources


@pytest.mark.parametrize("text", ["--no-such-flag\n", "--model 'a\n"])
def test_what_would_not_start_is_not_written(tmp_path: Path, text: str) -> None:
    path = tmp_path / "CMD_FLAGS.txt"
    path.write_text("--verbose\n")
    with pytest.raises(ConfigError):
        write_flag_file(path, text)
    assert path.read_text() == "--verbose\n"
