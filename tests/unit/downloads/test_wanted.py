"""Names that people and pages give to models of the hub."""

import pytest

from modules.core.errors import RequestError
from modules.downloads.wanted import parse_wanted


@pytest.mark.parametrize(
    ("model", "repository", "revision", "files"),
    [
        ("org/name", "org/name", "main", ()),
        ("gpt2", "gpt2", "main", ()),
        ("org/name:dev", "org/name", "dev", ()),
        ("org/name:refs/pr/1", "org/name", "refs/pr/1", ()),
        ("https://huggingface.co/org/name", "org/name", "main", ()),
        ("https://hf.co/org/name/tree/dev", "org/name", "dev", ()),
        ("https://huggingface.co/org/name/blob/main/a/b.gguf", "org/name", "main", ("a/b.gguf",)),
        (
            "https://huggingface.co/org/name/resolve/v1/b%20c.gguf?download=true",
            "org/name",
            "v1",
            ("b c.gguf",),
        ),
    ],
)
def test_a_name_or_an_address_is_understood(model, repository, revision, files) -> None:
    wanted = parse_wanted(model)
    assert (wanted.repository, wanted.revision, wanted.files) == (repository, revision, files)


@pytest.mark.parametrize(
    "model",
    [
        "", " ", ":", "org/", "/name", "../name", "org/../name", "org/..", "a/b/c", "org/name:", "org/na me",
        "org/name:../x", "org/name:/x", "org/name:a//b", "org/na--me", "org/name.git", "org/näme", "org/name\n",
        "org\\name", "C:/x", "org/name:a b", "-org/name", "org/name?x", "x" * 300,
        "http://169.254.169.254/org/name", "http://127.0.0.1:80/org/name", "file:///etc/passwd", "ftp://huggingface.co/a/b",
        "https://huggingface.co.evil.org/a/b", "https://user:pw@huggingface.co/a/b", "https://huggingface.co/datasets/a/b",
        "https://[::1/a/b", "https://huggingface.co", "https://huggingface.co/a/b/tree",
    ],
)  # fmt: skip
def test_what_is_no_name_is_refused(model) -> None:
    with pytest.raises(RequestError) as refused:
        parse_wanted(model)
    assert refused.value.param == "model"


def test_the_host_of_the_configured_hub_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://mirror.example:8080/")
    assert parse_wanted("http://mirror.example:8080/org/name").repository == "org/name"


def test_patterns_are_bounded() -> None:
    for files in (["a"] * 101, ["x" * 513], [""], ["  "]):
        with pytest.raises(RequestError) as refused:
            parse_wanted("org/name", files)
        assert refused.value.param == "files"


def test_the_folder_is_named_like_the_repository_and_its_branch() -> None:
    assert parse_wanted("org/name").folder_name == "org_name"
    assert parse_wanted("org/name:dev/1").folder_name == "org_name_dev_1"
