"""GET /metrics, for Prometheus: counts and times, no texts and no names of users."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from fastapi import APIRouter
from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from starlette.responses import Response

from modules.context import AppContext
from modules.engine.media.pool import ModelPool
from modules.engine.statistics import EngineStatistics, Histogram
from modules.engine.traffic import Traffic


def build_router(context: AppContext) -> APIRouter:
    """With a registry of this application's own."""
    registry = CollectorRegistry()
    registry.register(EngineCollector(context))
    router = APIRouter(tags=["health"])

    @router.get("/metrics", response_class=Response)
    async def get_metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router


class EngineCollector(Collector):
    """Reads the loaded models' statistics when it is asked."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    def collect(self) -> Iterator[Metric]:
        yield _requests(self._context.traffic)
        models = self._context.models.loaded
        loaded = GaugeMetricFamily("hearth_model_loaded", "How many models are loaded")
        loaded.add_metric([], len(models))
        yield loaded
        if models:
            yield from _engine_metrics({m.name: m.engine.statistics for m in models})
        yield from _media_metrics(self._context.media.pools)


def _requests(traffic: Traffic) -> Metric:
    metric = CounterMetricFamily(
        "hearth_http_requests",
        "Requests by route, method and status (499: the client left first)",
        labels=["route", "method", "status"],
    )
    for kind, count in traffic.counts.items():
        metric.add_metric([kind.route, kind.method, str(kind.status)], count)
    return metric


Statistics = Mapping[str, EngineStatistics]
"""By the name of the model."""


def _engine_metrics(models: Statistics) -> Iterator[Metric]:
    gauges: dict[str, tuple[str, Callable[[EngineStatistics], float]]] = {
        "hearth_slots": ("Requests that can run at once", lambda s: s.slots),
        "hearth_requests_running": ("Requests that run now", lambda s: s.running),
        "hearth_requests_waiting": ("Requests that wait for a slot", lambda s: s.waiting),
    }
    counters: dict[str, tuple[str, Callable[[EngineStatistics], float]]] = {
        "hearth_prompt_tokens": ("Tokens of prompts", lambda s: s.prompt_tokens),
        "hearth_cached_tokens": ("Those of them found in the cache", lambda s: s.cached_tokens),
        "hearth_completion_tokens": ("Tokens generated", lambda s: s.completion_tokens),
        "hearth_generations": ("Replies ended", lambda s: s.finished),
    }
    for family, table in ((GaugeMetricFamily, gauges), (CounterMetricFamily, counters)):
        for name, (about, read) in table.items():
            metric = family(name, about, labels=["model"])
            for model, statistics in models.items():
                metric.add_metric([model], read(statistics))
            yield metric
    yield _histograms("hearth_ttft_seconds", "Submit to first token", models, lambda s: s.ttft)
    yield _histograms("hearth_step_seconds", "One step of the engine", models, lambda s: s.step)


Read = Callable[[ModelPool[Any]], float]

UNITS = {
    "embedding": "tokens",
    "rerank": "tokens",
    "transcription": "seconds of audio",
    "speech": "characters",
    "image": "images",
}


def _media_metrics(pools: Iterable[ModelPool[Any]]) -> Iterator[Metric]:
    pools = list(pools)
    gauges: dict[str, tuple[str, Read]] = {
        "hearth_media_loaded": ("Loaded models of this kind", lambda p: len(p.loaded)),
        "hearth_media_running": ("Jobs that run now", lambda p: p.statistics.running),
        "hearth_media_waiting": ("Jobs that wait for their model", lambda p: p.statistics.waiting),
    }
    counters: dict[str, tuple[str, Read]] = {
        "hearth_media_jobs": ("Jobs that ended well", lambda p: p.statistics.finished),
        "hearth_media_failures": ("Jobs that failed", lambda p: p.statistics.failed),
        "hearth_media_units": (
            "What was worked on: " + ", ".join(f"{kind} {unit}" for kind, unit in UNITS.items()),
            lambda p: p.statistics.units,
        ),
    }
    for family, table in ((GaugeMetricFamily, gauges), (CounterMetricFamily, counters)):
        for name, (about, read) in table.items():
            metric = family(name, about, labels=["kind"])
            for pool in pools:
                metric.add_metric([pool.kind], read(pool))
            yield metric
    durations = HistogramMetricFamily("hearth_media_job_seconds", "One job", labels=["kind"])
    for pool in pools:
        histogram = pool.statistics.job
        durations.add_metric([pool.kind], _buckets(histogram), sum_value=histogram.total)
    yield durations


def _histograms(
    name: str, about: str, models: Statistics, read: Callable[[EngineStatistics], Histogram]
) -> Metric:
    family = HistogramMetricFamily(name, about, labels=["model"])
    for model, statistics in models.items():
        histogram = read(statistics)
        family.add_metric([model], _buckets(histogram), sum_value=histogram.total)
    return family


def _buckets(histogram: Histogram) -> list[Any]:
    counted = 0
    buckets: list[Any] = []
    for bound, count in zip([*map(str, histogram.bounds), "+Inf"], histogram.counts, strict=True):
        counted += count
        buckets.append((bound, counted))
    return buckets
