"""What a model elsewhere owes beside its replies: what is known of it, its tokenizer, and words for what it cannot do."""

from collections.abc import Iterator

import pytest

from modules.core.errors import LoadError, NotFound, RequestError, Unsupported
from modules.core.messages import Image, Message
from modules.core.requests import AS_MANY_AS_FIT, Adapter, GenerationRequest, Media
from modules.core.unrendered import ChatPrompt, TextPrompt
from modules.engine.engine import Engine
from tests.contract.conftest import build_request, complete_one
from tests.contract.upstream_case import OPTIONS, UPSTREAM, connect
from tests.live.launch import MODEL, Server

pytestmark = pytest.mark.anyio
SKY = ChatPrompt((Message("user", "What color is the sky?"),))


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with UPSTREAM.opened() as case:
        engine = case.serve(parallel=3, ctx_size=512)
        yield engine
        engine.close()


async def test_what_is_loaded_says_what_it_is(engine: Engine) -> None:
    info = engine.info
    assert (info.name, info.loader, info.slots, info.context_length) == (MODEL, "upstream", 3, 512)
    assert info.vocabulary_size == engine.tokenizer.size
    assert dict(info.options) == OPTIONS
    assert info.renders_itself
    assert "lora" not in info.capabilities


@pytest.mark.parametrize("text", ["", "Hello", " a  b\n", "é👍日", "<|im_start|>"])
@pytest.mark.parametrize("parse_special", [False, True])
async def test_text_comes_back_from_its_tokens(
    engine: Engine, text: str, parse_special: bool
) -> None:
    tokenizer = engine.tokenizer
    ids = tokenizer.encode(text, add_special=False, parse_special=parse_special)
    assert b"".join(tokenizer.piece(i, special=True) for i in ids).decode() == text


async def test_control_tokens_and_ends_are_known(engine: Engine) -> None:
    tokenizer = engine.tokenizer
    assert {"<|im_start|>", "<|im_end|>", "<think>"} <= tokenizer.control_texts
    [end] = tokenizer.encode("<|im_end|>", add_special=False, parse_special=True)
    assert tokenizer.is_end(end)
    assert tokenizer.piece(end, special=False) == b""
    [cat] = tokenizer.encode("cat", add_special=False, parse_special=True)
    assert not tokenizer.is_end(cat)
    assert tokenizer.control_text(cat) is None


async def test_a_chat_is_rendered_there(engine: Engine) -> None:
    request = build_request(engine, [1], AS_MANY_AS_FIT, temperature=0, unrendered=SKY)
    assert (await complete_one(engine, request)).text == "The sky is blue."


async def test_a_text_is_tokenized_there(engine: Engine) -> None:
    text = "<|im_start|>user\nTell me a story.<|im_end|>\n<|im_start|>assistant\n"
    by_text = build_request(engine, [1], 12, temperature=0, unrendered=TextPrompt(text))
    by_ids = build_request(engine, text, 12, temperature=0)
    assert (await complete_one(engine, by_text)).text == (await complete_one(engine, by_ids)).text


async def test_a_text_is_scored_with_the_probabilities_of_its_ids(engine: Engine) -> None:
    text = "Once upon a time there was a cat."
    fields = {"temperature": 0, "prompt_logprobs": 2, "logprobs": 1}
    by_text = build_request(engine, [1], 3, unrendered=TextPrompt(text), **fields)
    by_ids = build_request(engine, text, 3, **fields)
    told, known = await complete_one(engine, by_text), await complete_one(engine, by_ids)
    assert [t.chosen.token_id for t in told.prompt_logprobs] == list(by_ids.prompt_ids)
    assert told.prompt_logprobs[1:] == known.prompt_logprobs[1:]
    assert (told.text, told.logprobs) == (known.text, known.logprobs)


PICTURE = Image(1, 1, b"\0\0\0")


@pytest.mark.parametrize(
    "request_",
    [
        GenerationRequest((-1, 5), 5, media=(Media(0, 1, PICTURE),)),
        GenerationRequest((5,), 5, adapters=(Adapter("pirate"),)),
        GenerationRequest((5,), 5, logprobs=101),
    ],
    ids=["media", "adapters", "logprobs"],
)
async def test_what_cannot_go_there_is_refused_at_once(
    engine: Engine, request_: GenerationRequest
) -> None:
    with pytest.raises(Unsupported):
        engine.submit(request_)


async def test_adapters_and_places_of_pictures_are_refused_with_a_reason(engine: Engine) -> None:
    assert engine.adapters.names == ()
    with pytest.raises(RequestError, match="not loaded"):
        engine.adapters.set_defaults((Adapter("pirate"),))
    with pytest.raises(Unsupported):
        engine.place_image(PICTURE)


async def test_a_model_that_is_not_there_is_not_found(server: Server) -> None:
    with pytest.raises(NotFound, match="no model 'other'"):
        connect(server, "other")


async def test_a_model_that_went_away_is_a_load_error(server: Server) -> None:
    from dataclasses import replace

    from modules.loaders.upstream.address import parse_address
    from modules.loaders.upstream.connection import Access
    from modules.loaders.upstream.model import load_model
    from modules.loaders.upstream.server import UpstreamServer

    known = UpstreamServer(Access(parse_address(server.url))).choose(MODEL)
    with pytest.raises(LoadError, match="gone"):
        load_model(replace(known, name="gone.gguf"), OPTIONS, lambda _share: True)
