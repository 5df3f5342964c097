"""The monitor as HTML: tiles, plots and tables of counts. Pure functions."""

from collections.abc import Iterable, Mapping, Sequence

from modules.engine.traffic import RequestKind
from modules.ui.markup import to_markup
from modules.ui.monitor.samples import (
    DailyTokens,
    ModelCounts,
    PoolCounts,
    Sample,
    cores_used,
    padded,
    request_rates,
    smoothed,
    token_rates,
)
from modules.ui.plots import (
    Bar,
    BarPlot,
    LinePlot,
    Series,
    bar_plot,
    line_plot,
    meter,
    short_number,
)

SPAN_S = 300
SPAN_LABELS = ("5 min ago", "4", "3", "2", "1", "now")
SMOOTH_S = 5
GIB = 2**30
MOST_ROUTES = 14
UNITS = {
    "embedding": "tokens",
    "rerank": "tokens",
    "transcription": "s of audio",
    "speech": "characters",
    "image": "pictures",
}
KINDS = {
    "embedding": "Embeddings",
    "rerank": "Reranking",
    "transcription": "Transcription",
    "speech": "Speech",
    "image": "Images",
}


def render_now(samples: Sequence[Sample]) -> str:
    return f'<div class="tiles">{_tiles(samples)}</div><div class="plots">{_plots(samples)}</div>'


def render_tables(now: Sample) -> str:
    parts = (_models(now.models), _pools(now.pools), _routes(now.requests))
    return "".join(f"<section>{part}</section>" for part in parts)


def render_days(daily: DailyTokens) -> str:
    if not daily.total:
        daily = DailyTokens(("tokens",), daily.days, tuple((0,) for _ in daily.days))
    bars = [
        Bar(tokens, _about_day(f"{day:%d %b}", daily.names, tokens))
        for day, tokens in zip(daily.days, daily.tokens, strict=True)
    ]
    first, last = daily.days[0], daily.days[-1]
    middle = daily.days[len(daily.days) // 2]
    labels = [f"{day:%d %b}" for day in (first, middle, last)]
    return bar_plot(BarPlot("Tokens by day", daily.names, bars, labels, "last 30 days, UTC"))


def _about_day(day: str, names: Sequence[str], tokens: Sequence[int]) -> str:
    parts = [f"{name}: {count:,}" for name, count in zip(names, tokens, strict=True) if count]
    return "\n".join([day, *(parts or ["nothing"])])


def _tiles(samples: Sequence[Sample]) -> str:
    now = samples[-1]
    generated = smoothed(token_rates(samples, lambda model: model.generated_tokens), SMOOTH_S)
    cores = smoothed(cores_used(samples), SMOOTH_S)
    last_minute = [each for each in samples if each.at >= now.at - 60]
    asked = now.request_count - last_minute[0].request_count
    share = now.cached_share
    slots = sum(model.slots for model in now.models)
    tiles = [
        ("Running", str(now.running), f"{slots} slots" if slots else "no model loaded"),
        ("Waiting", str(now.waiting), "in queues"),
        ("Tokens per second", short_number(generated[-1] if generated else 0.0), "generated, now"),
        ("From cache", "–" if share is None else f"{share:.0%}", "of prompt tokens"),
        ("API requests", str(asked), "in the last minute"),
        ("Memory", f"{now.memory_bytes / GIB:.2f} GiB", "of this process"),
        ("Processor", f"{cores[-1] if cores else 0.0:.1f}", "cores busy"),
    ]
    return "".join(
        f'<div class="tile"><span>{name}</span><b>{value}</b><small>{note}</small></div>'
        for name, value, note in tiles
    )


def _plots(samples: Sequence[Sample]) -> str:
    def rates(values: Sequence[float]) -> list[float | None]:
        return padded(smoothed(values, SMOOTH_S), SPAN_S)

    def counts(values: Iterable[int]) -> list[float | None]:
        return padded(list(values), SPAN_S)

    plots = [
        LinePlot(
            "Tokens",
            [
                Series(
                    "generated", rates(token_rates(samples, lambda m: m.generated_tokens)), True
                ),
                Series("prompts", rates(token_rates(samples, lambda m: m.prompt_tokens))),
            ],
            SPAN_LABELS,
            "per second",
            least_top=10,
        ),
        LinePlot(
            "Requests",
            [
                Series("running", counts(each.running for each in samples), True),
                Series("waiting", counts(each.waiting for each in samples)),
            ],
            SPAN_LABELS,
            "at once",
            least_top=4,
            is_whole=True,
        ),
        LinePlot(
            "API requests",
            [Series("requests", rates(request_rates(samples)), True)],
            SPAN_LABELS,
            "per second",
        ),
        LinePlot(
            "Memory",
            [Series("this process", padded([e.memory_bytes / GIB for e in samples], SPAN_S), True)],
            SPAN_LABELS,
            "GiB",
        ),
    ]
    return "".join(line_plot(plot) for plot in plots)


def _models(models: Sequence[ModelCounts]) -> str:
    if not models:
        return _table("Text models", (), [], "No model is loaded.")
    heads = ("Model", "Slots", "Waiting", "Replies", "Prompt", "Cached", "Generated", "Memory")
    rows = [
        (
            to_markup(each.name),
            f"{meter(each.running, each.slots, f'{each.running} of {each.slots} slots')}<small>{each.running} of {each.slots}</small>",
            str(each.waiting),
            str(each.finished),
            short_number(each.prompt_tokens),
            f"{each.cached_tokens / each.prompt_tokens:.0%}" if each.prompt_tokens else "–",
            short_number(each.generated_tokens),
            f"{each.memory_bytes / GIB:.2f} GiB",
        )
        for each in models
    ]
    return _table("Text models", heads, rows, "")


def _pools(pools: Sequence[PoolCounts]) -> str:
    heads = ("Kind", "Model", "Running", "Waiting", "Done", "Failed", "Made or read", "Mean time")
    rows = [
        (
            KINDS[each.kind],
            _loaded(each),
            str(each.running),
            str(each.waiting),
            str(each.finished),
            str(each.failed),
            f"{short_number(each.units)} {UNITS[each.kind]}",
            _mean_time(each),
        )
        for each in pools
    ]
    return _table("Other models", heads, rows, "")


def _loaded(pool: PoolCounts) -> str:
    if pool.loading is not None:
        return f"loading {to_markup(pool.loading)}"
    return to_markup(", ".join(pool.loaded)) or '<span class="faint">not loaded</span>'


def _mean_time(pool: PoolCounts) -> str:
    count = pool.finished + pool.failed
    return f"{short_number(pool.seconds / count)} s" if count else "–"


def _routes(requests: Mapping[RequestKind, int]) -> str:
    routes: dict[tuple[str, str], dict[int, int]] = {}
    for kind, count in requests.items():
        routes.setdefault((kind.method, kind.route), {})[kind.status] = count
    ranked = sorted(routes.items(), key=lambda item: (-sum(item[1].values()), item[0]))
    rows = [
        (
            f'<small class="faint">{to_markup(method)}</small> {to_markup(route)}',
            str(sum(statuses.values())),
            " ".join(_status(status, statuses[status]) for status in sorted(statuses)),
        )
        for (method, route), statuses in ranked[:MOST_ROUTES]
    ]
    return _table("API requests", ("Route", "All", "By status"), rows, "No request yet.")


def _status(status: int, count: int) -> str:
    kind = "good" if status < 400 else "bad" if status >= 500 else "odd"
    return f'<span class="status {kind}">{status} × {count}</span>'


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], empty: str) -> str:
    """`rows`: cells as HTML."""
    if not rows:
        return f'<h4>{title}</h4><div class="faint">{empty}</div>'
    head = "".join(f"<th>{name}</th>" for name in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return (
        f'<h4>{title}</h4><div class="scrolled"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )
