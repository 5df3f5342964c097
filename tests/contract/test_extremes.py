"""Sampling values at the ends of their ranges: a library that aborts would take the server with it."""

import subprocess
import sys

from modules.settings import ROOT
from tests.contract.loaders import CASES, LoaderCase

EXTREMES = """
import asyncio, itertools, sys
from modules.core.errors import AppError
from modules.core.requests import Grammar
from modules.core.sampling import SAMPLERS
from modules.engine.engine import Engine, LocalEngine
from tests.contract.conftest import STORY, build_request
from tests.contract.loaders import CASES

case = CASES[int(sys.argv[1])]
ends = {s.name: (s.minimum, s.maximum) for s in SAMPLERS if s.minimum is not None}
single = [{name: value} for name, both in ends.items() for value in both]
enabling = [
    {"dynamic_temperature": True}, {"mirostat_mode": 1}, {"mirostat_mode": 2},
    {"adaptive_target": 1.0}, {"adaptive_target": 1e-6}, {"dry_multiplier": 10.0},
    {"xtc_probability": 1.0}, {"repetition_penalty": 10}, {"sampler_priority": []},
    {"temperature_last": True}, {"temperature": 1e-6}, {"temperature": 5, "top_k": 3},
]
groups = {
    "ends": [*single, *enabling],
    "pairs": [a | b for a in enabling for b in single],
    "all": [{name: both[i] for name, both in ends.items()} | extra for i in (0, 1) for extra in enabling],
    "odd": [
        {"dry_multiplier": 1, "dry_sequence_breakers": ["x" * 64] * 16},
        {"dry_multiplier": 1, "dry_sequence_breakers": ["\\U0001F44D", "\\x01", " "]},
        {"dry_multiplier": 1, "dry_sequence_breakers": []},
        {"logit_bias": {str(i): 100 for i in range(1000)}},
        {"logit_bias": {str(i): -100 for i in range(1000)}, "mirostat_mode": 1},
        *({"custom_token_bans": list(range(1, 1500)), **extra} for extra in enabling),
    ],
    "grammar": [
        {"grammar": Grammar("regex", "yes"), "custom_token_bans": list(range(0, 1500)), **extra}
        for extra in ({}, {"temperature": 0}, {"mirostat_mode": 1}, {"adaptive_target": 0.5})
    ] + [{"grammar": Grammar("regex", "[a-z]{9}"), **extra} for extra in enabling],
}
engine = LocalEngine(case.load(parallel=8, ctx_size=512))
faults = []
turns = asyncio.Semaphore(8)

async def run(group, details):
    async with turns:
        print(group, str(details)[:300], flush=True)
        await check(details)

async def check(details):
    for more in ({}, {"logprobs": 2, "sampled_logprobs": True}):
        request = build_request(engine, STORY, 4, **{"seed": 1, **details, **more})
        try:
            done = await engine.complete(request)
        except AppError:
            continue
        assert done.usage.completion_tokens >= 1
        for token in done.logprobs:
            assert 0 <= token.chosen.token_id < engine.info.vocabulary_size
            if not token.chosen.logprob <= 1e-6:  # nan is not
                faults.append((str(details)[:200], token))

async def main():
    for group, members in groups.items():
        await asyncio.gather(*(run(group, details) for details in members))

asyncio.run(main())
engine.close()
assert not faults, faults[:5]
print("survived")
"""


def test_extreme_values_do_not_end_the_process(case: LoaderCase) -> None:
    """A library that aborts would take the tests with it, so this runs beside them: alone, in pairs and all at once.

    Eight requests share each step, so what ends the process is among the last eight that were printed.
    """
    done = subprocess.run(
        [sys.executable, "-c", EXTREMES, str(CASES.index(case))],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    output = done.stdout.splitlines()
    assert output[-1:] == ["survived"], (
        f"ended ({done.returncode}) at {output[-8:]}\n{done.stderr[-2000:]}"
    )
