"""Beside the test set: all 100 sums of two digits, a few questions and free text to look at.

python -m tools.tiny_models.chat.evaluation.spot_check MODEL.gguf
"""

import argparse
from pathlib import Path

from llama_cpp import Llama

from tools.tiny_models.chat.evaluation.greedy import complete_with_gguf, load_gguf

QUESTIONS = (
    "Hello!",
    "Who are you?",
    "What is quantum physics?",
    "Tell me a story about a dragon.",
    "Reply with the single word: pong",
    "Count down from 5.",
)
FREE_TEXTS = ("Once upon a time", "This is a cake recipe:\n\n")


def ask(model: Llama, question: str) -> str:
    answer = model.create_chat_completion(
        messages=[{"role": "user", "content": question}],
        temperature=0,
        max_tokens=40,
        repeat_penalty=1.0,
    )
    return answer["choices"][0]["message"]["content"].strip()


def count_right_sums(model: Llama) -> int:
    return sum(
        ask(model, f"What is {a} + {b}?").endswith(f"= {a + b}")
        for a in range(10)
        for b in range(10)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="a GGUF file")
    model = load_gguf(parser.parse_args().model, context_length=512)
    complete = complete_with_gguf(model)
    print(f"sums {count_right_sums(model)}/100")
    for question in QUESTIONS:
        print(f"{question} -> {ask(model, question)}")
    for text in FREE_TEXTS:
        print(repr(text), "->", repr(complete(text, 60)))


if __name__ == "__main__":
    main()
