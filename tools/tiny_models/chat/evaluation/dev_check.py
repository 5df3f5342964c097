"""A check while developing, on fresh samples of the generator; the test set stays untouched.

python -m tools.tiny_models.chat.evaluation.dev_check MODEL.gguf
"""

import argparse
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tools.tiny_models.chat.conversations.context_turns import context_turn
from tools.tiny_models.chat.conversations.conversation import Conversation
from tools.tiny_models.chat.conversations.copying_turns import echo_turn
from tools.tiny_models.chat.conversations.draw import Draw
from tools.tiny_models.chat.conversations.json_turns import json_turn
from tools.tiny_models.chat.conversations.knowledge_turns import fact_turn, unknown_turn
from tools.tiny_models.chat.conversations.memory import memory_conversation
from tools.tiny_models.chat.conversations.number_turns import count_turn
from tools.tiny_models.chat.conversations.personas import draw_persona, persona_turn
from tools.tiny_models.chat.conversations.rendering import render, to_text
from tools.tiny_models.chat.conversations.tool_conversations import tool_conversation
from tools.tiny_models.chat.conversations.turn_mix import TurnMaker
from tools.tiny_models.chat.evaluation.greedy import Complete, complete_with_gguf, load_gguf

SEED = 987654321  # no seed of the training
WRONG_ANSWERS_SHOWN = 14
TURNS: dict[str, TurnMaker] = {
    "echo": echo_turn,
    "JSON": json_turn,
    "context": context_turn,
    "count": count_turn,
    "fact": fact_turn,
    "unknown": unknown_turn,
}


def fresh_conversations(count: int) -> Iterator[tuple[str, Conversation]]:
    """`count` conversations with tools, a quarter of it of each other kind."""
    draw = Draw(random.Random(SEED), with_held_out_pairs=True)
    few = count // 4
    for kind, maker in TURNS.items():
        for _ in range(few):
            yield kind, Conversation.of_turns([maker(draw)])
    for _ in range(count):
        yield _with_kind(tool_conversation(draw))
    for _ in range(few):
        yield "memory", memory_conversation(draw)
    for _ in range(few):
        persona = draw_persona(draw)
        turns = [persona_turn(draw, persona)]
        yield "persona", Conversation.of_turns(turns).with_system(persona.prompt)


def _with_kind(conversation: Conversation) -> tuple[str, Conversation]:
    is_call = "tool_calls" in conversation.messages[-1]
    return "tool call" if is_call else "tool answer/none", conversation


def check(complete: Complete, count: int) -> None:
    """Prints how often the last answer is exactly the one that the generator has."""
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    wrong = []
    for kind, conversation in fresh_conversations(count):
        segments = render(conversation)
        prompt, wanted = to_text(segments[:-2]), segments[-2].text.removesuffix("<|im_end|>")
        text = complete(prompt, 150).strip()
        total[kind] += 1
        right[kind] += text == wanted.strip()
        if text != wanted.strip():
            wrong.append((kind, prompt[-120:], wanted, text))
    for kind in total:
        print(f"{kind:18s} {right[kind]}/{total[kind]}")
    for row in wrong[:WRONG_ANSWERS_SHOWN]:
        print(row)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="a GGUF file")
    parser.add_argument("--count", type=int, default=60, help="conversations with tools")
    arguments = parser.parse_args()
    check(complete_with_gguf(load_gguf(arguments.model)), arguments.count)


if __name__ == "__main__":
    main()
