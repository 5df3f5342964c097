"""The memory that a model will take, beside what others take, as a bar as long as this machine's memory."""

from dataclasses import dataclass

from modules.engine.load_wish import LoadPlan
from modules.engine.manager import ModelManager
from modules.loaders.machine import has_gpu, memory_bytes
from modules.loaders.memory_estimate import MemoryEstimate
from modules.ui.markup import to_markup

GIB = 2**30
NOT_KNOWN = '<p class="note">How much memory it would take cannot be told.</p>'
"""Beside what says why its files cannot be read."""


@dataclass(frozen=True, slots=True)
class MemoryNeed:
    """Bytes. `others`: by estimate, of the models that stay beside it; `machine`: all that there is; `budget`: 0 is none."""

    model: str
    estimate: MemoryEstimate
    others: int
    machine: int
    budget: int = 0
    has_gpu: bool = False

    @property
    def room(self) -> int:
        return self.budget or self.machine

    @property
    def fits(self) -> bool:
        return self.estimate.total + self.others <= self.room


def read_need(plan: LoadPlan, models: ModelManager) -> MemoryNeed:
    """In the event loop. Of the others those that stay: with one model at a time they leave."""
    beside = [model for model in models.loaded if model.name != plan.name]
    stay = beside[: max(0, models.limits.max_models - 1)]
    others = sum(model.plan.memory.total for model in stay)
    return MemoryNeed(
        plan.name, plan.memory, others, memory_bytes(), models.limits.memory_bytes, has_gpu()
    )


def to_bar(need: MemoryNeed) -> str:
    estimate, room = need.estimate, max(need.room, 1)
    if not estimate.total:
        return '<p class="note">It takes no memory of this machine.</p>'
    parts = [
        ("others", "other models", need.others),
        ("weights", "weights", estimate.weights),
        ("kv", "KV cache", estimate.kv),
        ("buffers", "buffers", estimate.buffers),
    ]
    scale = max(room, need.others + estimate.total)
    pieces = "".join(
        f'<span class="memory-{key}" style="width: {100 * size / scale:.2f}%"></span>'
        for key, _, size in parts
    )
    legend = "".join(
        f'<span><i class="memory-{key}"></i>{to_markup(title)} {shown_gib(size)}</span>'
        for key, title, size in parts
        if size
    )
    return (
        f'<div class="memory {"" if need.fits else "too-much"}" data-model="{to_markup(need.model)}"><div class="memory-line">{to_markup(_sentence(need))}</div>'
        f'<div class="memory-bar">{pieces}</div><div class="memory-legend">{legend}</div></div>'
    )


def _sentence(need: MemoryNeed) -> str:
    what = "the memory budget" if need.budget else "this machine's memory"
    text = f"About {shown_gib(need.estimate.total)} of {shown_gib(need.room)}, {what}"
    if need.has_gpu and not need.budget:
        text += " (that of graphics cards not counted)"
    return f"{text}{_layout(need.estimate)}." + (
        "" if need.fits else " That is more than there is."
    )


def _layout(estimate: MemoryEstimate) -> str:
    """What the memory is for."""
    if not estimate.ctx_size or not estimate.parallel:
        return ""
    tokens, requests = f"{estimate.ctx_size:,} tokens", f"{estimate.parallel} requests"
    if estimate.kv_unified:
        return f": {tokens} that {requests} share"
    return f": {tokens} for each of {requests}"


def shown_gib(size: int) -> str:
    if size >= GIB / 10:
        return f"{size / GIB:.1f} GiB"
    return f"{size / 2**20:.0f} MiB"
