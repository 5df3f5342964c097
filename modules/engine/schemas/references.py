"""Where the `$ref`s of a schema point. Only inside the schema itself: nothing is ever fetched."""

from collections.abc import Iterator, Mapping
from typing import Any, cast
from urllib.parse import unquote

from modules.engine.schemas.faults import wrong

Schema = Mapping[str, Any]


class References:
    """The schema's own names: `$anchor`s, and `$id`s of itself and of its parts."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._anchors: dict[str, Any] = {}
        self._ids: dict[str, Any] = {"": root}
        for schema in _objects(root):
            anchor, own_id = schema.get("$anchor"), schema.get("$id")
            if isinstance(anchor, str):
                self._anchors.setdefault(anchor, schema)
            if isinstance(own_id, str):
                self._ids.setdefault(own_id.removesuffix("#"), schema)

    def resolve(self, reference: Any, place: str) -> Any:
        """The subschema itself. RequestError names the place of a reference that leads nowhere, or elsewhere."""
        if not isinstance(reference, str):
            raise wrong(place, "It must be a string.")
        base, _, fragment = reference.partition("#")
        if base not in self._ids:
            raise wrong(place, "It can only point into the schema itself; nothing is fetched.")
        if fragment and not fragment.startswith("/"):
            found = self._anchors.get(fragment)
        else:
            found = _at(self._ids[base], unquote(fragment))
        if not isinstance(found, dict | bool):
            raise wrong(place, "It points to nothing, or to what is no schema.")
        return cast("Any", found)


def _at(root: Any, pointer: str) -> Any:
    """JSON pointer (RFC 6901); None when there is nothing."""
    found = root
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict):
            found = cast("dict[str, Any]", found).get(key)
        elif isinstance(found, list) and key.isdecimal() and len(key) < 7:
            found = next(iter(cast("list[Any]", found)[int(key) :]), None)
        else:
            return None
    return found


def _objects(root: Any) -> Iterator[Schema]:
    waiting = [root]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            schema = cast("dict[str, Any]", value)
            yield schema
            waiting += reversed(schema.values())
        elif isinstance(value, list):
            waiting += reversed(cast("list[Any]", value))
