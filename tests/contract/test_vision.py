"""What a loader with eyes owes: pictures are seen, shared, cancelled and cached like text, beside the text of others."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gguf
import pytest

from modules.core.errors import LoadError, ModelError, RequestError, Unsupported
from modules.core.messages import Image
from modules.engine.engine import Engine, LocalEngine
from modules.loaders.base import Sequence, image_ids
from modules.loaders.pictures import ImageStore
from tests.contract.conftest import PATIENCE_S, STORY, build_request, complete, complete_one
from tests.contract.drawings import ask_about, draw_shape, drawn, look
from tests.contract.loaders import DEMO_MODELS, LoaderCase

pytestmark = pytest.mark.anyio
MODEL = DEMO_MODELS / "tiny-vision-Q8_0.gguf"
PROJECTOR = DEMO_MODELS / "tiny-vision-mmproj-F16.gguf"
CASE = LoaderCase("llamacpp", MODEL, {}, ())
SEEN = [
    ("red", "circle", "white"),
    ("blue", "square", "yellow"),
    ("green", "triangle", "black"),
    ("yellow", "diamond", "blue"),
]
See = Callable[..., Engine]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = LocalEngine(CASE.load(parallel=8))
    yield engine
    engine.close()


@pytest.fixture
def see() -> Iterator[See]:
    """see(**options): an engine of its own with the tiny vision model."""
    engines: list[Engine] = []

    def see(case: LoaderCase = CASE, **options: Any) -> Engine:
        engines.append(LocalEngine(case.load(**options)))
        return engines[-1]

    yield see
    for engine in engines:
        engine.close()


def sentence(colour: str, shape: str, background: str) -> str:
    return f"The image shows a {colour} {shape} on a {background} background."


async def answer(engine: Engine, *images: Image, **fields: Any) -> str:
    return (await complete_one(engine, ask_about(engine, *images, **fields))).text


# -- seeing ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seen", SEEN, ids="-".join)
@pytest.mark.parametrize("size", [64, 128, 200])
async def test_the_model_names_colour_shape_and_background(
    engine: Engine, seen: tuple[str, str, str], size: int
) -> None:
    assert await answer(engine, drawn(*seen, size=size)) == sentence(*seen)


async def test_questions_about_a_picture_are_answered(engine: Engine) -> None:
    image = drawn("red", "circle", "white")
    for question, expected in (
        ("What color is the shape?", "The circle is red."),
        ("What shape is it?", "It is a circle."),
        ("What color is the background?", "The background is white."),
    ):
        assert await answer(engine, image, question=question) == expected


async def test_replies_are_those_of_the_librarys_own_chat_handler(engine: Engine) -> None:
    """Another way through the same library: its helper decodes the picture by itself."""
    import base64
    import io

    import llama_cpp
    from llama_cpp.llama_chat_format import MTMDChatHandler

    handler = MTMDChatHandler(str(PROJECTOR), verbose=False)
    llama = llama_cpp.Llama(str(MODEL), chat_handler=handler, n_ctx=512, verbose=False)
    try:
        for seen in SEEN:
            picture = draw_shape(*seen, size=96)
            file = io.BytesIO()
            picture.save(file, "PNG")
            url = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
            content = [
                {"type": "image_url", "image_url": {"url": url}},
                {"type": "text", "text": "Describe the image."},
            ]
            expected: Any = llama.create_chat_completion(
                [{"role": "user", "content": content}],  # pyright: ignore[reportArgumentType]
                temperature=0,
                max_tokens=40,
            )
            text = await answer(engine, drawn(*seen, size=96), question="Describe the image.")
            assert text == expected["choices"][0]["message"]["content"]
    finally:
        llama.close()


async def test_a_picture_may_be_of_any_size(engine: Engine) -> None:
    for width, height in ((1, 1), (1, 200), (200, 1), (3, 64), (1000, 1500)):
        image = Image(width, height, bytes(width * height * 3))
        done = await complete_one(engine, ask_about(engine, image, max_tokens=4))
        assert done.usage.prompt_tokens > engine.place_image(image).length


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (Image(0, 5, b""), "empty or damaged"),
        (Image(2, 2, bytes(11)), "empty or damaged"),
        (Image(1, 201, bytes(603)), "too narrow"),
    ],
)
async def test_what_is_no_picture_is_refused(engine: Engine, image: Image, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        engine.place_image(image)


# -- in a prompt -----------------------------------------------------------------------------


async def test_two_pictures_stand_at_their_own_places(engine: Engine) -> None:
    red, blue = drawn(*SEEN[0]), drawn(*SEEN[1])
    request = look(engine, "a", red, "b", blue, blue, "c", max_tokens=4, logprobs=5)
    length = engine.place_image(red).length
    starts = [media.start for media in request.media]
    assert starts == [1, 2 + length, 2 + 2 * length]
    assert (await complete_one(engine, request)).usage.prompt_tokens == 3 + 3 * length
    swapped = look(engine, "a", blue, "b", red, red, "c", max_tokens=4, logprobs=5)
    first, second = await complete(engine, request, swapped)
    assert first.logprobs[0].chosen.logprob != second.logprobs[0].chosen.logprob


async def test_the_question_is_about_the_picture_before_it(engine: Engine) -> None:
    seen = SEEN[0]
    earlier = f"<|im_end|>\n<|im_start|>assistant\n{sentence(*seen)}<|im_end|>\n<|im_start|>user\n"
    question = "What is in the image?"
    parts = ("<|im_start|>user\n", drawn(*seen), question + earlier, drawn(*SEEN[1]))
    end = f"{question}<|im_end|>\n<|im_start|>assistant\n"
    done = await complete_one(engine, look(engine, *parts, end))
    assert done.text == sentence(*SEEN[1])


async def test_a_prompt_may_end_or_begin_with_a_picture(engine: Engine, see: See) -> None:
    image = drawn(*SEEN[0])
    for parts in ((image,), ("<|im_start|>user\n", image), (image, "What is it?")):
        request = look(engine, *parts, max_tokens=8)
        first = await complete_one(engine, request)
        again = await complete_one(engine, request)
        assert first.usage.completion_tokens == 8
        assert again.text == first.text
        assert again.text == (await complete_one(see(parallel=1), request)).text


async def test_samplers_that_look_back_see_only_real_tokens(engine: Engine) -> None:
    """The lower 32 bits of this picture's ids look like the first token of the reply, which is not to be punished for it."""
    [first] = engine.tokenizer.encode("The", add_special=False, parse_special=True)
    image = drawn(*SEEN[0])
    image.__dict__["digest"] = (1 << 62) - 1 - first
    assert image_ids(image.digest, 1)[0] & 0xFFFFFFFF == first
    plain, punished = await complete(
        engine,
        ask_about(engine, image, max_tokens=1),
        ask_about(
            engine, image, max_tokens=1, sampling={"temperature": 0, "repetition_penalty": 10}
        ),
    )
    assert punished.text == plain.text == "The"


async def test_log_probabilities_of_such_a_prompt_are_refused(engine: Engine) -> None:
    request = ask_about(engine, drawn(*SEEN[0]), prompt_logprobs=0)
    with pytest.raises(Unsupported) as caught:
        engine.prepare(request)
    assert caught.value.param == "prompt_logprobs"


async def test_ids_of_pictures_without_a_picture_are_refused(engine: Engine) -> None:
    request = ask_about(engine, drawn(*SEEN[0]))
    with pytest.raises(RequestError, match="not a token id"):
        engine.submit(build_request(engine, list(request.prompt_ids)))


# -- beside others ---------------------------------------------------------------------------


async def test_pictures_and_texts_of_many_run_together(engine: Engine) -> None:
    texts = [build_request(engine, STORY, 40, temperature=0)] * 3
    pictures = [ask_about(engine, drawn(*seen)) for seen in SEEN]
    alone = [(await complete_one(engine, request)).text for request in (*pictures, *texts)]
    together = await complete(engine, *pictures, *texts)
    assert [done.text for done in together] == alone


@pytest.mark.parametrize("kv_unified", [False, True])
@pytest.mark.parametrize("batch_size", [32, 2048])
async def test_running_replies_go_on_while_pictures_are_read(
    see: See, kv_unified: bool, batch_size: int
) -> None:
    engine = see(parallel=4, ctx_size=1024, kv_unified=kv_unified, batch_size=batch_size, ubatch_size=32)  # fmt: skip
    story = build_request(engine, STORY, 60, temperature=0, ban_eos_token=True)
    expected = (await complete_one(engine, story)).text
    running = asyncio.ensure_future(engine.complete(story))
    answers = await complete(engine, *(ask_about(engine, drawn(*seen)) for seen in SEEN))
    assert [done.text for done in answers] == [sentence(*seen) for seen in SEEN]
    assert (await asyncio.wait_for(running, PATIENCE_S)).text == expected


async def test_no_step_is_without_a_token_while_pictures_are_read() -> None:
    runner = CASE.load(parallel=2, batch_size=32, ubatch_size=32, prompt_budget=32)
    try:
        sampling = {"temperature": 0, "ban_eos_token": True}
        story, album = (
            Sequence(request, list(request.prompt_ids))
            for request in (
                look(runner, STORY, max_tokens=100, sampling=sampling),
                ask_about(runner, *(drawn(*seen) for seen in SEEN * 5)),
            )
        )
        assert runner.admit(story)
        assert [each.sequence for each in runner.step().sampled] == [story]
        assert runner.admit(album)
        steps = 0
        while len(album.tokens) == album.prompt_length:
            assert story in [each.sequence for each in runner.step().sampled]
            steps += 1
        assert steps >= len(album.request.media)
    finally:
        runner.close()


async def test_more_pictures_than_a_small_memory_holds_are_all_seen(see: See) -> None:
    """Replies grow out of the shared memory, so some must read their picture again."""
    engine = see(parallel=4, ctx_size=1024, kv_unified=True)
    requests = [
        ask_about(engine, drawn(*seen), max_tokens=400, sampling={"temperature": 0, "ban_eos_token": True})
        for seen in (*SEEN, *SEEN)
    ]  # fmt: skip
    for seen, done in zip((*SEEN, *SEEN), await complete(engine, *requests), strict=True):
        assert done.text.startswith(sentence(*seen))
        assert done.usage.completion_tokens == 400


async def test_cancelling_in_the_middle_leaves_nothing_wrong(see: See) -> None:
    engine = see(parallel=1, batch_size=32, ubatch_size=32, prompt_budget=32)
    many = [drawn(*seen) for seen in SEEN] * 12
    for pause_s in (0, 0.001, 0.003, 0.01):
        stream = engine.submit(ask_about(engine, *many))
        await asyncio.sleep(pause_s)
        await stream.aclose()
        assert await answer(engine, drawn(*SEEN[0])) == sentence(*SEEN[0])


# -- the cache -------------------------------------------------------------------------------


async def test_a_picture_that_was_seen_is_not_read_again(see: See) -> None:
    engine = see(parallel=2)
    image = drawn(*SEEN[0])
    first = await complete_one(engine, ask_about(engine, image))
    assert first.usage.cached_tokens == 0
    other = await complete_one(
        engine, ask_about(engine, drawn(*SEEN[0]), question="What shape is it?")
    )
    assert other.usage.cached_tokens >= engine.place_image(image).length
    assert other.text == "It is a circle."


async def test_a_picture_is_kept_whole_or_not_at_all(see: See) -> None:
    """The prompts part ways right behind the picture: what is kept may not end inside of it."""
    engine = see(parallel=1)
    image, other = drawn(*SEEN[0]), drawn(*SEEN[1])
    start = "<|im_start|>system\nYou are a helpful assistant, and you look at pictures.<|im_end|>\n<|im_start|>user\n"
    lead = len(engine.tokenizer.encode(start, add_special=False, parse_special=True))
    length = engine.place_image(image).length
    cached = [
        (await complete_one(engine, look(engine, start, *parts, max_tokens=1))).usage.cached_tokens
        for parts in ((image, "a"), (image,), (image, "b"), (other, "b"), (image, image))
    ]
    assert cached == [0, lead, lead + length, lead, lead]


async def test_requests_that_come_together_share_their_picture(see: See) -> None:
    engine = see(parallel=8)
    requests = [
        ask_about(engine, drawn(*SEEN[0]), question=question)
        for question in ["What is in the image?", "What shape is it?"] * 4
    ]
    done = await complete(engine, *requests)
    assert [each.text for each in done] == [sentence(*SEEN[0]), "It is a circle."] * 4
    length = engine.place_image(drawn(*SEEN[0])).length
    assert sum(each.usage.cached_tokens >= length for each in done) >= 6


async def test_a_picture_that_was_dropped_is_encoded_again(
    see: See, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modules.loaders.eyes.ImageStore", lambda: ImageStore(0))
    engine = see(parallel=2)
    requests = [ask_about(engine, drawn(*seen)) for seen in SEEN]
    for request in requests:
        engine.prepare(request)
    texts = [done.text for done in await complete(engine, *requests)]
    assert texts == [sentence(*seen) for seen in SEEN]


async def test_pictures_are_encoded_by_many_threads_at_once(see: See) -> None:
    engine = see(parallel=2)
    requests = [ask_about(engine, drawn(*seen, size=n)) for seen in SEEN for n in (64, 65, 64)]
    await asyncio.gather(*(asyncio.to_thread(engine.prepare, request) for request in requests))
    texts = [done.text for done in await complete(engine, *requests)]
    assert texts == [sentence(*seen) for seen in SEEN for _ in range(3)]


# -- loading ---------------------------------------------------------------------------------


async def test_the_projector_beside_the_model_is_found_and_can_be_turned_off(see: See) -> None:
    assert "vision" in see(parallel=1).info.capabilities
    blind = see(parallel=1, mmproj="none")
    assert "vision" not in blind.info.capabilities
    with pytest.raises(Unsupported):
        blind.place_image(drawn(*SEEN[0]))


async def test_a_model_without_a_projector_reads_text_only(case: LoaderCase, see: See) -> None:
    engine = see(case, parallel=1)
    assert "vision" not in engine.info.capabilities
    with pytest.raises(Unsupported):
        engine.place_image(drawn(*SEEN[0]))


async def test_a_projector_may_be_named(tmp_path: Path, see: See) -> None:
    model = tmp_path / "eyes.gguf"
    model.symlink_to(MODEL)
    (tmp_path / "glasses.gguf").symlink_to(PROJECTOR)
    case = LoaderCase("llamacpp", model, {}, ())
    assert "vision" not in see(case, parallel=1).info.capabilities
    for name in ("glasses.gguf", str(PROJECTOR)):
        engine = see(case, parallel=1, mmproj=name)
        assert await answer(engine, drawn(*SEEN[0])) == sentence(*SEEN[0])


def make_wrong_projector(path: Path, kind: str) -> None:
    if kind == "a model":
        path.write_bytes(MODEL.read_bytes())
    elif kind == "text":
        path.write_text("no projector")
    elif kind == "half":
        path.write_bytes(PROJECTOR.read_bytes()[:500_000])
    else:
        out = gguf.GGUFWriter(path, "clip")
        out.add_string("general.type", "mmproj")
        out.write_header_to_file()
        out.write_kv_data_to_file()
        out.close()


@pytest.mark.parametrize("kind", ["a model", "text", "half", "empty"])
async def test_a_wrong_projector_is_an_error_that_says_why(
    tmp_path: Path, see: See, kind: str
) -> None:
    path = tmp_path / "wrong.gguf"
    make_wrong_projector(path, kind)
    with pytest.raises(LoadError) as caught:
        see(mmproj=str(path))
    assert len(caught.value.message) > 20
    assert str(tmp_path) not in caught.value.message


async def test_a_projector_of_another_width_is_an_error(case: LoaderCase, tmp_path: Path) -> None:
    from tests.contract.memory_models import write_sliding_window

    narrow = tmp_path / "narrow.gguf"
    write_sliding_window(narrow)
    with pytest.raises(LoadError, match="projector"):
        LoaderCase("llamacpp", narrow, {}, ()).load(mmproj=str(PROJECTOR))


async def test_a_missing_projector_is_an_error_of_the_request(see: See) -> None:
    with pytest.raises(RequestError, match="no projector") as caught:
        see(mmproj="nowhere.gguf")
    assert not isinstance(caught.value, ModelError)


async def test_a_wrong_projector_that_was_only_found_leaves_the_model_without_eyes(
    tmp_path: Path, see: See
) -> None:
    (tmp_path / "eyes.gguf").symlink_to(MODEL)
    (tmp_path / "eyes-mmproj.gguf").write_bytes(b"GGUF")
    engine = see(LoaderCase("llamacpp", tmp_path / "eyes.gguf", {}, ()), parallel=1)
    assert "vision" not in engine.info.capabilities
    done = await complete_one(engine, build_request(engine, STORY, 4, temperature=0))
    assert done.usage.completion_tokens == 4
