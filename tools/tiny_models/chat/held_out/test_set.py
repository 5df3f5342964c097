"""The test set of the tiny chat model: 369 cases, always the same ones.

It was written before the present generator, which refuses its words (`words.is_held_out`), and was
scored only with the final weights. The figures of README.md are about exactly these cases.
"""

from random import Random

from tools.tiny_models.chat.held_out.case import Case
from tools.tiny_models.chat.held_out.copying_cases import copying_cases
from tools.tiny_models.chat.held_out.fixed_cases import counting_cases, fact_cases, thinking_cases
from tools.tiny_models.chat.held_out.text_cases import text_cases
from tools.tiny_models.chat.held_out.tool_cases import tool_cases

SEED = 20261120


def build_test_set(seed: int = SEED) -> list[Case]:
    rng = Random(seed)
    return [
        *tool_cases(rng),
        *copying_cases(rng),
        *text_cases(rng),
        *counting_cases(),
        *thinking_cases(rng),
        *fact_cases(),
    ]
