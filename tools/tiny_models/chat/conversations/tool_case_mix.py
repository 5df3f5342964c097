"""Any request for a tool."""

from tools.tiny_models.chat.conversations.draw import Draw
from tools.tiny_models.chat.conversations.everyday_cases import everyday_case
from tools.tiny_models.chat.conversations.getter_cases import getter_case
from tools.tiny_models.chat.conversations.made_up_cases import made_up_case
from tools.tiny_models.chat.conversations.tool_case import ToolCase
from tools.tiny_models.chat.conversations.two_argument_cases import two_argument_case


def any_tool_case(draw: Draw) -> ToolCase:
    share = draw.rng.random()
    if share < 0.32:
        return everyday_case(draw)
    if share < 0.5:
        return getter_case(draw)
    return two_argument_case(draw) if share < 0.72 else made_up_case(draw)
