"""Turns that ask whether a sentence is positive or negative."""

from tools.tiny_models.chat.conversations import pools
from tools.tiny_models.chat.conversations.conversation import Turn
from tools.tiny_models.chat.conversations.draw import Draw

POSITIVE_VERBS = ("love", "like", "enjoy", "adore")
NEGATIVE_VERBS = ("hate", "dislike", "despise", "fear")
POSITIVE_ADJECTIVES = ("great", "wonderful", "good", "amazing", "excellent", "nice")
NEGATIVE_ADJECTIVES = ("bad", "terrible", "awful", "boring", "broken", "horrible")
QUESTIONS = (
    "Is this positive or negative: {sentence}",
    "Sentiment of: {sentence}",
    "Positive or negative? {sentence}",
    "Classify the sentiment: {sentence}.",
)


def sentiment_turn(draw: Draw) -> Turn:
    is_positive = draw.chance(0.5)
    sentence = (_feeling if draw.chance(0.6) else _opinion)(draw, is_positive)
    answer = "positive" if is_positive else "negative"
    return Turn(draw.fill(QUESTIONS, sentence=sentence), answer, "I look at the words.")


def _feeling(draw: Draw, is_positive: bool) -> str:
    verb = draw.pick(POSITIVE_VERBS if is_positive else NEGATIVE_VERBS)
    determiner = draw.pick(("the", "this", "my"))
    return f"I {verb} {determiner} {draw.pick(pools.ADJECTIVES)} {draw.noun_or_word()}"


def _opinion(draw: Draw, is_positive: bool) -> str:
    thing = f"{draw.pick(('This', 'The', 'My'))} {draw.word()}"
    return f"{thing} is {draw.pick(POSITIVE_ADJECTIVES if is_positive else NEGATIVE_ADJECTIVES)}"
