"""Formats of strings: which can be enforced, and how.

Names: https://json-schema.org/draft/2020-12/json-schema-validation#section-7.3
"""

_DAY_OF_LONG_MONTH = r"(0[13578]|1[02])-(0[1-9]|[12]\d|3[01])"
_DAY_OF_SHORT_MONTH = r"(0[469]|11)-(0[1-9]|[12]\d|30)"
_DAY_OF_FEBRUARY = r"02-(0[1-9]|1\d|2[0-8])"
_YEAR = r"(000[1-9]|00[1-9]\d|0[1-9]\d{2}|[1-9]\d{3})"
_LEAP_YEAR = r"(\d{2}(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)"
_DATE = (
    rf"({_YEAR}-({_DAY_OF_LONG_MONTH}|{_DAY_OF_SHORT_MONTH}|{_DAY_OF_FEBRUARY})|{_LEAP_YEAR}-02-29)"
)
_CLOCK = r"([01]\d|2[0-3]):[0-5]\d"
_TIME = rf"{_CLOCK}:[0-5]\d(\.\d{{1,9}})?(Z|[+-]{_CLOCK})"
_POINTER = r"(/([^~/]|~[01])*)*"

PATTERNS = {
    "date": rf"^{_DATE}$",
    "date-time": rf"^{_DATE}T{_TIME}$",
    "time": rf"^{_TIME}$",
    "json-pointer": rf"^{_POINTER}$",
    "relative-json-pointer": rf"^(0|[1-9]\d*)(#|{_POINTER})$",
}
"""Ours. llguidance has dates too, but lets 2023-02-29 and the second 60 pass."""

BUILT_IN = frozenset({"duration", "email", "hostname", "ipv4", "ipv6", "uuid", "uri"})
"""llguidance's."""

ANNOTATIONS = frozenset(
    {
        *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
        *("float", "double", "decimal", "byte", "binary", "password", "textarea", "markdown"),
        *("path", "file-path", "directory-path"),
    }
)
"""Of OpenAPI and pydantic: they tell readers and programs about a value, and exclude none."""
