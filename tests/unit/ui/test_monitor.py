"""What the monitor makes of counts."""

import asyncio
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from modules.core.events import Usage
from modules.engine.ledger import Ledger, TokenCounts
from modules.engine.traffic import RequestKind, Traffic
from modules.ui.monitor.sampler import KEPT, Sampler, process_memory_bytes
from modules.ui.monitor.samples import (
    OTHERS,
    ModelCounts,
    PoolCounts,
    Sample,
    daily_tokens,
    padded,
    request_rates,
    smoothed,
    token_rates,
)
from modules.ui.monitor.view import render_days, render_now, render_tables

TODAY = date(2026, 7, 27)


def model(key: int = 1, generated: int = 0, **more: Any) -> ModelCounts:
    return ModelCounts(key, "m", slots=8, generated_tokens=generated, **more)


def generated(counts: ModelCounts) -> int:
    return counts.generated_tokens


def test_rates_are_per_second_of_the_clock() -> None:
    samples = [Sample(0.0, (model(generated=10),)), Sample(2.0, (model(generated=50),))]
    assert token_rates(samples, generated) == [20.0]


def test_a_model_that_comes_or_goes_makes_no_negative_rate() -> None:
    samples = [
        Sample(0.0, (model(1, 900),)),
        Sample(1.0, (model(2, 30),)),  # loaded anew: its counts began again
        Sample(2.0, ()),
    ]
    assert token_rates(samples, generated) == [30.0, 0.0]


def test_several_models_add_up() -> None:
    samples = [Sample(0, (model(1, 5), model(2, 5))), Sample(1, (model(1, 7), model(2, 10)))]
    assert token_rates(samples, generated) == [7.0]


def test_requests_of_all_routes_add_up() -> None:
    get, post = RequestKind("/a", "GET", 200), RequestKind("/b", "POST", 400)
    samples = [Sample(0, requests={get: 1}), Sample(1, requests={get: 2, post: 3})]
    assert request_rates(samples) == [4.0]


def test_the_share_of_the_cache_is_of_all_prompts() -> None:
    models = (model(1, prompt_tokens=100, cached_tokens=50), model(2, prompt_tokens=100))
    assert Sample(0, models).cached_share == 0.25
    assert Sample(0, (model(),)).cached_share is None


def test_smoothing_takes_the_mean_of_what_is_there() -> None:
    assert smoothed([4, 0, 0, 8], 2) == [4, 2, 0, 4]
    assert smoothed([], 5) == []


def test_padding_keeps_the_last_and_leaves_the_beginning_open() -> None:
    assert padded([1, 2], 4) == [None, None, 1, 2]
    assert padded([1, 2, 3], 2) == [2, 3]


def days(**tokens: int) -> dict[str, TokenCounts]:
    return {name: TokenCounts(1, count, 0, 0) for name, count in tokens.items()}


def test_days_are_the_last_thirty_and_today_is_last() -> None:
    known = {
        TODAY: days(a=5),
        TODAY - timedelta(days=29): days(b=7),
        TODAY - timedelta(days=30): days(c=9),
    }
    found = daily_tokens(known, TODAY)
    assert len(found.days) == 30
    assert found.days[-1] == TODAY
    assert found.names == ("b", "a")
    assert found.tokens[0] == (7, 0)
    assert found.tokens[-1] == (0, 5)


def test_small_models_are_counted_together() -> None:
    known = {TODAY: days(a=70, b=60, c=50, d=40, e=30, f=20, g=10)}
    found = daily_tokens(known, TODAY)
    assert found.names == ("a", "b", "c", "d", "e", OTHERS)
    assert found.tokens[-1] == (70, 60, 50, 40, 30, 30)
    assert found.total == 280


def test_one_more_than_the_names_is_named_too() -> None:
    assert OTHERS not in daily_tokens({TODAY: days(a=6, b=5, c=4, d=3, e=2, f=1)}, TODAY).names


def test_the_page_shows_counts_and_no_markup_of_names() -> None:
    evil = ModelCounts(1, "<i>{{x}}</i>", 8, running=3, waiting=2, finished=4)
    pool = PoolCounts("image", ("tiny",), running=1, finished=2, units=5, seconds=4.0)
    sample = Sample(5.0, (evil,), (pool,), {RequestKind("/v1/x", "GET", 404): 7})
    now, tables = render_now([sample]), render_tables(sample)
    assert "<b>4</b>" in now  # running: 3 texts and a picture
    assert "3 of 8" in tables
    assert "404 × 7" in tables
    assert "5 pictures" in tables
    assert "2 s" in tables
    for page in (now, tables):
        assert "<i>" not in page
        assert "{{" not in page


def test_a_page_without_anything_is_a_page() -> None:
    empty = Sample(1.0)
    assert "no model loaded" in render_now([empty])
    assert "No model is loaded" in render_tables(empty)
    assert "nothing" in render_days(daily_tokens({}, TODAY))


def test_memory_of_this_process_is_known(tmp_path: Path) -> None:
    assert process_memory_bytes() > 10 * 2**20
    assert process_memory_bytes(tmp_path / "none") > 10 * 2**20


def context(ledger: Ledger) -> Any:
    statistics = SimpleNamespace(
        slots=2,
        running=1,
        waiting=0,
        prompt_tokens=3,
        cached_tokens=1,
        sampled_tokens=9,
        completion_tokens=4,
        finished=1,
    )
    plan = SimpleNamespace(memory=SimpleNamespace(total=123))
    loaded = SimpleNamespace(name="m", engine=SimpleNamespace(statistics=statistics), plan=plan)
    models = SimpleNamespace(loaded=[loaded], ledger=ledger)
    return SimpleNamespace(models=models, media=SimpleNamespace(pools=()), traffic=Traffic())


@pytest.mark.anyio
async def test_the_sampler_looks_again_and_again_and_keeps_so_much_only() -> None:
    sampler = Sampler(cast("Any", context(Ledger())), interval_s=0.0001)
    sampler.start()
    sampler.start()
    async with asyncio.timeout(30):
        while len(sampler.samples) < KEPT:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)
    assert sampler.samples[-1].models[0].generated_tokens == 9
    await asyncio.sleep(0.05)
    assert len(sampler.samples) == KEPT
    sampler.stop()


@pytest.mark.anyio
async def test_days_come_from_the_ledger() -> None:
    ledger = Ledger()
    ledger.note("m", Usage(10, 5))
    found = await Sampler(cast("Any", context(ledger))).days()
    assert found.names == ("m",)
    assert found.total == 15
