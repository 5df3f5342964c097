"""What is told of a model before it is loaded."""

import shutil
from pathlib import Path

import gguf
import llama_cpp
import pytest

from modules.loaders.catalog import InstalledModel
from modules.loaders.gguf_types import BLOCKS
from modules.loaders.installed_facts import QUANTISATIONS, read_installed_facts

MODELS = Path(__file__).resolve().parents[3] / "user_data" / "models"


def test_a_gguf_file_tells_its_kind_size_and_context() -> None:
    path = MODELS / "tiny-chat-Q8_0.gguf"
    facts = read_installed_facts(InstalledModel(path.name, path, "llamacpp"))
    assert (facts.quantisation, facts.problem) == ("Q8_0", "")
    assert facts.architecture == "qwen3"
    assert facts.context_length
    params = llama_cpp.llama_model_default_params()
    model = llama_cpp.llama_model_load_from_file(str(path).encode(), params)
    assert facts.parameters == llama_cpp.llama_model_n_params(model)
    llama_cpp.llama_model_free(model)


def test_a_folder_tells_them_too() -> None:
    facts = read_installed_facts(InstalledModel("tiny-chat", MODELS / "tiny-chat", "transformers"))
    assert facts.architecture
    assert facts.parameters
    assert facts.context_length
    assert facts.problem == ""


@pytest.mark.parametrize("content", [b"GGUF", b"no model", b"GGUF\x03\0\0\0" + b"\xff" * 64])
def test_a_damaged_file_has_a_problem_instead(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.gguf"
    path.write_bytes(content)
    assert read_installed_facts(InstalledModel("a.gguf", path, "llamacpp")).problem


def test_a_model_of_another_server_has_no_facts_here() -> None:
    facts = read_installed_facts(InstalledModel("gpt", Path(), "upstream"))
    assert (facts.problem, facts.parameters) == ("", None)


def test_the_names_are_those_of_llama_cpp() -> None:
    own = {
        getattr(llama_cpp, name): name.rpartition("MOSTLY_")[2].removesuffix("_MOE")
        for name in dir(llama_cpp)
        if name.startswith("LLAMA_FTYPE_MOSTLY_")
    }
    assert {number: name for number, name in QUANTISATIONS.items() if number} == {
        number: own[number] for number in QUANTISATIONS if number
    }


def test_a_file_that_is_cut_in_its_weights_is_damaged(tmp_path: Path) -> None:
    """As a download that ended early: the head is whole."""
    whole = (MODELS / "tiny-chat-Q8_0.gguf").read_bytes()
    path = tmp_path / "a.gguf"
    model = InstalledModel("a.gguf", path, "llamacpp")
    path.write_bytes(whole)
    assert read_installed_facts(model).problem == ""
    for length in (len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert "download it again, or delete it" in read_installed_facts(model).problem


def test_a_folder_whose_weights_are_cut_is_damaged(tmp_path: Path) -> None:
    folder = tmp_path / "cut"
    shutil.copytree(MODELS / "tiny-chat", folder)
    model = InstalledModel("cut", folder, "transformers")
    assert read_installed_facts(model).problem == ""
    weights = next(folder.glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-1])
    assert "download it again" in read_installed_facts(model).problem


def test_the_widths_of_types_are_those_of_gguf() -> None:
    known = {int(kind): sizes for kind, sizes in gguf.GGML_QUANT_SIZES.items()}
    assert {kind: known[kind] for kind in BLOCKS} == BLOCKS
