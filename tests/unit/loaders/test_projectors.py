"""Which projector a vision model gets."""

from pathlib import Path

import pytest

from modules.core.errors import RequestError
from modules.loaders.projectors import choose_projector, is_projector


def put(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"GGUF")


def found(folder: Path, model: str) -> str | None:
    projector = choose_projector(folder / model, "")
    return projector.name if projector else None


@pytest.mark.parametrize(
    ("model", "projector"),
    [
        ("tiny-vision-Q8_0.gguf", "tiny-vision-mmproj-F16.gguf"),
        ("Qwen2.5-VL-7B-Instruct-Q4_K_M.gguf", "mmproj-Qwen2.5-VL-7B-Instruct-f16.gguf"),
        ("gemma-3-4b-it-Q4_0.gguf", "mmproj-gemma-3-4b-it-BF16.gguf"),
        ("llava-v1.6.Q4_K_M.gguf", "llava-v1.6.mmproj.gguf"),
        ("SmolVLM-256M-Q8_0.gguf", "mmproj-smolvlm-256m-Q8_0.gguf"),
        ("pixtral-00001-of-00002.gguf", "pixtral-mmproj.gguf"),
    ],
)
def test_a_projector_whose_name_begins_alike_is_found(
    tmp_path: Path, model: str, projector: str
) -> None:
    put(tmp_path, model, projector, "other.gguf", "mmproj-other-model-f16.gguf", "mmproj-f16.gguf")
    assert found(tmp_path, model) == projector


@pytest.mark.parametrize(
    ("model", "projector"),
    [
        ("tiny-chat-Q8_0.gguf", "tiny-vision-mmproj-F16.gguf"),
        ("tiny-visionary.gguf", "tiny-vision-mmproj-F16.gguf"),
        ("gemma-3-4b.gguf", "mmproj-gemma-3-27b.gguf"),
        ("a.gguf", "sub/a-mmproj.gguf"),
    ],
)
def test_a_projector_of_another_model_is_not_taken(
    tmp_path: Path, model: str, projector: str
) -> None:
    put(tmp_path, model, projector)
    assert found(tmp_path, model) is None


def test_the_longest_name_wins_and_then_the_commonest_numbers(tmp_path: Path) -> None:
    put(
        tmp_path,
        "a-b-Q4_0.gguf",
        "a-mmproj.gguf",
        "a-b-mmproj-f32.gguf",
        "a-b-mmproj-f16.gguf",
        "a-b-mmproj-bf16.gguf",
    )
    assert found(tmp_path, "a-b-Q4_0.gguf") == "a-b-mmproj-f16.gguf"


@pytest.mark.parametrize("projector", ["mmproj-F16.gguf", "mmproj-model-f16.gguf", "mmproj.gguf"])
def test_a_projector_without_a_name_is_for_the_only_model_beside_it(
    tmp_path: Path, projector: str
) -> None:
    put(tmp_path, "one/llm-00001-of-00002.gguf", "one/llm-00002-of-00002.gguf", f"one/{projector}")
    put(tmp_path, "two/a.gguf", "two/b.gguf", f"two/{projector}")
    assert found(tmp_path / "one", "llm-00001-of-00002.gguf") == projector
    assert found(tmp_path / "two", "a.gguf") is None


@pytest.mark.parametrize("word", ["none", "off", "OFF"])
def test_pictures_can_be_turned_off(tmp_path: Path, word: str) -> None:
    put(tmp_path, "a.gguf", "a-mmproj.gguf")
    assert choose_projector(tmp_path / "a.gguf", word) is None


def test_a_wanted_projector_is_a_path_or_a_name_in_the_known_folders(tmp_path: Path) -> None:
    put(tmp_path, "models/sub/a.gguf", "models/b.gguf", "mmproj/c.gguf", "elsewhere/d.gguf")
    model = tmp_path / "models" / "sub" / "a.gguf"
    assert choose_projector(model, "b.gguf") == tmp_path / "models" / "b.gguf"
    assert choose_projector(model, "c.gguf") == tmp_path / "mmproj" / "c.gguf"
    outside = tmp_path / "elsewhere" / "d.gguf"
    assert choose_projector(model, str(outside)) == outside


def test_a_wanted_projector_that_is_missing_is_an_error(tmp_path: Path) -> None:
    put(tmp_path, "a.gguf", "a-mmproj.gguf")
    with pytest.raises(RequestError, match=r"no projector 'x\.gguf'") as caught:
        choose_projector(tmp_path / "a.gguf", "x.gguf")
    assert caught.value.param == "args.mmproj"


def test_projectors_are_known_by_their_names() -> None:
    assert is_projector(Path("a.mmproj.gguf"))
    assert is_projector(Path("MMPROJ_a.gguf"))
    assert not is_projector(Path("decommproject.gguf"))
