"""/v1/audio/speech on a real server: what it says is decoded, measured, and understood by the bundled Whisper."""

import asyncio
import base64
import io
import json
import os
import signal
import wave
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openai
import pytest

from tests.contract.voice_models import add_kokoro, add_piper
from tests.live.launch import Server, eventually, running
from tests.live.sound import PCM_RATE, Listener, Sound, decoded, from_pcm
from tests.live.wire import error_of, events_of

WORDS = "hello world red cat"
MEDIA_TYPES = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
OPENAI_VOICES = [
    "alloy",
    "ash",
    "ballad",
    "coral",
    "echo",
    "fable",
    "nova",
    "onyx",
    "sage",
    "shimmer",
    "verse",
    "marin",
    "cedar",
]
LONG = {"input": "The quick brown fox jumps over the lazy dog. " * 90, "speed": 0.25}
"""About twenty minutes: it takes seconds to encode."""


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
def listener() -> Listener:
    return Listener()


def speak(http: httpx.Client, text: str = WORDS, **fields: Any) -> httpx.Response:
    return http.post("/v1/audio/speech", json={"input": text} | fields)


def sound_of(http: httpx.Client, text: str = WORDS, **fields: Any) -> Sound:
    response = speak(http, text, **{"response_format": "pcm"} | fields)
    assert response.status_code == 200, response.text
    return from_pcm(response.content)


def jobs_of(http: httpx.Client) -> list[dict[str, Any]]:
    return http.get("/v1/internal/media/speech").json()["jobs"]


# What is heard


@pytest.mark.parametrize("name", MEDIA_TYPES)
def test_every_format_can_be_decoded_and_understood(
    name: str, client: openai.OpenAI, listener: Listener
) -> None:
    response = client.audio.speech.create(
        model="tts-1", input=WORDS, voice="echo", response_format=name
    )
    assert response.response.headers["content-type"] == MEDIA_TYPES[name]
    sound = from_pcm(response.content) if name == "pcm" else decoded(response.content)
    assert sound.rate == (48_000 if name == "opus" else PCM_RATE)  # Opus always decodes to 48 kHz
    assert 1.2 < sound.seconds < 2.2
    assert listener.hear(sound) == WORDS


def test_without_a_format_it_is_mp3(http: httpx.Client) -> None:
    response = speak(http)
    assert response.headers["content-type"] == "audio/mpeg"
    assert response.headers["transfer-encoding"] == "chunked"
    assert 1.2 < decoded(response.content).seconds < 2.2


@pytest.mark.parametrize("name", ["mp3", "opus", "aac", "flac", "wav"])
def test_all_formats_last_as_long_as_the_samples(name: str, http: httpx.Client) -> None:
    text = "This is a somewhat longer sentence, and then there is a second one. Here it is."
    samples = sound_of(http, text)
    sound = decoded(speak(http, text, response_format=name).content)
    assert (
        abs(sound.seconds - samples.seconds) < 0.12
    )  # MP3 and AAC begin with silence of the codec


@pytest.mark.parametrize("speed", [0.25, 0.5, 2, 4.0])
def test_speed_changes_the_tempo_and_not_the_pitch(speed: float, http: httpx.Client) -> None:
    text = "The quick brown fox jumps over the lazy dog, and then it sleeps under the old tree."
    normal, other = sound_of(http, text), sound_of(http, text, speed=speed)
    assert other.seconds * speed == pytest.approx(normal.seconds, rel=0.12)
    assert other.pitch == pytest.approx(normal.pitch, rel=0.12)


def test_the_names_of_openai_are_voices_that_differ(http: httpx.Client) -> None:
    """Also in one language. A voice has some noise in it, so that it is not quite like itself either."""

    def timbres() -> list[Any]:
        return [sound_of(http, voice=name, language="en-us").timbre for name in OPENAI_VOICES]

    def difference(one: Any, other: Any) -> float:
        return float(np.abs(one - other).mean())

    once, again = timbres(), timbres()
    same = max(map(difference, once, again))
    for place, timbre in enumerate(once):
        for other in once[:place]:
            assert difference(timbre, other) > 1.5 * same


def test_women_and_men_differ_in_pitch(http: httpx.Client) -> None:
    text = "The quick brown fox jumps over the lazy dog."
    for female, male in (("nova", "onyx"), ("shimmer", "echo"), ("de+f2", "de+m1")):
        pitches = [sound_of(http, text, voice=name).pitch for name in (female, male)]
        assert pitches[0] > 1.4 * pitches[1]


@pytest.mark.parametrize(
    ("language", "text"),
    [("de", "hallo welt hund katze"), ("fr", "bonjour monde chien chat")],
)
def test_the_language_decides_how_a_text_is_read(
    language: str, text: str, http: httpx.Client, listener: Listener
) -> None:
    spoken = sound_of(http, text, voice="echo", language=language)
    assert listener.hear(spoken, language) == text
    as_voice = sound_of(http, text, voice=f"{language}+m1")
    assert listener.hear(as_voice, language) == text
    assert listener.hear(sound_of(http, text, voice="echo"), language) != text


def test_a_language_does_not_change_the_accent_of_a_voice_that_speaks_it(
    http: httpx.Client,
) -> None:
    plain, named, british = (
        sound_of(http, voice="echo", **fields)
        for fields in ({}, {"language": "en"}, {"language": "en-GB"})
    )
    assert named.seconds == pytest.approx(plain.seconds, abs=0.01)
    assert british.seconds != pytest.approx(plain.seconds, abs=0.01)


# Clients


@pytest.mark.anyio
async def test_the_async_client_gets_the_whole_file(async_client: openai.AsyncOpenAI) -> None:
    response = await async_client.audio.speech.create(
        model="gpt-4o-mini-tts", input=WORDS, voice={"id": "en-gb+f3"}, response_format="flac"
    )
    assert 1.2 < decoded(response.content).seconds < 2.2


def test_bytes_arrive_before_the_end(client: openai.OpenAI, http: httpx.Client) -> None:
    with client.audio.speech.with_streaming_response.create(
        model="tts-1", voice="nova", **LONG
    ) as response:
        parts = response.iter_bytes()  # kept: the stream is closed with its iterator
        first = next(parts)
        (job,) = jobs_of(http)
        assert job["id"] == response.headers["x-request-id"]
        assert job["running"]
        assert 0 <= job["done"] < job["total"] == len(LONG["input"])
    assert decoded(first).seconds > 0.05
    eventually(lambda: not jobs_of(http))


@pytest.mark.anyio
async def test_the_async_client_streams_a_whole_file(async_client: openai.AsyncOpenAI) -> None:
    text = "One sentence is said. Then there is another one. " * 10
    async with async_client.audio.speech.with_streaming_response.create(
        model="tts-1", input=text, voice="ash", response_format="opus"
    ) as response:
        parts = [part async for part in response.iter_bytes()]
    assert len(parts) > 1
    assert 30 < decoded(b"".join(parts)).seconds < 60


@pytest.mark.parametrize("name", MEDIA_TYPES)
def test_events_carry_the_file_in_pieces(name: str, client: openai.OpenAI) -> None:
    text = "One sentence is said. Then there is another one."
    response = client.audio.speech.create(
        model="tts-1", input=text, voice="sage", stream_format="sse", response_format=name
    )
    assert response.response.headers["content-type"].startswith("text/event-stream")
    *events, done = events_of(response.text)
    *deltas, end = map(json.loads, events)
    assert done == "[DONE]"
    assert {delta["type"] for delta in deltas} == {"speech.audio.delta"}
    data = b"".join(base64.b64decode(delta["audio"], validate=True) for delta in deltas)
    sound = from_pcm(data) if name == "pcm" else decoded(data)
    assert 2.5 < sound.seconds < 4
    assert end["type"] == "speech.audio.done"
    usage = end["usage"]
    assert usage["input_tokens"] == len(text)
    assert usage["output_tokens"] == pytest.approx(50 * sound.seconds, abs=6)
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


def test_a_wav_file_says_how_long_it_is(http: httpx.Client) -> None:
    response = speak(http, response_format="wav", stream=False)
    assert int(response.headers["content-length"]) == len(response.content)
    with wave.open(io.BytesIO(response.content)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, PCM_RATE)
        assert 44 + 2 * file.getnframes() == len(response.content)


def test_a_wav_file_that_takes_long_has_the_largest_length(http: httpx.Client) -> None:
    fields = LONG | {"response_format": "wav"}
    with http.stream("POST", "/v1/audio/speech", json=fields) as response:
        head = next(response.iter_raw())[:44]
    assert "content-length" not in response.headers
    assert head[:4] == b"RIFF"
    assert head[4:8] == head[40:44] == b"\xff" * 4
    eventually(lambda: not jobs_of(http))


def test_what_is_not_streamed_has_a_length(http: httpx.Client) -> None:
    response = speak(http, stream=False)
    assert int(response.headers["content-length"]) == len(response.content)
    assert 1.2 < decoded(response.content).seconds < 2.2


def test_twenty_at_once_each_get_their_own(server: Server, http: httpx.Client) -> None:
    numbers = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    bodies = [
        {
            "input": f"{number} little houses. " * (1 + place // 5),
            "voice": OPENAI_VOICES[(place + shift) % 13],
            "response_format": "flac",
            "stream": place % 3 > 0,
        }
        for shift in (0, 7)
        for place, number in enumerate(numbers)
    ]

    async def ask_all() -> list[bytes]:
        async with httpx.AsyncClient(base_url=server.url, timeout=60, trust_env=False) as client:
            asked = [client.post("/v1/audio/speech", json=body) for body in bodies]
            return [response.content for response in await asyncio.gather(*asked)]

    together = [decoded(data) for data in asyncio.run(ask_all())]
    alone = [sound_of(http, body["input"], voice=body["voice"]) for body in bodies]
    for place, sound in enumerate(together):
        assert sound.seconds == pytest.approx(alone[place].seconds, abs=0.02)
        unlike = [float(np.abs(sound.timbre - other.timbre).mean()) for other in alone]
        assert unlike.index(min(unlike)) == place


# What is refused


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": ""}, "input"),
        ({"input": " \n\t\u3000"}, "input"),
        ({"input": "\x00\x01\x02"}, "input"),
        ({"input": "\ufffd\ufffd"}, "input"),
        ({"input": None}, "input"),
        ({"input": ["a"]}, "input"),
        ({"input": "x" * 4097}, "input"),
        ({"voice": "nobody"}, "voice"),
        ({"voice": ""}, "voice"),
        ({"voice": "../../etc/passwd"}, "voice"),
        ({"voice": "de+../../lang/gmw/en"}, "voice"),
        ({"voice": "de+"}, "voice"),
        ({"voice": "+f3"}, "voice"),
        ({"voice": {"id": 5}}, "voice"),
        ({"voice": {"name": "alloy"}}, "voice"),
        ({"voice": ["alloy"]}, "voice"),
        ({"voice": "a" * 10_000}, "voice"),
        ({"language": "xx"}, "language"),
        ({"language": "english please"}, "language"),
        ({"language": 3}, "language"),
        ({"speed": 0.24}, "speed"),
        ({"speed": 4.01}, "speed"),
        ({"speed": "1"}, "speed"),
        ({"speed": True}, "speed"),
        ({"response_format": "ogg"}, "response_format"),
        ({"stream_format": "json"}, "stream_format"),
        ({"stream": "yes"}, "stream"),
        ({"model": 7}, "model"),
        ({"instructions": {}}, "instructions"),
    ],
)
def test_wrong_fields_are_named(fields: dict[str, Any], param: str, http: httpx.Client) -> None:
    error = error_of(http.post("/v1/audio/speech", json={"input": WORDS} | fields), 400)
    assert error["param"] == param
    assert len(error["message"]) < 500


@pytest.mark.parametrize(
    "body",
    [
        b'{"input": "a", "speed": NaN}',
        b'{"input": "a", "speed": 1e999}',
        b'{"input": "half \\ud800"}',
        b'{"input": "a", "voice": "\\udfff"}',
        b'{"voice": "alloy"}',
        b"[]",
        b"nothing",
    ],
)
def test_bodies_that_make_no_sense_are_refused(body: bytes, http: httpx.Client) -> None:
    json_type = {"content-type": "application/json"}
    error_of(http.post("/v1/audio/speech", content=body, headers=json_type), 400)


def test_a_text_that_is_too_long_is_refused_with_both_numbers(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="5000 characters; at most 4096"):
        client.audio.speech.create(model="tts-1", input="x" * 5000, voice="alloy")


def test_an_unknown_voice_is_told_where_they_are_listed(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="GET /v1/audio/voices") as raised:
        client.audio.speech.create(model="tts-1", input="a", voice="nobody")
    assert raised.value.code == "voice_not_found"


def test_nulls_are_as_good_as_nothing(http: httpx.Client) -> None:
    names = [
        "model",
        "voice",
        "instructions",
        "response_format",
        "speed",
        "stream_format",
        "language",
        "stream",
    ]
    response = speak(http, **dict.fromkeys(names))
    assert response.status_code == 200
    assert response.headers["content-type"] == "audio/mpeg"
    assert "x-ignored-params" not in response.headers


def test_fields_without_effect_are_named(http: httpx.Client) -> None:
    response = speak(http, instructions="Whisper.", seed=3, user="me")
    assert response.headers["x-ignored-params"] == "instructions, seed"


@pytest.mark.parametrize(
    "text",
    [
        "😀" * 4096,
        "a" * 4096,
        "1" * 300,
        "\u202eabc\u2066 שלום עולם مرحبا",
        "hello\x00\x07\x1b[31m world\x0199S",
        "日本語のテキスト。𠀀𠀁",
        "Zalgo z̸͍̓a̶̘͝l̶̹̿g̵̨̾o̶̙͝",
        "<speak><break time='60s'/><audio src='/etc/passwd'>x</audio></speak>",
        "<voice name='de'>hello</voice> &lt;b&gt; &amp; &#0;",
        "[[h@'loU]] there",
        "\ufeff\u200b\u200d\ue000\uffff\U0010ffff word",
        ("\n" * 500) + ("." * 500) + "!?" * 200,
        "\U00010042\U0001f6bc Hallo 🤠",
    ],
)
def test_strange_texts_are_spoken_or_refused_and_do_no_harm(text: str, http: httpx.Client) -> None:
    for language in ("en-us", "de"):
        response = speak(http, text, language=language, response_format="pcm", speed=4)
        if response.status_code == 200:
            assert from_pcm(response.content).seconds < 600
        else:
            assert error_of(response, 400)["param"] == "input"
    assert not sound_of(http).is_silent


def test_markup_means_nothing(http: httpx.Client) -> None:
    assert sound_of(http, "a <break time='60s'/> b").seconds < 20
    spelled = sound_of(http, "[[h@'loU]]")
    assert spelled.seconds > 1.5 * sound_of(http, "hello").seconds  # read out, not followed


def test_commands_of_the_engine_mean_nothing(http: httpx.Client) -> None:
    """Ctrl-A begins one: this would make it five times as fast."""
    text = "the quick brown fox jumps over the lazy dog"
    assert sound_of(http, f"\x01400S {text}").seconds > sound_of(http, text).seconds


# What is left behind


def open_files(server: Server) -> int:
    return len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))


def test_a_client_that_leaves_stops_the_speech_and_leaves_nothing_behind(
    server: Server, http: httpx.Client
) -> None:
    speak(http)
    files = open_files(server)
    with server.client() as leaving, pytest.raises(httpx.TimeoutException):
        leaving.post("/v1/audio/speech", json=LONG | {"stream": False}, timeout=0.2)
    for fields in ({}, {"response_format": "wav"}, {"stream_format": "sse"}):
        for takes_some in (False, True):
            with (
                server.client() as leaving,
                leaving.stream("POST", "/v1/audio/speech", json=LONG | fields) as response,
            ):
                if takes_some:
                    next(response.iter_raw())
    eventually(lambda: not jobs_of(http))
    eventually(lambda: http.get("/v1/internal/media/speech").json()["loaded"][0]["in_use"] == 0)
    eventually(lambda: open_files(server) <= files)
    assert not sound_of(http).is_silent


def test_speech_can_be_stopped_by_its_id(http: httpx.Client) -> None:
    with http.stream("POST", "/v1/audio/speech", json=LONG) as response:
        parts = response.iter_raw()
        next(parts)
        stopped = http.post(
            "/v1/internal/stop-generation", json={"id": response.headers["x-request-id"]}
        )
        assert stopped.json() == {"stopped": 1}
        with pytest.raises(httpx.RemoteProtocolError):  # a part must not look like the whole
            list(parts)
    assert not jobs_of(http)


def test_stopped_events_end_with_an_error(http: httpx.Client) -> None:
    with http.stream("POST", "/v1/audio/speech", json=LONG | {"stream_format": "sse"}) as response:
        lines = response.iter_lines()
        next(lines)
        http.post("/v1/internal/stop-generation", json={"id": response.headers["x-request-id"]})
        *_, last = (line for line in lines if line.startswith("data: "))
    assert json.loads(last.removeprefix("data: "))["error"]["code"] == "cancelled"


def test_characters_are_counted(http: httpx.Client) -> None:
    def units() -> float:
        text = http.get("/metrics").text
        (line,) = (
            each
            for each in text.splitlines()
            if each.startswith('hearth_media_units_total{kind="speech"}')
        )
        return float(line.split()[-1])

    before = units()
    speak(http, "exactly twenty chars")
    assert units() == before + 20


def test_when_the_process_that_speaks_dies_the_next_request_is_answered(
    server: Server, http: httpx.Client
) -> None:
    speak(http)
    (child,) = children_of(server.process.pid)
    os.kill(child, signal.SIGKILL)
    assert not sound_of(http).is_silent
    (other,) = children_of(server.process.pid)
    assert other != child


def children_of(pid: int) -> list[int]:
    """Processes that speak."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            if b"speaker_process" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.append(int(child))
    return found


# Voices and models


def test_every_listed_voice_speaks(http: httpx.Client) -> None:
    listed = http.get("/v1/audio/voices").json()
    assert listed["object"] == "list"
    assert [voice["id"] for voice in listed["data"][:13]] == OPENAI_VOICES
    assert len({voice["id"] for voice in listed["data"]}) == len(listed["data"]) > 130
    for voice in listed["data"]:
        assert set(voice) == {"id", "object", "name", "language", "gender", "model"}
        assert voice["gender"] in ("male", "female")
        assert not sound_of(http, "1 2 3 ᎣᏏᏲ", voice=voice["id"]).is_silent, voice


def test_the_lists_have_the_shapes_that_open_webui_reads(http: httpx.Client) -> None:
    voices = http.get("/v1/audio/voices").json()["voices"]
    by_id = {voice["id"]: voice["name"] for voice in voices}
    assert by_id["alloy"] == "Alloy (English (America), f4)"
    models = http.get("/v1/audio/models").json()["models"]
    assert models == [{"id": "espeak-ng", "name": "espeak-ng"}]


def test_the_model_is_listed_with_the_others(http: httpx.Client) -> None:
    speak(http)
    (model,) = (m for m in http.get("/v1/models").json()["data"] if m["id"] == "espeak-ng")
    assert model["meta"]["loaded"]
    assert "speech" in model["meta"]["capabilities"]


def test_limits_and_strictness_are_settings(launch: Callable[..., Server]) -> None:
    server = launch("--strict-models", "--strict-params", "--max-speech-chars", "30")
    with server.client() as http:
        error = error_of(speak(http, "x" * 31), 400)
        assert "31 characters" in error["message"]
        assert "at most 30" in error["message"]
        assert error_of(speak(http, model="tts-1"), 404)["code"] == "model_not_found"
        assert error_of(speak(http, instructions="x"), 400)["param"] == "instructions"
        events = {"stream": False, "stream_format": "sse"}
        assert error_of(speak(http, **events), 400)["param"] == "stream"
        assert speak(http, model="espeak-ng").status_code == 200


# Voices of the user's


@pytest.fixture(scope="module")
def with_voices(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A Piper voice of three speakers, which is the default as the first of the user's, and Kokoro in a folder."""
    with running(tmp_path_factory.mktemp("voices")) as server, server.client() as http:
        folder = server.user_data / "speech_models"
        speakers = {"anna": 0, "ben": 1, "carla": 2}
        add_piper(
            folder,
            "de_DE-three-low",
            num_speakers=3,
            speaker_id_map=speakers,
            espeak={"voice": "de"},
        )
        add_kokoro(folder / "kokoro", "af_heart", "bm_fable", "ff_siwis")
        (folder / "unfit.onnx").write_bytes(b"nothing")
        (folder / "a_half.onnx").write_bytes(b"version")  # is not taken for the default
        for path in folder.rglob("*"):
            os.utime(path, (0, 0))
        yield http


def peak_hz(sound: Sound) -> float:
    """The loudest tone; the voices of these tests are tones."""
    return float(np.abs(np.fft.rfft(sound.samples)).argmax() * sound.rate / len(sound.samples))


def test_a_piper_voice_of_the_users_is_the_default(with_voices: httpx.Client) -> None:
    data = with_voices.get("/v1/audio/voices").json()["data"]
    assert [voice["id"] for voice in data] == ["anna", "ben", "carla"]
    assert {voice["language"] for voice in data} == {"de"}
    peaks = [
        peak_hz(sound_of(with_voices, "Hallo", voice=name)) for name in ("anna", "ben", "carla")
    ]
    assert peaks == pytest.approx([100, 200, 400], rel=0.02)
    spread = [peak_hz(sound_of(with_voices, "Hallo", voice=name)) for name in OPENAI_VOICES[:3]]
    assert sorted(spread) == pytest.approx([100, 200, 400], rel=0.02)


def test_piper_keeps_to_the_speed_and_says_that_it_has_one_language(
    with_voices: httpx.Client,
) -> None:
    lengths = [sound_of(with_voices, "Hallo Welt", speed=speed).seconds for speed in (0.5, 1, 4)]
    assert lengths == pytest.approx([2 * lengths[1], lengths[1], lengths[1] / 4], rel=0.02)
    assert speak(with_voices, language="de-AT").headers.get("x-ignored-params") is None
    assert speak(with_voices, language="fr").headers["x-ignored-params"] == "language"


def test_kokoro_is_loaded_by_its_name(with_voices: httpx.Client) -> None:
    model = "kokoro/kokoro-v1.0"
    found = with_voices.get("/v1/audio/voices", params={"model": model}).json()["data"]
    assert [voice["id"] for voice in found] == ["af_heart", "bm_fable", "ff_siwis"]
    assert {voice["model"] for voice in found} == {"kokoro/kokoro-v1.0.onnx"}
    normal = sound_of(with_voices, "hello hello", model=model)
    for speed in (0.25, 0.5, 2, 4):
        other = sound_of(with_voices, "hello hello", model=model, speed=speed)
        assert other.seconds * speed == pytest.approx(normal.seconds, rel=0.1)
    error = error_of(speak(with_voices, model=model, language="de"), 400)
    assert error["param"] == "language"
    assert speak(with_voices, model=model, language="fr").status_code == 200


def test_a_file_that_is_no_voice_says_so(with_voices: httpx.Client) -> None:
    response = speak(with_voices, model="unfit")
    error = error_of(response, response.status_code)
    assert error["code"] == "model_load_failed"
    assert "unfit.onnx.json" in error["message"]
    assert speak(with_voices).status_code == 200


def test_espeak_can_still_be_asked_for(with_voices: httpx.Client) -> None:
    assert not sound_of(with_voices, model="espeak-ng", voice="nova").is_silent
