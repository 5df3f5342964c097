"""Numbers in schemas: counts, bounds and divisors."""

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from modules.engine.schemas.faults import unsupported, wrong

_EXACT = 2**53
"""From here on not every whole number is a 64-bit float, which is what llguidance computes bounds with."""
_LARGEST = math.nextafter(2.0**63, 0)
MAX_COUNT = 1_000_000_000
MAX_REMAINDERS = 10_000


def read_count(value: Any, place: str) -> int:
    """A length or a number of items; 2.0 is a whole number in JSON Schema."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or value < 0 or value != value // 1:
        raise wrong(place, "It must be a whole number and not negative.")
    return int(min(value, MAX_COUNT))


def read_divisor(value: Any, place: str) -> int | float:
    number = _finite(value, place)
    if number <= 0:
        raise wrong(place, "It must be more than 0.")
    if count_remainders(number) > MAX_REMAINDERS:
        raise wrong(place, "It has too many digits.")
    return number


def count_remainders(divisor: float) -> int:
    """How many states llguidance needs to tell whether digits are a multiple; powers of 10 cost none."""
    _, digits, _ = Decimal(str(divisor)).as_tuple()
    count = int("".join(map(str, digits)))
    for factor in (2, 5):
        while count % factor == 0:
            count //= factor
    return count


def read_bounds(schema: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Far from zero, bounds move inwards to the next number that a float can be."""
    bounds: dict[str, Any] = {}
    for inclusive, exclusive, sign in (
        ("minimum", "exclusiveMinimum", -1),
        ("maximum", "exclusiveMaximum", 1),
    ):
        for keyword in (inclusive, exclusive):
            if keyword in schema:
                at = f"{place}.{keyword}"
                number = _finite(schema[keyword], at)
                if abs(number) < _EXACT:
                    bounds[keyword] = number
                else:
                    nearest = _inwards(number, sign, at, is_exclusive=keyword == exclusive)
                    bounds[inclusive] = _tighter(bounds.get(inclusive), nearest, sign)
    return bounds


def _inwards(number: float, sign: int, place: str, *, is_exclusive: bool) -> int:
    """`sign` is 1 for an upper bound and -1 for a lower one."""
    if number * sign <= -_LARGEST:
        raise unsupported(place.rpartition(".")[2], place)
    if number * sign > _LARGEST:
        return int(_LARGEST) * sign
    nearest = float(number)
    if (nearest - number) * sign > 0 or int(nearest) * sign > int(number) * sign:
        nearest = math.nextafter(nearest, -sign * math.inf)
    if is_exclusive and int(nearest) == number:
        nearest = math.nextafter(nearest, -sign * math.inf)
    return int(nearest)


def _tighter(known: float | None, number: int, sign: int) -> float:
    if known is None:
        return number
    return min(known, number) if sign > 0 else max(known, number)


def _finite(value: Any, place: str) -> int | float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value):
        raise wrong(place, "It must be a number.")
    return value
