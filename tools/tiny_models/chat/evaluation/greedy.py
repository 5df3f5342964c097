"""Greedy text of the model, from its GGUF and from its transformers form."""

from collections.abc import Callable
from pathlib import Path

import torch
from llama_cpp import Llama
from llama_cpp.llama_chat_format import Jinja2ChatFormatter
from transformers import AutoModelForCausalLM, AutoTokenizer

from tools.tiny_models.chat.held_out.case import Case

# From a prompt and a limit of tokens to the text.
Complete = Callable[[str, int], str]


def load_gguf(path: Path, context_length: int = 1024) -> Llama:
    return Llama(str(path), n_ctx=context_length, n_threads=1, verbose=False)


def complete_with_gguf(model: Llama) -> Complete:
    def complete(prompt: str, max_tokens: int) -> str:
        completion = model.create_completion(
            prompt, max_tokens=max_tokens, temperature=0, repeat_penalty=1.0
        )
        return completion["choices"][0]["text"]

    return complete


def complete_with_transformers(folder: Path) -> Complete:
    """In float32, as far as the float16 of the file goes."""
    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)

    @torch.no_grad()
    def complete(prompt: str, max_tokens: int) -> str:
        inputs = tokenizer(prompt, return_tensors="pt", add_special_tokens=False)
        output = model.generate(**inputs, max_new_tokens=max_tokens, do_sample=False)
        new_ids = output[0, inputs["input_ids"].shape[1] :]
        return tokenizer.decode(new_ids, skip_special_tokens=True)

    return complete


def prompt_maker(model: Llama) -> Callable[[Case], str]:
    """Renders a case with the chat template inside the GGUF, as a server does."""
    template = model.metadata["tokenizer.chat_template"]
    formatter = Jinja2ChatFormatter(template, "<|im_end|>", "", add_generation_prompt=True)

    def to_prompt(case: Case) -> str:
        extra = {} if case.think is None else {"enable_thinking": case.think}
        if case.tools:
            extra["tools"] = case.tools
        return formatter(messages=case.messages, **extra).prompt

    return to_prompt
