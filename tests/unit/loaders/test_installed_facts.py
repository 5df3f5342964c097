"""What is told of a model before it is loaded."""

from pathlib import Path

import llama_cpp
import pytest

from modules.loaders.catalog import InstalledModel
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
