"""Scores a GGUF on the held-out test set, greedily, with the chat template inside the file.

python -m tools.tiny_models.chat.evaluation.evaluate MODEL.gguf --transformers FOLDER --show 10
"""

import argparse
import json
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from tools.tiny_models.chat.evaluation.checks import is_right
from tools.tiny_models.chat.evaluation.greedy import (
    Complete,
    complete_with_gguf,
    complete_with_transformers,
    load_gguf,
    prompt_maker,
)
from tools.tiny_models.chat.held_out.case import Case
from tools.tiny_models.chat.held_out.test_set import build_test_set

MAX_TOKENS = 150


@dataclass
class Score:
    """Right answers and cases per task, the wrong answers, and equal texts of a second model."""

    right: Counter[str] = field(default_factory=Counter)
    total: Counter[str] = field(default_factory=Counter)
    wrong: list[tuple[Case, str]] = field(default_factory=list)
    equal_texts: int = 0

    def add(self, case: Case, text: str) -> None:
        self.total[case.task] += 1
        if is_right(case.check, text):
            self.right[case.task] += 1
        else:
            self.wrong.append((case, text))

    def to_table(self) -> str:
        rows = [f"{task:26s} {self.right[task]:3d}/{self.total[task]}" for task in self.total]
        return "\n".join([*rows, f"{'all':26s} {self.right.total():3d}/{self.total.total()}"])

    def to_json(self) -> str:
        tasks = {task: [self.right[task], self.total[task]] for task in self.total}
        return json.dumps(tasks, indent=1)

    def describe_wrong(self, count: int) -> str:
        return "\n".join(
            f"{case.task}: {case.messages[-1]['content'][-90:]!r}\n"
            f"  wanted {case.check.wanted!r}\n  got    {text[:150]!r}"
            for case, text in self.wrong[:count]
        )


def evaluate(model: Path, transformers_folder: Path | None = None, every: int = 1) -> Score:
    """Every n-th case; with a folder also how often transformers says the very same."""
    second: Complete | None = None
    if transformers_folder is not None:
        second = complete_with_transformers(transformers_folder)
    score = Score()
    with closing(load_gguf(model)) as llama:
        to_prompt, complete = prompt_maker(llama), complete_with_gguf(llama)
        for case in build_test_set()[::every]:
            prompt = to_prompt(case)
            text = complete(prompt, MAX_TOKENS)
            score.add(case, text)
            if second is not None:
                score.equal_texts += second(prompt, MAX_TOKENS) == text
    return score


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="a GGUF file")
    parser.add_argument("--transformers", type=Path, help="compare the texts with this folder's")
    parser.add_argument("--every", type=int, default=1, help="only every n-th case")
    parser.add_argument("--show", type=int, default=0, help="print so many of the wrong answers")
    parser.add_argument("--json", type=Path, help="write [right, all] per task to this file")
    arguments = parser.parse_args()
    score = evaluate(arguments.model, arguments.transformers, arguments.every)
    print(score.to_table())
    if arguments.transformers is not None:
        print(f"same text as transformers: {score.equal_texts}/{score.total.total()}")
    if arguments.json is not None:
        arguments.json.write_text(score.to_json(), encoding="utf-8")
    if arguments.show:
        print(score.describe_wrong(arguments.show))


if __name__ == "__main__":
    main()
