"""Questions as the model reads them, and answers from the probabilities of their labels. Pure functions."""

from collections.abc import Sequence

from extensions.openai.decisions.labels import (
    Labels,
    choose_labels,
    letter_labels,
    number_labels,
    word_labels,
)
from extensions.openai.decisions.typing import (
    ChoiceAnswer,
    ChoiceProbability,
    ChoiceQuestion,
    DecisionChoice,
    DecisionQuestion,
    PredicateAnswer,
    PredicateQuestion,
    ScoreAnswer,
    ScoreProbability,
    ScoreQuestion,
)
from modules.core.errors import RequestError
from modules.loaders.base import Tokenizer

YES_NO = ("Yes", "No")
Answer = PredicateAnswer | ChoiceAnswer | ScoreAnswer


def check_question(question: DecisionQuestion, where: str) -> None:
    """Values are typed: the text "true" and true are two."""
    if isinstance(question, ChoiceQuestion):
        values = [(type(choice.value), choice.value) for choice in question.choices]
        if len(set(values)) < len(values):
            raise RequestError("Each choice must be there once.", param=f"{where}.choices")


def labels_for(question: DecisionQuestion, tokenizer: Tokenizer) -> Labels:
    match question:
        case PredicateQuestion():
            return word_labels(YES_NO, tokenizer) or (
                letter_labels(2, tokenizer) or number_labels(2, tokenizer)
            )
        case ChoiceQuestion():
            return choose_labels([_text(choice) for choice in question.choices], tokenizer)
        case ScoreQuestion():
            return number_labels(len(question.levels), tokenizer)


def ending_of(question: DecisionQuestion, labels: Labels, instructions: str) -> str:
    """What follows the question's own instructions: the answers that there are, where they do not say it, and how to give them.

    A list that repeats what was just said makes small models take the first that it names.
    """
    if labels.are_words and _names_all(question, instructions):
        return " Just the answer."
    match question:
        case PredicateQuestion():
            rows = _rows(labels, YES_NO, (None, None))
            return f"\n\nIs this true of the text above?\n{rows}"
        case ChoiceQuestion():
            choices = question.choices
            rows = _rows(labels, [_text(c) for c in choices], [c.description for c in choices])
        case ScoreQuestion():
            levels = question.levels
            rows = _rows(labels, [v.label for v in levels], [v.description for v in levels])
    return f"\n\n{rows}"


def to_answer(question: DecisionQuestion, shares: Sequence[float]) -> Answer:
    """`shares`: the probability of each answer, in their order; they add up to 1."""
    match question:
        case PredicateQuestion():
            return PredicateAnswer(name=question.name, probability=shares[0])
        case ChoiceQuestion():
            best = max(range(len(shares)), key=lambda i: shares[i])
            return ChoiceAnswer(
                name=question.name,
                choice=question.choices[best].value,
                confidence=confidence(shares),
                probabilities=[
                    ChoiceProbability(value=choice.value, probability=share)
                    for choice, share in zip(question.choices, shares, strict=True)
                ],
            )
        case ScoreQuestion():
            return ScoreAnswer(
                name=question.name,
                score=sum(i * share for i, share in enumerate(shares)),
                confidence=confidence(shares),
                probabilities=[
                    ScoreProbability(label=level.label, value=i, probability=share)
                    for i, (level, share) in enumerate(zip(question.levels, shares, strict=True))
                ],
            )


def confidence(shares: Sequence[float]) -> float:
    """How far the best stands above chance: 0 when all are alike, 1 when it is the only one."""
    chance = 1 / len(shares)
    return min(1.0, max(0.0, (max(shares) - chance) / (1 - chance)))


def _names_all(question: DecisionQuestion, instructions: str) -> bool:
    if not isinstance(question, ChoiceQuestion) or any(c.description for c in question.choices):
        return False
    said = instructions.lower()
    return all(_text(choice).lower() in said for choice in question.choices)


def _text(choice: DecisionChoice) -> str:
    if isinstance(choice.value, bool):
        return "true" if choice.value else "false"
    return choice.value


def _rows(labels: Labels, names: Sequence[str], descriptions: Sequence[str | None]) -> str:
    rows = [
        _row(label, name, description, is_word=labels.are_words)
        for label, name, description in zip(labels.shown, names, descriptions, strict=True)
    ]
    if not any(descriptions) and labels.are_words:
        return f"Answer with one of: {', '.join(names)}."
    asked = "one of these words" if labels.are_words else f"{labels.shown[0]} to {labels.shown[-1]}"
    return "\n".join([*rows, "", f"Answer with {asked}, and nothing else."])


def _row(label: str, name: str, description: str | None, *, is_word: bool) -> str:
    head = f"- {name}" if is_word else f"{label}: {name}"
    return f"{head} ({description})" if description else head
