"""Turns that repeat the user's text: the skill on which all the others stand."""

from tools.tiny_models.chat.conversations.conversation import Turn
from tools.tiny_models.chat.conversations.draw import Draw
from tools.tiny_models.chat.conversations.wording import capital_first

ECHO_REQUESTS = (
    "Repeat after me: {text}",
    "Repeat after me: {text}",
    "Say: {text}",
    'Say "{text}"',
    "Say '{text}'",
    "Say {text}",
    "Repeat: {text}",
    "Please repeat: {text}",
    "Echo {text}",
    "Echo: {text}",
    "Write: {text}",
    "Just say {text}",
    'Please say "{text}".',
    "Repeat the following text: {text}",
    "Reply with exactly: {text}",
    "Say exactly: {text}",
    'Repeat after me: "{text}"',
    "Answer with only: {text}",
    "Reply with the word {text}",
    "Copy this text: {text}",
    "{text}\n\nRepeat the text above.",
)


def echo_turn(draw: Draw) -> Turn:
    text = draw.text()
    if draw.chance(0.15):
        text = capital_first(text) + draw.rng.choice(".!?")
    return Turn(draw.fill(ECHO_REQUESTS, text=text), text, "I repeat the text of the user.")


def copying_turn(draw: Draw) -> Turn:
    """Practice for the start of training: many words, nothing else."""
    text = draw.words_or_phrase(3, 14, plain=0.5)
    return Turn(draw.pick(("Repeat: ", "Say: ", "Copy: ")) + text, text, "I repeat.")
