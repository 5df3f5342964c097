# pyright: basic
"""The steps of a pipeline as they happen. All pipelines take them through their scheduler, so that is where they are seen."""

import functools
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import torch
from diffusers.schedulers.scheduling_flow_match_euler_discrete import (
    FlowMatchEulerDiscreteScheduler,
)

OnStep = Callable[[int, torch.Tensor], None]
"""Told the number of steps done, and the latents of the picture as the model sees it at the end of the way."""


@contextmanager
def watched_steps(scheduler: Any, on_step: OnStep) -> Generator[None]:
    """While this lasts `on_step` is called after each step; what it raises ends the pipeline's call.

    `callback_on_step_end` would do for counting, but not all pipelines have it, and it knows only the noisy latents.
    """
    step = scheduler.step
    done = 0

    @functools.wraps(step)  # pipelines look at the signature
    def watched(*args: Any, **options: Any) -> Any:
        nonlocal done
        result = step(*args, **options)
        done += 1
        on_step(done, _expected(scheduler, args, options, result))
        return result

    scheduler.step = watched
    try:
        yield
    finally:
        del scheduler.step


def _expected(scheduler: Any, args: Any, options: Any, result: Any) -> torch.Tensor:
    """The picture without noise that this step aimed at, where the scheduler says it or it is plain to see; else the noisy one.

    Flow matching: the model's output is the direction from the picture to the noise, and sigma the distance.
    """
    if not isinstance(result, tuple):
        found = getattr(result, "pred_original_sample", None)
        return result.prev_sample if found is None else found
    noisy, *clean = result
    if clean:
        return clean[0]
    if isinstance(scheduler, FlowMatchEulerDiscreteScheduler):
        output = args[0] if args else options["model_output"]
        sample = args[2] if len(args) > 2 else options["sample"]
        sigmas: Any = scheduler.sigmas
        return sample - sigmas[max(0, (scheduler.step_index or 1) - 1)].to(sample) * output
    return noisy
