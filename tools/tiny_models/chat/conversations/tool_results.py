"""What a tool returned, and what the assistant says about it."""

import json
from typing import Any

from tools.tiny_models.chat.conversations import pools
from tools.tiny_models.chat.conversations.draw import Draw
from tools.tiny_models.chat.conversations.wording import and_list, capital_first, without_repeats

# (text of the tool, answer of the assistant)
ResultAndAnswer = tuple[str, str]


def result_and_answer(draw: Draw) -> ResultAndAnswer:
    share = draw.rng.random()
    if share < 0.3:
        text = _plain_result(draw)
        return text, f"The result is: {text}."
    if share < 0.36:
        error = draw.words(1, 4)
        return json.dumps({"error": error}), f"The tool reported an error: {error}."
    return _list_result(draw) if share < 0.42 else _object_result(draw)


def _plain_result(draw: Draw) -> str:
    return draw.pick(
        [
            *("ok", "done", "success", "sent"),
            draw.clock(),
            str(draw.number()),
            f"{draw.number()} {draw.word()}",
            draw.phrase(1, 4),
            draw.sentence(),
            f"{draw.pick(('sunny', 'rainy', 'cloudy', draw.word()))},"
            f" {draw.integer(-9, 39)} degrees",
        ]
    )


def _list_result(draw: Draw) -> ResultAndAnswer:
    items = [draw.words(1, 3) for _ in range(draw.integer(1, 3))]
    key = draw.pick(("results", "items", "names"))
    return json.dumps({key: items}), f"The {key} are: {', '.join(items)}."


def _object_result(draw: Draw) -> ResultAndAnswer:
    keys = without_repeats(_key(draw) for _ in range(draw.how_many(1, 1, 2, 2, 3)))
    values = {key: _value(draw, key) for key in keys}
    sentence = and_list([f"the {key} is {value}" for key, value in values.items()])
    return json.dumps(values), capital_first(sentence) + "."


def _key(draw: Draw) -> str:
    if draw.chance(0.65):
        return draw.pick(pools.RESULT_KEYS)
    if draw.chance(0.8):
        return draw.word().lower()
    return f"{draw.word().lower()}_{draw.word().lower()}"


def _value(draw: Draw, key: str) -> Any:
    if draw.chance(0.4):
        return draw.number()
    return draw.clock() if key == "time" else draw.text_value()
