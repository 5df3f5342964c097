"""What is asked of models that hear and speak, and how it is shown."""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from modules.core.errors import Conflict, RequestError, Unsupported
from modules.core.jobs import Job
from modules.core.speech import Voice
from modules.core.transcripts import Segment, Transcript
from modules.loaders.media_base import MediaInfo
from modules.ui.audio.markup import clock, facts, table
from modules.ui.audio.speaking import SpeakWish, speak, voice_choices
from modules.ui.audio.transcribing import (
    FIND_OUT,
    HearWish,
    Listening,
    _followed,
    language_names,
    share_of,
    to_request,
    transcribe,
)
from modules.ui.desk import Desk, desk_of

pytestmark = pytest.mark.anyio


class Model:
    languages = {"en": "en", "english": "en", "de": "de", "german": "de"}  # noqa: RUF012

    def __init__(self, *capabilities: str) -> None:
        self.info = MediaInfo("m", "fake", capabilities)

    def name_of(self, code: str) -> str:
        return {"en": "english", "de": "german"}[code]


def request(**wish: Any) -> Any:
    return to_request(HearWish(None, **wish), cast("Any", Model("translation")))


def segment(start: float, end: float, text: str) -> Segment:
    return Segment(start, end, text, (), 0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("language", "code"),
    [(FIND_OUT, None), ("", None), ("German", "de"), ("de", "de"), ("de-AT", "de")],
)
async def test_languages_are_known_by_name_and_code(language: str, code: str | None) -> None:
    assert request(language=language).language == code


async def test_what_the_model_cannot_is_said() -> None:
    with pytest.raises(RequestError, match="Klingon"):
        request(language="Klingon")
    with pytest.raises(Unsupported, match="translate"):
        to_request(HearWish(None, translates=True), cast("Any", Model()))
    assert request(translates=True).task == "translate"


async def test_languages_that_are_listed_are_understood() -> None:
    model = cast("Any", Model("translation"))
    assert language_names(model) == [FIND_OUT, "English", "German"]
    assert language_names(None)[0] == FIND_OUT
    for name in language_names(model):
        to_request(HearWish(None, language=name), model)


async def test_without_a_recording_nothing_is_loaded() -> None:
    with pytest.raises(RequestError, match="Record something"):
        await anext(transcribe(HearWish(None), cast("Any", None), Desk()))


@pytest.mark.parametrize(
    "wish", [SpeakWish(" \n"), SpeakWish("a", speed=9), SpeakWish("a", format="doc")]
)
async def test_what_cannot_be_spoken_is_said_before_anything_is_loaded(wish: SpeakWish) -> None:
    desk = Desk()
    with pytest.raises(RequestError):
        await anext(speak(wish, cast("Any", None), desk))
    assert desk.job is None


async def test_files_have_the_ending_that_players_know() -> None:
    assert SpeakWish("a", format="opus").file_name == "speech.ogg"
    assert SpeakWish("a", format="mp3").file_name == "speech.mp3"


async def test_progress_goes_by_stretches_and_by_words() -> None:
    job = Job(done=1, total=4)
    state = Listening("", seconds=100, segments=(segment(0, 80, " a"),))
    assert share_of(state, job) == 0.8
    assert share_of(Listening("", seconds=100), job) == 0.25
    assert share_of(Listening(""), Job()) == 0


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0:00.0"), (7.31, "0:07.3"), (59.96, "1:00.0"), (760, "12:40.0"), (3723.4, "1:02:03.4")],
)
async def test_clocks(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


async def test_segments_that_come_in_a_burst_are_shown_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("modules.ui.audio.transcribing.monotonic", lambda: 1000.0)
    heard = [segment(n, n + 1, f" {n}") for n in range(500)]

    async def segments() -> AsyncIterator[Segment]:
        for each in heard:
            yield each

    hearing: Any = SimpleNamespace(
        segments=segments,
        seconds=500.0,
        job=Job(),
        whole=lambda found: Transcript(500, "en", tuple(found)),
    )
    worker: Any = SimpleNamespace(name="m", model=Model())
    states = [state async for state in _followed(hearing, worker)]
    assert [len(state.segments) for state in states] == [0, 1, 500]
    assert states[-1].is_over
    assert states[-1].language == "english"


async def test_what_was_heard_is_text_and_not_markup() -> None:
    page = table([segment(0, 1.5, " <b>hi</b> {{x}}")])
    assert "&lt;b&gt;hi" in page
    assert "{{" not in page
    assert "0:01.5" in page
    assert table([]) == ""


async def test_facts_say_when_nothing_was_heard() -> None:
    assert "Nothing was heard" in facts(Listening("Done", model="m", is_over=True))
    state = Listening("Stopped", 0, 9.0, (segment(0, 1, " two words"),), "m", "german", True)
    assert "2 words" in facts(state)
    assert "German" in facts(state)
    assert "Stopped" in facts(state)


async def test_voices_tell_their_language_once() -> None:
    voices = [Voice("a", "Heart", "en-us", "female"), Voice("b", "Alloy (English, f4)", "en-us")]
    assert voice_choices(voices) == [("Heart (en-us, female)", "a"), ("Alloy (English, f4)", "b")]


async def test_a_page_does_one_thing_of_a_kind_at_a_time() -> None:
    parts: dict[str, Any] = {}
    desk, job = desk_of(parts, "x"), Job()
    assert desk_of(parts, "x") is desk
    assert desk_of(parts, "y") is not desk
    desk.take(job)
    with pytest.raises(Conflict):
        desk.take(Job())
    desk.stop()
    assert job.is_cancelled
    desk.clear()
    desk.take(Job())
