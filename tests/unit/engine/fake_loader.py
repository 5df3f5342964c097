"""A loader of fake runners, behind the registry's door."""

import asyncio
import math
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from modules.core.errors import ModelError
from modules.core.events import TokenChoice, TokenLogprob
from tests.unit.engine.fake_runner import PATIENCE_S, FakeRunner


class NoNumbers(FakeRunner):
    def _logprob(self, token_id: int, alternatives: int) -> TokenLogprob:
        return TokenLogprob(TokenChoice(token_id, b"x", math.nan))


class FakeLoader:
    """Stands in for llama.cpp; `paused` names wait until they are let go, `broken` ones fail.

    Runners of `fails_at_once` cannot compute, those of `without_numbers` compute nan.
    """

    def __init__(self) -> None:
        self.loads: list[str] = []
        self.options: list[dict[str, Any]] = []
        self.runners: list[FakeRunner] = []
        self.broken: dict[str, Exception] = {}
        self.templates: dict[str, str] = {}
        self.paused: dict[str, threading.Event] = {}
        self.fails_at_once: set[str] = set()
        self.without_numbers: set[str] = set()
        self.begun = threading.Semaphore(0)

    def __call__(
        self, path: Path, name: str, options: Mapping[str, Any], progress: Callable[[float], Any]
    ) -> FakeRunner:
        self.loads.append(name)
        self.options.append(dict(options))
        progress(0.25)
        self.begun.release()
        if name in self.paused:
            assert self.paused[name].wait(PATIENCE_S)
        if name in self.broken:
            raise self.broken[name]
        progress(1.0)
        endless = ["endless"]
        kind = NoNumbers if name in self.without_numbers else FakeRunner
        runner = kind(
            {"endless": "x"}, name=name, endless=endless, chat_template=self.templates.get(name)
        )
        if name in self.fails_at_once:
            runner.fail_in_step.append(ModelError("no memory on the device"))
        self.runners.append(runner)
        return runner

    def pause(self, name: str) -> threading.Event:
        return self.paused.setdefault(name, threading.Event())

    async def has_begun(self) -> None:
        assert await asyncio.to_thread(self.begun.acquire, timeout=PATIENCE_S)
