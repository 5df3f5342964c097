"""The tab Monitor: what the program does now and did in the last minutes, in counts."""

# pyright: basic
from typing import Any

import gradio as gr

from modules.ui.faults import told
from modules.ui.listening import AT_ONCE
from modules.ui.monitor.sampler import Sampler
from modules.ui.monitor.view import render_days, render_now, render_tables
from modules.ui.shell import Shell

TITLE = "Monitor"
REFRESH_S = 1.5


def build(shell: Shell) -> None:
    sampler = Sampler(shell.context)
    with gr.Column(elem_id="monitor"):
        now = gr.HTML("", js_on_load=None, elem_id="monitor-now")
        days = gr.HTML("", js_on_load=None, elem_id="monitor-days")
        tables = gr.HTML("", js_on_load=None, elem_id="monitor-tables")
    timer = gr.Timer(REFRESH_S, active=False)

    async def begin() -> None:
        sampler.start()

    async def follow(chosen: gr.SelectData) -> tuple[Any, ...]:
        """Only the page that shows the monitor asks for it."""
        if chosen.value != TITLE:
            return (gr.Timer(active=False), *[gr.skip()] * 3)
        sampler.start()
        return gr.Timer(active=True), *await refresh()

    async def refresh() -> tuple[str, str, str]:
        samples = sampler.samples
        return render_now(samples), render_days(await sampler.days()), render_tables(samples[-1])

    shell.on_open(begin, [], [])
    shell.tabs.select(told(follow), None, [timer, now, days, tables], **AT_ONCE)
    timer.tick(told(refresh), None, [now, days, tables], **AT_ONCE)
