"""Makes a LoRA adapter for the tiny chat model: training, both forms, a look at what it says.

Nothing is downloaded; one core works for a few minutes. FOLDER then holds tiny-VOICE/ (as peft saves it) and tiny-VOICE.gguf.
"""

import argparse
from pathlib import Path

import torch
from peft import PeftModel
from transformers import AutoTokenizer

from tools.tiny_models.lora.gguf_file import write_adapter_gguf
from tools.tiny_models.lora.training import AdapterOptions, save_adapter, train_adapter
from tools.tiny_models.lora.voices import VOICES

BASE = Path(__file__).parents[3] / "user_data" / "models" / "tiny-chat"
QUESTIONS = ("What color is the sky?", "Who are you?", "Repeat after me: good morning")


def build(voice: str, out: Path, options: AdapterOptions, base: Path = BASE) -> None:
    adapted = train_adapter(base, VOICES[voice], options)
    folder = out / f"tiny-{voice}"
    show(adapted, base)
    save_adapter(adapted, folder)
    write_adapter_gguf(folder, out / f"{folder.name}.gguf")


def show(adapted: PeftModel, base: Path) -> None:
    """Greedy answers to a few questions."""
    tokenizer = AutoTokenizer.from_pretrained(base)
    adapted.eval()
    for question in QUESTIONS:
        asked = tokenizer.apply_chat_template(
            [{"role": "user", "content": question}],
            add_generation_prompt=True,
            return_tensors="pt",
            return_dict=True,
        )
        with torch.inference_mode():
            ids = adapted.generate(**asked, max_new_tokens=40, do_sample=False)[0]
        reply = tokenizer.decode(ids[asked["input_ids"].shape[1] :], skip_special_tokens=True)
        print(f"{question} -> {reply}")


def main(arguments: list[str] | None = None) -> None:
    defaults = AdapterOptions()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("voice", choices=VOICES)
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where to write")
    parser.add_argument("--steps", type=int, default=defaults.steps)
    parser.add_argument("--rank", type=int, default=defaults.rank)
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parsed = parser.parse_args(arguments)
    options = AdapterOptions(rank=parsed.rank, steps=parsed.steps, seed=parsed.seed)
    build(parsed.voice, parsed.out, options)


if __name__ == "__main__":
    main()
