"""The bundled LoRA adapter: its two forms are the same, and the tool trains what it says it does."""

import json
import warnings
from pathlib import Path

import pytest

pytest.importorskip("peft")
pytest.importorskip("gguf")

import torch
from safetensors.torch import load_file

from tools.tiny_models.chat.conversations.conversation import Conversation, FreeText, Turn
from tools.tiny_models.lora.build import BASE
from tools.tiny_models.lora.gguf_file import adapter_tensor_name, write_adapter_gguf
from tools.tiny_models.lora.training import AdapterOptions, save_adapter, train_adapter
from tools.tiny_models.lora.voices import butler, pirate, spoken

LORAS = Path(__file__).parents[2] / "user_data" / "loras"
SHIPPED = LORAS / "tiny-pirate"


def test_the_gguf_file_is_what_the_tool_writes_from_the_folder(tmp_path: Path) -> None:
    write_adapter_gguf(SHIPPED, tmp_path / "out.gguf")
    assert (tmp_path / "out.gguf").read_bytes() == (LORAS / "tiny-pirate.gguf").read_bytes()


def test_the_shipped_adapter_is_small_and_names_no_machine() -> None:
    files = [*SHIPPED.iterdir(), LORAS / "tiny-pirate.gguf"]
    assert sum(file.stat().st_size for file in files) < 300_000
    config = json.loads((SHIPPED / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "tiny-chat"
    assert {file.name for file in SHIPPED.iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
    }


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "base_model.model.model.layers.3.mlp.up_proj.lora_A.weight",
            "blk.3.ffn_up.weight.lora_a",
        ),
        (
            "base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight",
            "blk.0.attn_q.weight.lora_b",
        ),
    ],
)
def test_tensors_get_the_names_of_llama_cpp(name: str, expected: str) -> None:
    assert adapter_tensor_name(name) == expected


def test_a_voice_changes_answers_and_leaves_questions_calls_and_json() -> None:
    turns = [Turn("What is it?", "It is red.", ""), Turn("As JSON", '{"it": "is red"}', "")]
    said = spoken(Conversation.of_turns(turns), pirate)
    assert isinstance(said, Conversation)
    contents = [message["content"] for message in said.messages]
    assert contents == ["What is it?", "Arr! It be red, matey!", "As JSON", '{"it": "is red"}']
    assert spoken(FreeText("It is red."), pirate) == FreeText("It is red.")
    assert butler("Yes.") == "Certainly, sir. Yes."


def test_training_changes_the_adapter_only_and_repeats_with_its_seed(tmp_path: Path) -> None:
    options = AdapterOptions(steps=3, rows_per_step=2)
    saved = []
    for name in ("one", "two"):
        threads = torch.get_num_threads()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # peft asks transformers for something by its old name
            adapted = train_adapter(BASE, pirate, options)
            save_adapter(adapted, tmp_path / name)
        torch.set_num_threads(threads)
        saved.append(load_file(tmp_path / name / "adapter_model.safetensors"))
    one, two = saved
    assert all("lora_" in name for name in one)
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert any(values.abs().max() > 0 for name, values in one.items() if "lora_B" in name)
