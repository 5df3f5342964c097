"""/v1/audio/transcriptions and translations on a real server, by the official client."""

import asyncio
import json
import os
import re
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openai
import pytest
from openai.types.audio import (
    Transcription,
    TranscriptionTextDeltaEvent,
    TranscriptionTextDoneEvent,
    TranscriptionVerbose,
    Translation,
    TranslationVerbose,
)

from tests.live.launch import Server, eventually
from tests.live.wire import error_of, events_of
from tests.voices import RATE, Espeak, Utterance, encoded, silence, utterances, word_errors

TRANSCRIPTIONS = "/v1/audio/transcriptions"
TRANSLATIONS = "/v1/audio/translations"
MODEL = "tiny-whisper.pt"


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as made:
        yield made


@pytest.fixture
async def async_client(server: Server) -> AsyncIterator[openai.AsyncOpenAI]:
    url = f"{server.url}/v1"
    async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as made:
        yield made


@pytest.fixture(scope="module")
def espeak() -> Espeak:
    return Espeak()


@pytest.fixture(scope="module")
def english(espeak: Espeak) -> list[Utterance]:
    return utterances(espeak, "en", 10)


@pytest.fixture(scope="module")
def german(espeak: Espeak) -> Utterance:
    return utterances(espeak, "de", 1)[0]


@pytest.fixture(scope="module")
def hello(english: list[Utterance]) -> bytes:
    return encoded(english[0].samples)


def text_of(utterance: Utterance) -> str:
    return " ".join(utterance.words)


def in_a_row(spoken: list[Utterance], pause_s: float = 6.0) -> bytes:
    return encoded(np.concatenate([p for each in spoken for p in (each.samples, silence(pause_s))]))


def post(
    http: httpx.Client, file: bytes, url: str = TRANSCRIPTIONS, **fields: Any
) -> httpx.Response:
    """As curl does: all fields are texts."""
    return http.post(url, files={"file": ("speech.wav", file)}, data=fields)


def audio(data: bytes, name: str = "speech.wav") -> tuple[str, bytes]:
    return (name, data)


def test_speech_becomes_text(client: openai.OpenAI, english: list[Utterance]) -> None:
    errors = 0
    for each in english:
        file = audio(encoded(each.samples))
        heard = client.audio.transcriptions.create(model="whisper-1", file=file)
        assert isinstance(heard, Transcription)
        assert heard.usage is not None
        assert heard.usage.type == "duration"
        assert heard.usage.seconds == pytest.approx(len(each.samples) / RATE)
        errors += word_errors(each.words, heard.text.split())
    assert errors <= 4, "of some 40 words"


@pytest.mark.anyio
async def test_the_asynchronous_client_works_as_well(
    async_client: openai.AsyncOpenAI, english: list[Utterance]
) -> None:
    files = [audio(encoded(each.samples)) for each in english[:4]]
    create = async_client.audio.transcriptions.create
    heard = await asyncio.gather(*[create(model="whisper-1", file=file) for file in files])
    assert [each.text for each in heard] == [text_of(each) for each in english[:4]]


@pytest.mark.parametrize(
    ("name", "container", "codec", "rate"),
    [
        ("a.mp3", "mp3", "libmp3lame", 44_100),
        ("a.m4a", "ipod", "aac", 44_100),
        ("a.mp4", "mp4", "aac", 48_000),
        ("a.ogg", "ogg", "libopus", 48_000),
        ("a.webm", "webm", "libopus", 48_000),
        ("a.flac", "flac", "flac", 44_100),
        ("a.aac", "adts", "aac", 44_100),
        ("no-ending", "wav", "pcm_s16le", 22_050),
        ("wrong.txt", "flac", "flac", 16_000),
    ],
)
def test_every_common_file_is_heard(
    client: openai.OpenAI, german: Utterance, name: str, container: str, codec: str, rate: int
) -> None:
    file = audio(encoded(german.samples, container, codec, rate), name)
    heard = client.audio.transcriptions.create(model="whisper-1", file=file, language="de")
    assert heard.text.lower() == text_of(german)


def test_a_file_on_the_disk_is_heard_as_the_old_document_does(
    client: openai.OpenAI, hello: bytes, english: list[Utterance], tmp_path: Path
) -> None:
    path = tmp_path / "audio.wav"
    path.write_bytes(hello)
    with path.open("rb") as file:
        heard = client.audio.transcriptions.create(model="whisper-1", file=file)
    assert heard.text == text_of(english[0])


def test_verbose_answers_have_segments(client: openai.OpenAI, german: Utterance) -> None:
    heard = client.audio.transcriptions.create(
        model="whisper-1", file=audio(encoded(german.samples)), response_format="verbose_json"
    )
    assert type(heard) is TranscriptionVerbose
    TranscriptionVerbose.model_validate(heard.to_dict(), strict=True)
    assert heard.language == "german"
    assert heard.duration == pytest.approx(len(german.samples) / RATE)
    assert heard.to_dict()["task"] == "transcribe"
    assert heard.words is None
    assert heard.segments
    assert "".join(segment.text for segment in heard.segments).strip() == heard.text
    assert [segment.id for segment in heard.segments] == list(range(len(heard.segments)))
    assert 0 <= heard.segments[0].start < heard.segments[-1].end <= heard.duration
    assert heard.segments[0].avg_logprob < 0
    assert heard.segments[0].tokens


def test_words_come_with_times_when_they_are_asked_for(
    client: openai.OpenAI, http: httpx.Client, hello: bytes, english: list[Utterance]
) -> None:
    heard = client.audio.transcriptions.create(
        model="whisper-1",
        file=audio(hello),
        response_format="verbose_json",
        timestamp_granularities=["word"],
    )
    assert heard.words is not None
    assert tuple(word.word for word in heard.words) == english[0].words
    assert all(word.start <= word.end <= heard.duration for word in heard.words)
    assert heard.segments is None
    both = {"response_format": "verbose_json", "timestamp_granularities[]": ["word", "segment"]}
    body = post(http, hello, **both).json()
    assert body["words"]
    assert body["segments"]
    alone = post(http, hello, response_format="verbose_json", timestamp_granularities="word").json()
    assert "segments" not in alone


def test_text_is_text(client: openai.OpenAI, hello: bytes, english: list[Utterance]) -> None:
    raw = client.audio.transcriptions.with_raw_response.create(
        model="whisper-1", file=audio(hello), response_format="text"
    )
    assert raw.headers["content-type"] == "text/plain; charset=utf-8"
    assert raw.text == text_of(english[0]) + "\n"
    text = client.audio.transcriptions.create(
        model="whisper-1", file=audio(hello), response_format="text"
    )
    assert text == text_of(english[0]) + "\n"


CLOCK = r"(\d\d):(\d\d):(\d\d)[.,](\d{3})"


def seconds_of(mark: str) -> float:
    found = re.fullmatch(CLOCK, mark)
    assert found, mark
    hours, minutes, seconds, thousandths = map(int, found.groups())
    return hours * 3600 + minutes * 60 + seconds + thousandths / 1000


def test_subrip_can_be_parsed(client: openai.OpenAI, english: list[Utterance]) -> None:
    srt = client.audio.transcriptions.create(
        model="whisper-1", file=audio(in_a_row(english[:3], 12)), response_format="srt"
    )
    cues = [cue.split("\n") for cue in str(srt).strip().split("\n\n")]
    assert [cue[0] for cue in cues] == ["1", "2", "3"]
    assert [cue[2] for cue in cues] == [text_of(each) for each in english[:3]]
    times = [seconds_of(mark) for cue in cues for mark in cue[1].split(" --> ")]
    assert times == sorted(times)
    assert "," in cues[0][1]


def test_webvtt_can_be_parsed(client: openai.OpenAI, english: list[Utterance]) -> None:
    vtt = client.audio.transcriptions.create(
        model="whisper-1", file=audio(in_a_row(english[:3], 12)), response_format="vtt"
    )
    head, *cues = str(vtt).strip().split("\n\n")
    assert head == "WEBVTT"
    lines = [cue.split("\n") for cue in cues]
    assert [cue[1] for cue in lines] == [text_of(each) for each in english[:3]]
    times = [seconds_of(f"00:{mark}") for cue in lines for mark in cue[0].split(" --> ")]
    assert times == sorted(times)


def test_silence_is_an_empty_text_in_every_form(http: httpx.Client) -> None:
    file = encoded(silence(3))
    assert post(http, file).json()["text"] == ""
    assert post(http, file, response_format="text").text == "\n"
    assert post(http, file, response_format="srt").text == ""
    assert post(http, file, response_format="vtt").text == "WEBVTT\n\n"
    verbose = post(http, file, response_format="verbose_json").json()
    assert (verbose["text"], verbose["segments"], verbose["language"]) == ("", [], "unknown")
    assert [e["type"] for e in streamed(post(http, file, stream="true"))] == [
        "transcript.text.done"
    ]


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")  # so says the client of it
def test_another_language_becomes_english(
    client: openai.OpenAI, http: httpx.Client, german: Utterance
) -> None:
    file = encoded(german.samples)
    heard = client.audio.translations.create(model="whisper-1", file=audio(file))
    assert type(heard) is Translation
    assert heard.text == " ".join(german.in_english)
    assert heard.to_dict() == {"text": heard.text}
    verbose = client.audio.translations.create(
        model="whisper-1", file=audio(file), response_format="verbose_json"
    )
    assert type(verbose) is TranslationVerbose
    TranslationVerbose.model_validate(verbose.to_dict(), strict=True)
    assert verbose.language == "english"
    assert verbose.segments
    srt = post(http, file, TRANSLATIONS, response_format="srt").text
    assert " ".join(german.in_english) in srt


def streamed(response: httpx.Response) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/event-stream")
    *data, done = events_of(response.text)
    assert done == "[DONE]"
    return [json.loads(each) for each in data]


def test_a_stream_brings_each_passage_and_then_all(
    client: openai.OpenAI, english: list[Utterance]
) -> None:
    stream = client.audio.transcriptions.create(
        model="whisper-1", file=audio(in_a_row(english[:4])), stream=True
    )
    *deltas, done = list(stream)
    assert isinstance(done, TranscriptionTextDoneEvent)
    assert all(isinstance(event, TranscriptionTextDeltaEvent) for event in deltas)
    assert len(deltas) == 4
    assert "".join(event.delta for event in deltas) == done.text
    assert done.text == " ".join(text_of(each) for each in english[:4])
    assert done.usage is not None
    assert done.usage.total_tokens == done.usage.input_tokens + done.usage.output_tokens
    TranscriptionTextDoneEvent.model_validate(done.to_dict(), strict=True)


@pytest.mark.anyio
async def test_a_stream_says_what_the_whole_says(
    async_client: openai.AsyncOpenAI, english: list[Utterance]
) -> None:
    file = audio(in_a_row(english[4:8]))
    stream = await async_client.audio.transcriptions.create(model="m", file=file, stream=True)
    events = [event async for event in stream]
    whole = await async_client.audio.transcriptions.create(model="m", file=file)
    assert isinstance(events[-1], TranscriptionTextDoneEvent)
    assert events[-1].text == whole.text


def test_with_streaming_response_the_body_can_be_read_in_pieces(
    client: openai.OpenAI, hello: bytes, english: list[Utterance]
) -> None:
    with client.audio.transcriptions.with_streaming_response.create(
        model="whisper-1", file=audio(hello), response_format="text"
    ) as response:
        assert "".join(response.iter_text()).strip() == text_of(english[0])


@pytest.mark.parametrize("language", ["de", "DE", "German", "de-AT", "de_DE"])
def test_a_language_has_several_names(http: httpx.Client, german: Utterance, language: str) -> None:
    file = encoded(german.samples)
    body = post(http, file, language=language, response_format="verbose_json").json()
    assert (body["text"].lower(), body["language"]) == (text_of(german), "german")


@pytest.mark.parametrize(
    ("fields", "param", "words"),
    [
        ({"language": "klingon"}, "language", "99 languages"),
        ({"language": "x" * 5000}, "language", "…"),
        ({"response_format": "diarized_json"}, "response_format", "'verbose_json' or 'vtt'"),
        ({"response_format": "mp3"}, "response_format", "'json'"),
        ({"temperature": "1.5"}, "temperature", "less than or equal to 1"),
        ({"temperature": "-1"}, "temperature", "greater"),
        ({"temperature": "nan"}, "temperature", "finite"),
        ({"temperature": "warm"}, "temperature", "number"),
        ({"stream": "perhaps"}, "stream", "boolean"),
        ({"timestamp_granularities[]": "word"}, "timestamp_granularities", "verbose_json"),
        (
            {"timestamp_granularities[]": "letter", "response_format": "verbose_json"},
            "timestamp_granularities[0]",
            "'word' or 'segment'",
        ),
        ({"include[]": "speakers"}, "include[0]", "logprobs"),
        ({"stream": "true", "response_format": "srt"}, "response_format", "stream false"),
    ],
)
def test_what_is_wrong_is_named(
    http: httpx.Client, hello: bytes, fields: dict[str, str], param: str, words: str
) -> None:
    error = error_of(post(http, hello, **fields), 400)
    assert error["param"] == param
    assert words in error["message"]


def test_the_file_is_needed_once_and_as_a_file(http: httpx.Client, hello: bytes) -> None:
    part = ("a.wav", hello)
    assert error_of(http.post(TRANSCRIPTIONS, data={"model": "x"}), 415)
    assert error_of(http.post(TRANSCRIPTIONS, files={"sound": part}), 400)["param"] == "file"
    assert error_of(http.post(TRANSCRIPTIONS, json={"file": "x"}), 400)
    twice = http.post(TRANSCRIPTIONS, files=[("file", part), ("file", part)])
    assert "file" in error_of(twice, 400)["message"]


def test_fields_without_effect_are_named(client: openai.OpenAI, hello: bytes) -> None:
    raw = client.audio.transcriptions.with_raw_response.create(
        model="whisper-1",
        file=audio(hello),
        include=["logprobs"],
        chunking_strategy={"type": "server_vad", "threshold": 0.4},
        languages=["en", "de"],
        keywords=["Hearth"],
        known_speaker_names=["agent"],
        known_speaker_references=["data:audio/wav;base64,AA=="],
        extra_body={"vad_filter": "true"},
    )
    ignored = set(raw.headers["x-ignored-params"].split(", "))
    speakers = {"known_speaker_names", "known_speaker_references"}
    assert ignored == {
        *("include", "chunking_strategy", "languages", "keywords", "vad_filter"),
        *speakers,
    }
    plain = client.audio.transcriptions.with_raw_response.create(
        model="whisper-1", file=audio(hello), chunking_strategy="auto", prompt="", temperature=0
    )
    assert "x-ignored-params" not in plain.headers


@pytest.mark.parametrize(
    "name",
    ["whisper-1", "gpt-4o-transcribe", "tiny", "base", "../../etc/passwd", MODEL, "tiny-whisper"],
)
def test_names_that_are_not_installed_are_answered_by_the_default(
    http: httpx.Client, hello: bytes, english: list[Utterance], name: str
) -> None:
    assert post(http, hello, model=name).json()["text"] == text_of(english[0])
    kind = http.get("/v1/internal/media/transcription").json()
    assert [loaded["model_name"] for loaded in kind["loaded"]] == [MODEL]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x",
        b"no sound at all " * 1000,
        bytes(50_000),
        np.random.default_rng(0).bytes(2_000_000),
    ],
    ids=["empty", "byte", "text", "zeros", "noise"],
)
@pytest.mark.parametrize("stream", ["true", "false"])
def test_what_is_no_recording_is_refused(http: httpx.Client, data: bytes, stream: str) -> None:
    error = error_of(post(http, data, stream=stream), 400)
    assert (error["param"], error["code"]) == ("file", "invalid_audio")


def test_no_upload_makes_the_server_open_anything(
    http: httpx.Client, hello: bytes, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.wav"
    secret.write_bytes(hello)
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.setblocking(False)
        url = f"http://127.0.0.1:{trap.getsockname()[1]}/a.wav"
        for name in (str(secret), f"file://{secret}", url, url.replace("http", "rtsp")):
            playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{name}\n#EXT-X-ENDLIST\n"
            for text in (playlist, f"ffconcat version 1.0\nfile '{name}'\n", name):
                error = error_of(post(http, text.encode()), 400)
                assert error["code"] == "invalid_audio"
        sdp = b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n"
        assert error_of(post(http, sdp), 400)["code"] == "invalid_audio"
        with pytest.raises(BlockingIOError):
            trap.accept()


def jobs_of(http: httpx.Client) -> list[dict[str, Any]]:
    return http.get("/v1/internal/media/transcription").json()["jobs"]


def metric(http: httpx.Client, name: str) -> float:
    found = re.search(rf'^{name}{{kind="transcription"}} (\S+)$', http.get("/metrics").text, re.M)
    assert found
    return float(found[1])


def open_files(server: Server) -> set[str]:
    """Those on the disk: uploads are files without a name."""
    names: set[str] = set()
    for link in Path(f"/proc/{server.process.pid}/fd").iterdir():
        try:
            names.add(str(link.readlink()))
        except FileNotFoundError:
            continue
    return {name for name in names if name.endswith("(deleted)")}


@pytest.fixture(scope="module")
def lecture(english: list[Utterance]) -> bytes:
    """Long enough to be left in the middle: 80 windows."""
    return in_a_row(english * 8)


@pytest.mark.anyio
@pytest.mark.parametrize("stream", ["true", "false"])
async def test_a_client_that_leaves_takes_all_with_it(
    server: Server, http: httpx.Client, lecture: bytes, hello: bytes, stream: str
) -> None:
    post(http, hello)
    before = open_files(server)
    units = metric(http, "hearth_media_units_total")
    async with httpx.AsyncClient(base_url=server.url, timeout=60) as client:
        files = {"file": ("speech.wav", lecture)}
        work = asyncio.ensure_future(
            client.post(TRANSCRIPTIONS, files=files, data={"stream": stream})
        )
        await asyncio.to_thread(eventually, lambda: any(job["done"] > 1 for job in jobs_of(http)))
        (job,) = jobs_of(http)
        assert job["running"]
        assert job["total"] >= 80
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        await asyncio.to_thread(eventually, lambda: not jobs_of(http))
    eventually(lambda: open_files(server) <= before)
    assert metric(http, "hearth_media_units_total") == units, "it was not done"
    assert post(http, hello).status_code == 200


def test_a_job_can_be_stopped_by_its_id(server: Server, http: httpx.Client, lecture: bytes) -> None:
    answers: list[httpx.Response] = []
    with server.client(timeout=60) as client:
        work = threading.Thread(target=lambda: answers.append(post(client, lecture)))
        work.start()
        (job,) = eventually(lambda: [job for job in jobs_of(http) if job["running"]])
        stopped = http.post("/v1/internal/stop-generation", json={"id": job["id"]})
        assert stopped.json() == {"stopped": 1}
        work.join(30)
    assert error_of(answers[0], 409)["code"] == "cancelled"


def test_a_stopped_stream_ends_with_an_error(
    server: Server, http: httpx.Client, lecture: bytes
) -> None:
    fields = {"stream": "true"}
    files = {"file": ("speech.wav", lecture)}
    with (
        server.client(timeout=60) as client,
        client.stream("POST", TRANSCRIPTIONS, files=files, data=fields) as response,
    ):
        id_ = response.headers["x-request-id"]
        assert [job["id"] for job in jobs_of(http)] == [id_]
        lines = response.iter_lines()
        assert "transcript.text.delta" in next(lines)
        http.post("/v1/internal/stop-generation", json={"id": id_})
        *_, last = [line for line in lines if line.startswith("data: ")]
    assert json.loads(last.removeprefix("data: "))["error"]["code"] == "cancelled"


def _as_many_jobs(http: httpx.Client, count: int) -> list[dict[str, Any]]:
    """Empty until there are so many, and the first of them runs."""
    jobs = jobs_of(http)
    return jobs if len(jobs) == count and jobs[0]["running"] else []


def test_requests_are_answered_in_their_order(
    server: Server, http: httpx.Client, english: list[Utterance], lecture: bytes
) -> None:
    answers: dict[int, str] = {}

    def ask(index: int) -> None:
        with server.client(timeout=120) as client:
            file = lecture if index == 0 else encoded(english[index].samples)
            answers[index] = post(client, file).json()["text"]

    threads: list[threading.Thread] = []
    ids: list[str] = []
    for index in range(4):
        threads.append(threading.Thread(target=ask, args=(index,)))
        threads[-1].start()
        jobs = eventually(lambda count=index + 1: _as_many_jobs(http, count))
        ids.append(jobs[-1]["id"])
        assert [job["id"] for job in jobs] == ids
        assert [job["running"] for job in jobs] == [True, *[False] * index]
    for thread in threads:
        thread.join(120)
    said = [text_of(each) for each in english]
    assert [answers[index] for index in (1, 2, 3)] == said[1:4]
    assert word_errors(tuple(" ".join(said * 8).split()), answers[0].split()) < 40
    assert metric(http, "hearth_media_running") == metric(http, "hearth_media_waiting") == 0


def test_seconds_of_audio_are_counted(http: httpx.Client, hello: bytes) -> None:
    before = metric(http, "hearth_media_units_total")
    seconds = post(http, hello).json()["usage"]["seconds"]
    post(http, hello, stream="true")
    assert metric(http, "hearth_media_units_total") == pytest.approx(before + 2 * seconds)


def test_limits_and_strictness_are_those_of_the_settings(
    launch: Any, english: list[Utterance]
) -> None:
    server = launch(
        "--max-audio-s", "3", "--strict-params", "--strict-models", "--max-upload-mb", "1"
    )
    short, long = (encoded(np.resize(english[0].samples, n * RATE)) for n in (2, 4))
    packed = encoded(silence(900), "flac", "flac", RATE)
    with server.client() as client:
        assert post(client, short).status_code == 200
        for file in (long, packed):
            error = error_of(post(client, file), 400)
            assert (error["code"], error["param"]) == ("audio_too_long", "file")
            assert "3 seconds" in error["message"]
        assert error_of(post(client, short, vad_filter="true"), 400)["param"] == "vad_filter"
        assert error_of(post(client, short, include="logprobs"), 400)["param"] == "include"
        assert error_of(post(client, short, model="whisper-1"), 404)["code"] == "model_not_found"
        assert error_of(post(client, bytes(2**20 + 1)), 413)


def test_a_model_that_cannot_be_fetched_is_an_error_that_says_so(launch: Any, hello: bytes) -> None:
    """The proxy refuses all connections: as good as no network."""
    env = dict.fromkeys(("http_proxy", "https_proxy", "HTTPS_PROXY"), "http://127.0.0.1:9")
    server = launch("--whisper-model", "base.en", "--model", "none", is_ready=False, env=env)
    with server.client() as client:
        error = error_of(post(client, hello), 500)
        assert error["code"] == "model_load_failed"
        assert "base.en.pt is not in" in error["message"]
        assert "--whisper-model" in error["message"]
        again = post(client, hello)
        assert error_of(again, 503)["message"]
        assert again.headers["retry-after"]
        assert post(client, hello, model=MODEL).status_code == 200, "another is still there"
    assert list((server.user_data / "whisper_models").iterdir()) == []


def test_a_model_of_ones_own_is_the_default(launch: Any, hello: bytes, tmp_path: Path) -> None:
    broken = tmp_path / "broken.pt"
    broken.write_bytes(b"no weights")
    server = launch("--whisper-model", str(broken), "--model", "none", is_ready=False)
    with server.client() as client:
        error = error_of(post(client, hello), 500)
        assert "broken.pt is no checkpoint of Whisper" in error["message"]
        health = client.get("/health").json()
        assert health["status"] == "ok"


def test_junk_in_the_folder_neither_takes_the_default_nor_the_loaded_model_away(
    launch: Any, hello: bytes
) -> None:
    server = launch("--model", "none", is_ready=False)
    with server.client() as client:
        folder = server.user_data / "whisper_models"
        folder.mkdir(exist_ok=True)
        (folder / "broken.pt").write_bytes(b"no weights")
        os.utime(folder / "broken.pt", (0, 0))
        assert post(client, hello).json()["text"]
        load = "/v1/internal/media/transcription/load"
        for answer in (
            post(client, hello, model="broken"),
            client.post(load, json={"model_name": "broken.pt"}),
        ):
            assert "broken.pt is no checkpoint of Whisper" in error_of(answer, 500)["message"]
            state = client.get("/v1/internal/media/transcription").json()
            assert [each["model_name"] for each in state["loaded"]] == [MODEL]
        assert post(client, hello).json()["text"]
