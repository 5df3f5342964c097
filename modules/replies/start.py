"""Plans to running replies."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

from modules.engine.model import LoadedModel
from modules.hooks import Hooks
from modules.replies.output_hooks import STREAM, WHOLE, ChangedStream
from modules.replies.own_replies import OwnReplyStream
from modules.replies.plans import Plan
from modules.replies.streams import ReplyStream

T = TypeVar("T")


async def in_thread(work: Callable[[], T], model: LoadedModel, *, is_slow: bool = False) -> T:
    """`work` in a worker thread: those of all requests, or, for what may take its time (a template or a grammar that came with the request,
    a long text), one of the few that are for such, so that nobody else waits for it."""
    threads = model.templates.threads if is_slow else None
    return await asyncio.get_running_loop().run_in_executor(threads, work)


def start(plan: Plan, model: LoadedModel, hooks: Hooks) -> ReplyStream:
    """The one reply of a plan, running. Raises what `Engine.submit` does; closing the stream cancels it."""
    [stream] = start_all([plan], model, hooks)
    return stream


def start_all(plans: Sequence[Plan], model: LoadedModel, hooks: Hooks) -> list[ReplyStream]:
    """All replies of all plans, in their order: all are let in, or none."""
    replies = [(plan.state, reply) for plan in plans for reply in plan.replies]
    requests = [reply.request for _, reply in replies if reply.own is None]
    submitted = iter(model.engine.submit_all(requests) if requests else [])
    is_changed = hooks.has(WHOLE, STREAM)
    streams: list[ReplyStream] = []
    for state, reply in replies:
        stream: ReplyStream
        if reply.own is None:
            stream = next(submitted)
        else:
            stream = OwnReplyStream(reply.own, reply.request, model.engine)
        streams.append(ChangedStream(stream, state, hooks) if is_changed else stream)
    return streams
