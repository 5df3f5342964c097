"""One sample of the training data, of any kind."""

from tools.tiny_models.chat.conversations.conversation import Conversation, Sample
from tools.tiny_models.chat.conversations.draw import Draw
from tools.tiny_models.chat.conversations.knowledge import SYSTEM_PROMPTS
from tools.tiny_models.chat.conversations.memory import memory_conversation
from tools.tiny_models.chat.conversations.number_turns import count_turn
from tools.tiny_models.chat.conversations.personas import persona_conversation
from tools.tiny_models.chat.conversations.stories import free_text
from tools.tiny_models.chat.conversations.tool_conversations import tool_conversation
from tools.tiny_models.chat.conversations.turn_mix import any_turn, copying_practice_turn


def sample(draw: Draw, copying: float = 0.0, late: bool = False) -> Sample:
    """`copying` is the share of plain copying practice, high at the start of training.

    `late` asks for more tools and counting, the slowest to learn: 27 % tools and 7 % counting
    before anything else is drawn.
    """
    if draw.chance(copying):
        return Conversation.of_turns([copying_practice_turn(draw)])
    share = draw.rng.random()
    if late and share < 0.27:
        return _maybe_with_system(draw, tool_conversation(draw))
    if late and share < 0.34:
        return Conversation.of_turns([count_turn(draw)])
    return _sample_of_kind(draw, (share - 0.34) / 0.66 if late else share)


def _sample_of_kind(draw: Draw, share: float) -> Sample:
    if share < 0.04:
        return free_text(draw)
    if share < 0.36:
        return _maybe_with_system(draw, tool_conversation(draw))
    if share < 0.45:
        return persona_conversation(draw)
    if share < 0.51:
        return _maybe_with_system(draw, memory_conversation(draw))
    turns = [any_turn(draw) for _ in range(draw.how_many(1, 1, 1, 1, 1, 2))]
    return _maybe_with_system(draw, Conversation.of_turns(turns))


def _maybe_with_system(draw: Draw, conversation: Conversation) -> Conversation:
    if draw.chance(0.25):
        return conversation.with_system(draw.pick(SYSTEM_PROMPTS))
    return conversation
