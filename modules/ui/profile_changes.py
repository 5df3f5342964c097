"""What one page has changed of a profile, and nothing else, carried over into the profile that is kept."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from modules.ui.profile import Parameters, Profile, to_profile


def with_changes(kept: Profile, before: Profile, after: Profile) -> Profile:
    """`kept` with the values that differ between `before` and `after`, those inside of parameters and of `extra` one by one."""
    merged = to_profile(_merged(asdict(kept), asdict(before), asdict(after)))
    if not _are_samplers_chosen_together(before.parameters, after.parameters):
        return merged
    parameters = replace(merged.parameters, sampling=after.parameters.sampling)
    return replace(merged, parameters=parameters)


def _are_samplers_chosen_together(before: Parameters, after: Parameters) -> bool:
    """By a preset, or by what sets them all back: then those that are not named count too."""
    names = before.sampling.keys() | after.sampling.keys()
    differing = [n for n in names if before.sampling.get(n) != after.sampling.get(n)]
    return len(differing) > 1 or (before.preset != after.preset and bool(after.preset))


def _merged(
    kept: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]
) -> dict[str, Any]:
    result = dict(kept)
    for name in {**before, **after}:
        if name not in after:
            result.pop(name, None)
        elif name not in before or before[name] != after[name]:
            values: list[Any] = [each.get(name) for each in (kept, before, after)]
            are_objects = all(isinstance(value, dict) for value in values)
            result[name] = _merged(*values) if are_objects else after[name]
    return result
