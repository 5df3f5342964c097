"""Tool calls of a streamed reply, which servers cut and number in different ways."""

from collections.abc import Mapping
from typing import Any, cast

import orjson

from modules.core.events import ToolCallDelta
from modules.core.tools import new_call_id
from modules.loaders.upstream.faults import garbled
from modules.loaders.upstream.json_values import to_fields

MAX_CALLS = 1000


class CallReader:
    """Numbers the calls from 0 on and gives an id to those that come without. `max_calls`: what is beyond is left out."""

    def __init__(self, max_calls: int | None) -> None:
        self._max_calls = max_calls or MAX_CALLS
        self._ids: list[str] = []  # of all calls, ours where the server has none
        self._places: dict[int, int] = {}  # their number of a call -> ours

    @property
    def has_calls(self) -> bool:
        return bool(self._ids)

    def read(self, delta: Mapping[str, Any]) -> list[ToolCallDelta]:
        pieces: Any = delta.get("tool_calls") or []
        old: Any = delta.get("function_call")
        if old:
            pieces = [{"index": 0, "function": old}]
        if not isinstance(pieces, list):
            raise garbled("its tool calls are no list")
        events = [self._read(piece) for piece in cast("list[Any]", pieces)]
        return [event for event in events if event is not None]

    def _read(self, piece: Any) -> ToolCallDelta | None:
        fields = to_fields(piece)
        said = to_fields(fields.get("function"))
        if not isinstance(fields.get("function"), dict):
            raise garbled("its tool calls are not of OpenAI's form")
        call_id, name = fields.get("id") or None, said.get("name") or None
        arguments = _to_text(said.get("arguments"))
        place = self._place(_number(fields.get("index")), call_id, has_name=name is not None)
        if place is not None:
            return ToolCallDelta(place, arguments) if place < self._max_calls else None
        place = self._begin(_number(fields.get("index")), call_id)
        if place >= self._max_calls:
            return None
        return ToolCallDelta(place, arguments, id=self._ids[place], name=str(name or ""))

    def _place(self, number: int | None, call_id: str | None, *, has_name: bool) -> int | None:
        """None when it is the first piece of a call. Some servers give all calls the same number, or none."""
        if number is None:
            is_more = bool(self._ids) and (call_id == self._ids[-1] or not (call_id or has_name))
            return len(self._ids) - 1 if is_more else None
        place = self._places.get(number)
        if place is not None and call_id and has_name and call_id != self._ids[place]:
            return None
        return place

    def _begin(self, number: int | None, call_id: str | None) -> int:
        place = len(self._ids)
        self._ids.append(str(call_id or new_call_id()))
        if number is not None:
            self._places[number] = place
        return place


def _number(value: Any) -> int | None:
    if isinstance(value, str) and value.isdecimal():
        return int(value[:9])
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _to_text(arguments: Any) -> str:
    """JSON text; some servers send the object itself."""
    if arguments is None:
        return ""
    return arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode()
