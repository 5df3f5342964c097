"""Pictures from the disk."""

import os
from pathlib import Path

import pytest

from extensions.openai.media.local_files import is_local_file, read_local_file
from modules.core.errors import RequestError

LIMIT = 100


def test_the_spellings_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "a b%41.png"
    file.write_bytes(b"pixels")
    urls = [str(file), file.as_uri(), file.as_uri().replace("file://", "file://localhost")]
    for url in [*urls, file.as_uri().replace("file:", "FILE:")]:
        assert is_local_file(url)
        assert read_local_file(url, LIMIT) == b"pixels"


@pytest.mark.parametrize("text", ["a.png", "../a.png", "~/a.png", "//host/share/a.png", "", "C"])
def test_what_names_no_file_of_this_machine(text: str) -> None:
    assert not is_local_file(text)


def test_files_of_other_machines() -> None:
    for url in ("file://host/share/a.png", "file://[bad/a.png"):
        with pytest.raises(RequestError):
            read_local_file(url, LIMIT)


def test_no_more_is_read_than_tells_that_it_is_too_much(tmp_path: Path) -> None:
    file = tmp_path / "large.png"
    file.write_bytes(bytes(10 * LIMIT))
    assert len(read_local_file(str(file), LIMIT)) == LIMIT + 1


def test_one_message_for_all_that_is_no_readable_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    said: set[str] = set()
    for path in (
        pipe,
        tmp_path,
        "/dev/zero",
        "/dev/tty",
        tmp_path / "none",
        "/a\0b",
        "/" + "a" * 5000,
    ):
        with pytest.raises(RequestError) as caught:
            read_local_file(str(path), LIMIT)
        said.add(caught.value.message)
    assert len(said) == 1
