"""Errors about a schema: each has the place of the keyword, like `tools.weather.parameters.properties.city.not`."""

from modules.core.errors import RequestError

CODE = "invalid_grammar"
_PLACE_CHARS = 200


def wrong(place: str, reason: str) -> RequestError:
    """What stands at `place` is no JSON Schema."""
    keyword = place.rpartition(".")[2]
    return RequestError(
        f"The JSON schema cannot be used: `{keyword[:_PLACE_CHARS]}`: {reason}",
        param=bounded(place),
        code=CODE,
    )


def unsupported(keyword: str, place: str) -> RequestError:
    return RequestError(
        f"The JSON schema cannot be used: `{keyword}` cannot be enforced here.",
        param=bounded(place),
        code=CODE,
    )


def bounded(place: str) -> str:
    """Names of properties come from outside: the end of a long place is what tells most."""
    if len(place) <= _PLACE_CHARS:
        return place
    return f"{place[: _PLACE_CHARS // 2]}…{place[-_PLACE_CHARS // 2 :]}"
