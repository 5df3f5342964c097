"""Billing: counts of tokens by day and model, which outlive the server."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.live.launch import MODEL, running
from tests.live.legacy import ONCE, USAGE_PATHS, post
from tests.live.wire import SKY, error_of


def tokens_of(client: httpx.Client, path: str = USAGE_PATHS[0], **dates: str) -> int:
    return client.get(path, params=dates).json()["total_usage"]


def test_billing_counts_what_responses_say_they_used(http: httpx.Client) -> None:
    before = tokens_of(http)
    usage = post(http, "/v1/completions", **ONCE)["usage"]
    assert tokens_of(http) - before == usage["total_tokens"]
    chat = post(http, "/v1/chat/completions", messages=SKY)["usage"]
    total = usage["total_tokens"] + chat["total_tokens"]
    assert [tokens_of(http, path) - before for path in USAGE_PATHS] == [total] * 3


def test_the_days_lines_add_up_to_the_total(http: httpx.Client) -> None:
    post(http, "/v1/completions", **ONCE)
    body = http.get("/v1/billing/usage").json()
    assert body["object"] == "list"
    lines = [line for day in body["daily_costs"] for line in day["line_items"]]
    assert MODEL in {line["name"] for line in lines}  # and what else was asked of this server
    assert body["total_usage"] == sum(
        line["prompt_tokens"] + line["completion_tokens"] for line in lines
    )
    midnight = datetime.fromtimestamp(body["daily_costs"][-1]["timestamp"], UTC)
    assert (midnight.hour, midnight.minute, midnight.second) == (0, 0, 0)


def test_billing_keeps_to_its_dates(http: httpx.Client) -> None:
    post(http, "/v1/completions", **ONCE)
    now = datetime.now(UTC)
    near = [(now + timedelta(days=days)).strftime("%Y-%m-%d") for days in (-1, 0, 1)]
    assert tokens_of(http, start_date=near[0], end_date=near[2]) == tokens_of(http) > 0
    assert tokens_of(http, end_date="2020-01-01") == 0
    assert tokens_of(http, start_date="9999-12-31") == 0


@pytest.mark.parametrize(
    ("dates", "param"),
    [
        ({"start_date": "yesterday"}, "start_date"),
        ({"end_date": "2023-02-30"}, "end_date"),
        ({"start_date": "2023-05-02", "end_date": "2023-05-01"}, "start_date"),
        ({"start_date": "1" * 10_000}, "start_date"),
    ],
)
def test_wrong_dates_are_named(http: httpx.Client, dates: dict[str, str], param: str) -> None:
    assert error_of(http.get("/v1/billing/usage", params=dates), 400)["param"] == param


def test_a_subscription_has_no_limit(http: httpx.Client) -> None:
    body = http.get("/v1/dashboard/billing/subscription").json()
    assert body["object"] == "billing_subscription"
    assert body["hard_limit_usd"] is None


def test_counts_outlive_the_server_and_hold_no_text(launch: Any, tmp_path: Path) -> None:
    secret = "a very secret sentence"
    server = launch()
    with server.client() as client:
        post(client, "/v1/completions", prompt=secret, max_tokens=3)
        before = client.get("/v1/billing/usage").json()
    server.interrupt()
    kept = (server.user_data / "cache" / "usage.json").read_text()
    assert secret not in kept
    assert set(json.loads(kept)) == {"days"}
    with running(server.folder) as again, again.client() as client:
        assert client.get("/v1/billing/usage").json() == before


def test_counts_can_be_kept_in_memory_alone(launch: Any) -> None:
    server = launch("--no-keep-usage")
    with server.client() as client:
        post(client, "/v1/completions", **ONCE)
        assert tokens_of(client) > 0
    server.interrupt()
    assert not (server.user_data / "cache").exists()
