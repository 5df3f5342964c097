"""A recording on its way to text, as the page follows it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic

from modules.context import AppContext
from modules.core.errors import Cancelled, RequestError, Unsupported
from modules.core.jobs import Job
from modules.core.transcripts import ListeningRequest, Segment, Transcript
from modules.engine.media.hearing import Hearing, find_language, start_hearing
from modules.engine.media.worker import Worker
from modules.loaders.media_base import Transcriber
from modules.ui.desk import Desk
from modules.ui.media_models import find_model, loaded_model
from modules.ui.ticking import with_ticks

TICK_S = 0.3
FIND_OUT = "Find out"
COMMON_LANGUAGES = (
    *("Arabic", "Chinese", "Dutch", "English", "French", "German", "Hindi", "Italian", "Japanese"),
    *("Korean", "Polish", "Portuguese", "Russian", "Spanish", "Swedish", "Turkish", "Ukrainian"),
)
"""Of the list, while the model's own are not known; others can be written."""


@dataclass(frozen=True, slots=True)
class HearWish:
    """`path`: of a file that this program holds. `language`: a name or code, or FIND_OUT."""

    path: Path | None
    model: str | None = None
    language: str = FIND_OUT
    translates: bool = False


@dataclass(frozen=True, slots=True)
class Listening:
    """How far it is. `seconds`: of the recording, 0 while it is being read. `language`: its name, once all was heard.

    `share` from 0 to 1, None where nobody knows.
    """

    note: str
    share: float | None = None
    seconds: float = 0.0
    segments: tuple[Segment, ...] = ()
    model: str = ""
    language: str | None = None
    is_over: bool = False

    @property
    def text(self) -> str:
        return Transcript(self.seconds, None, self.segments).text


async def transcribe(wish: HearWish, context: AppContext, desk: Desk) -> AsyncGenerator[Listening]:
    """To the end, or to what was heard until it was stopped. RequestError and the like say why nothing can be heard."""
    if wish.path is None:
        raise RequestError("Record something or choose a file first.")
    job = Job(stop_id="transcription-ui")
    desk.take(job)
    state = Listening("Waiting for the model")
    try:
        async with aclosing(_heard(wish.path, wish, context, desk)) as hearing:
            async for state in hearing:
                yield state
    except Cancelled:
        yield replace(state, note="Stopped", share=0.0, is_over=True)
    finally:
        desk.clear()


async def _heard(
    path: Path, wish: HearWish, context: AppContext, desk: Desk
) -> AsyncGenerator[Listening]:
    pool = context.media.transcription
    model = await find_model(pool, wish.model)
    is_loaded = model is not None and loaded_model(pool, model.name) is not None
    yield Listening("Waiting for the model" if is_loaded else "Loading the model")
    async with pool.lease(model) as worker:
        _check(desk)
        wanted = to_request(wish, worker.model)
        with path.open("rb") as file:
            hearing = await start_hearing(file, worker, wanted, context.settings.max_audio_s)
            async with aclosing(hearing):
                desk.job = hearing.job
                yield Listening("Reading the recording", model=worker.name)
                await hearing.begin()
                async with aclosing(_followed(hearing, worker)) as following:
                    async for state in following:
                        yield state


def _check(desk: Desk) -> None:
    if desk.job is not None:
        desk.job.check()


async def _followed(hearing: Hearing, worker: Worker[Transcriber]) -> AsyncGenerator[Listening]:
    state = Listening("Listening", 0.0, hearing.seconds, model=worker.name)
    yield state
    segments: list[Segment] = []
    told = 0.0
    async with aclosing(with_ticks(hearing.segments(), TICK_S)) as coming:
        async for segment in coming:
            if segment is not None:
                segments.append(segment)
            if monotonic() - told >= TICK_S:  # they come in bursts, and each time all is shown
                told = monotonic()
                state = replace(state, segments=tuple(segments))
                yield replace(state, share=share_of(state, hearing.job))
    state = replace(state, segments=tuple(segments))
    whole = hearing.whole(segments)
    name = None if whole.language is None else worker.model.name_of(whole.language)
    yield replace(state, note="Done", share=1.0, language=name, is_over=True)


def share_of(state: Listening, job: Job) -> float:
    """By the stretches that were heard, or by where the last words ended."""
    by_job = job.done / job.total if job.total else 0.0
    by_text = state.segments[-1].end_s / state.seconds if state.segments and state.seconds else 0.0
    return min(1.0, max(by_job, by_text))


def to_request(wish: HearWish, model: Transcriber) -> ListeningRequest:
    """RequestError where the model does not know the language, Unsupported where it cannot translate."""
    language = wish.language.strip()
    code = None if language in ("", FIND_OUT) else find_language(language, model)
    if not wish.translates:
        return ListeningRequest(language=code)
    if "translation" not in model.info.capabilities:
        raise Unsupported(f"The model {model.info.name} knows English only, and cannot translate.")
    return ListeningRequest("translate", language=code)


def language_names(model: Transcriber | None) -> list[str]:
    """For a list, FIND_OUT first. None: the model is not loaded."""
    if model is None:
        return [FIND_OUT, *COMMON_LANGUAGES]
    codes = set(model.languages.values())
    return [FIND_OUT, *sorted(model.name_of(code).capitalize() for code in codes)]
