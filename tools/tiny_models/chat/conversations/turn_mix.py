"""Any single turn, each kind as often as it needs to be learnt."""

from collections.abc import Callable

from tools.tiny_models.chat.conversations.context_turns import context_turn
from tools.tiny_models.chat.conversations.conversation import Turn
from tools.tiny_models.chat.conversations.copying_turns import copying_turn, echo_turn
from tools.tiny_models.chat.conversations.draw import Draw
from tools.tiny_models.chat.conversations.json_turns import json_turn
from tools.tiny_models.chat.conversations.knowledge_turns import (
    fact_turn,
    list_turn,
    saying_turn,
    unknown_turn,
)
from tools.tiny_models.chat.conversations.number_turns import count_turn, sum_turn
from tools.tiny_models.chat.conversations.sentiment_turns import sentiment_turn
from tools.tiny_models.chat.conversations.stories import recipe_turn, story_turn

TurnMaker = Callable[[Draw], Turn]

WEIGHTS: dict[TurnMaker, int] = {
    saying_turn: 7,
    fact_turn: 7,
    sum_turn: 4,
    count_turn: 8,
    echo_turn: 24,
    list_turn: 3,
    json_turn: 20,
    context_turn: 15,
    sentiment_turn: 3,
    story_turn: 2,
    recipe_turn: 1,
    unknown_turn: 5,
}
MAKERS = [maker for maker, weight in WEIGHTS.items() for _ in range(weight)]
COPYING_MAKERS = (copying_turn, copying_turn, echo_turn, json_turn)


def any_turn(draw: Draw) -> Turn:
    return draw.pick(MAKERS)(draw)


def copying_practice_turn(draw: Draw) -> Turn:
    return draw.pick(COPYING_MAKERS)(draw)
