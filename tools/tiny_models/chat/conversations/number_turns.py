"""Turns about numbers: sums of two digits and counting."""

from tools.tiny_models.chat.conversations.conversation import Turn
from tools.tiny_models.chat.conversations.draw import Draw
from tools.tiny_models.chat.held_out.pairs import is_held_out_pair

SUM_QUESTIONS = (
    "What is {a} + {b}?",
    "What is {a}+{b}?",
    "Calculate {a} + {b}",
    "{a} + {b} = ?",
    "How much is {a} plus {b}?",
    "What is {a} plus {b}?",
    "{a}+{b}",
    "What's {a} + {b}?",
)
COUNT_REQUESTS = (
    "Count from {first} to {last}.",
    "Count from {first} to {last}",
    "Please count from {first} to {last}.",
)


def sum_turn(draw: Draw) -> Turn:
    a, b = draw.integer(0, 9), draw.integer(0, 9)
    return Turn(
        draw.fill(SUM_QUESTIONS, a=a, b=b),
        f"{a} + {b} = {a + b}",
        f"The user wants {a} + {b}. The result is {a + b}.",
    )


def count_turn(draw: Draw) -> Turn:
    low, high = _pair(draw)
    numbers = list(range(low, high + 1))
    if draw.chance(0.5):
        numbers.reverse()
    first, last = numbers[0], numbers[-1]
    question = draw.fill(_requests(first, last), first=first, last=last)
    return Turn(question, ", ".join(map(str, numbers)), f"I start at {first} and stop at {last}.")


def _pair(draw: Draw) -> tuple[int, int]:
    while True:
        low = 1 if draw.chance(0.15) else draw.integer(0, 20)
        high = low + draw.integer(1, 10)
        if draw.with_held_out_pairs or not is_held_out_pair(low, high):
            return low, high


def _requests(first: int, last: int) -> list[str]:
    """The templates that fit: only counting that begins or ends with 1 can leave the 1 out."""
    requests = list(COUNT_REQUESTS)
    if first == 1:
        requests += ["Count to {last}.", "Count to {last}"]
    if first > last:
        requests += ["Count down from {first} to {last}."]
    if last == 1:
        requests += ["Count down from {first}."]
    return requests
