"""A drawing in the making, as the page follows it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace

from modules.context import AppContext
from modules.core.errors import Cancelled
from modules.core.jobs import Job
from modules.engine.media.drawing import DrawnFile, drawn_files, new_job, start
from modules.engine.media.worker import Worker
from modules.loaders.media_base import Imager
from modules.pictures.finish import Finish
from modules.pictures.originals import Original
from modules.ui.desk import Desk
from modules.ui.images.form import DrawingLimits, ImageForm, to_finish
from modules.ui.media_models import find_model, loaded_model
from modules.ui.ticking import with_ticks

TICK_S = 0.3


@dataclass(frozen=True, slots=True)
class DrawWish:
    """`model`: a name, None is the default. `original`: what is edited."""

    form: ImageForm
    model: str | None = None
    original: Original | None = None


@dataclass(frozen=True, slots=True)
class Drawing:
    """How far it is. `done`: pictures, in the order of their seeds; `preview` of the next. `share` from 0 to 1, None where nobody knows.
    `finish`: what is drawn, once it is settled; `unread`: tokens of the prompt that the model does not read. `is_over`: nothing more comes.
    """

    note: str
    share: float | None = None
    done: tuple[DrawnFile, ...] = ()
    preview: DrawnFile | None = None
    finish: Finish | None = None
    unread: int = 0
    is_over: bool = False


async def draw(wish: DrawWish, context: AppContext, desk: Desk) -> AsyncGenerator[Drawing]:
    """From the first word of it to the end; stopping it is an end too. RequestError and the like say why nothing is drawn."""
    job = new_job()
    desk.take(job)
    state = Drawing("Waiting for the model")
    try:
        async with aclosing(_drawn(wish, context, job)) as drawn:
            async for state in drawn:
                yield state
    except Cancelled:
        count = len(state.done)
        note = f"Stopped after {_pictures(count)}" if count else "Stopped"
        yield replace(state, note=note, preview=None, share=0.0, is_over=True)
    finally:
        desk.clear()


async def _drawn(wish: DrawWish, context: AppContext, job: Job) -> AsyncGenerator[Drawing]:
    settings, pool = context.settings, context.media.image
    limits = DrawingLimits(
        settings.max_drawn_pixels, settings.max_drawn_images, settings.image_metadata
    )
    model = await find_model(pool, wish.model)
    is_loaded = model is not None and loaded_model(pool, model.name) is not None
    yield Drawing("Waiting for the model" if is_loaded else "Loading the model")
    async with pool.lease(model) as worker:
        job.check()
        finish = await worker.prepare(
            lambda imager, _: to_finish(wish.form, imager, wish.original, limits), job
        )
        unread = worker.model.measure(wish.form.prompt).unread
        state = Drawing("Waiting for its turn", finish=finish, unread=unread)
        yield state
        async with aclosing(_followed(state, finish, worker, job, context)) as following:
            async for state in following:
                yield state


async def _followed(
    state: Drawing, finish: Finish, worker: Worker[Imager], job: Job, context: AppContext
) -> AsyncGenerator[Drawing]:
    drawings = start(finish, worker, job)
    async with (
        aclosing(drawn_files(drawings, context.media.image)) as files,
        aclosing(with_ticks(files, TICK_S)) as coming,
    ):
        async for file in coming:
            state = _after(state, file)
            yield replace(state, note=_note(state, job), share=_share(job))
    count = len(state.done)
    yield replace(state, note=f"{_pictures(count)} drawn", share=1.0, preview=None, is_over=True)


def _after(state: Drawing, file: DrawnFile | None) -> Drawing:
    if file is None:
        return state
    if file.seed is None:
        return replace(state, preview=file)
    return replace(state, done=(*state.done, file), preview=None)


def _share(job: Job) -> float | None:
    return job.done / job.total if job.total else None


def _note(state: Drawing, job: Job) -> str:
    if not job.is_running:
        return "Waiting for its turn"
    if not job.total:
        return "Drawing"
    total = 1 if state.finish is None else state.finish.request.count
    picture = f"Picture {min(total, len(state.done) + 1)} of {total}, " if total > 1 else ""
    return f"{picture}step {job.done} of {job.total}"


def _pictures(count: int) -> str:
    return "1 picture" if count == 1 else f"{count} pictures"
