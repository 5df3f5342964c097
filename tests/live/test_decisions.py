"""/v1/decisions on a real server, by the official client."""

import base64
import io
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai.types import Decision
from PIL import Image

from tests.live.launch import DEMO, MODEL, Server, eventually
from tests.live.wire import error_of

MOOD: Any = {
    "type": "choice",
    "name": "mood",
    "instructions": "Is this positive or negative?",
    "choices": [{"value": "positive"}, {"value": "negative"}],
}
PREDICATE: Any = {"type": "predicate", "instructions": "The text is about a house."}
SCORE: Any = {
    "type": "score",
    "name": "praise",
    "instructions": "How good is it?",
    "levels": [{"label": "bad"}, {"label": "fair", "description": "so so"}, {"label": "good"}],
}
MOODS = {
    "I love my old house": "positive",
    "I hate this small dog": "negative",
    "This river is terrible": "negative",
    "My car is wonderful": "positive",
    "The garden is awful": "negative",
    "I enjoy the music": "positive",
}


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as made:
        yield made


@pytest.fixture
async def async_client(server: Server) -> AsyncIterator[openai.AsyncOpenAI]:
    url = f"{server.url}/v1"
    async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as made:
        yield made


def decide(client: openai.OpenAI, given: Any, *questions: Any) -> Decision:
    return client.decisions.create(model="x", input=given, questions=questions)


def mood_of(client: openai.OpenAI, given: Any) -> str | bool:
    (answer,) = decide(client, given, MOOD).answers
    assert answer.type == "choice"
    return answer.choice


@pytest.mark.parametrize("text", MOODS)
def test_the_model_decides_by_what_it_reads(client: openai.OpenAI, text: str) -> None:
    assert mood_of(client, text) == MOODS[text]


def test_the_order_of_the_choices_does_not_decide(client: openai.OpenAI) -> None:
    swapped = MOOD | {"choices": MOOD["choices"][::-1]}
    for text, mood in MOODS.items():
        (answer,) = decide(client, text, swapped).answers
        assert answer.type == "choice"
        assert answer.choice == mood


def test_each_kind_of_answer_is_a_distribution(client: openai.OpenAI) -> None:
    decision = decide(client, "I love my old house", PREDICATE, SCORE, MOOD)
    predicate, score, choice = decision.answers
    assert decision.model == MODEL
    assert predicate.type == "predicate"
    assert predicate.name is None
    assert 0 <= predicate.probability <= 1
    assert score.type == "score"
    assert score.name == "praise"
    assert [(each.value, each.label) for each in score.probabilities] == [
        (0, "bad"),
        (1, "fair"),
        (2, "good"),
    ]
    assert sum(each.probability for each in score.probabilities) == pytest.approx(1)
    assert score.score == pytest.approx(
        sum(each.value * each.probability for each in score.probabilities)
    )
    assert choice.type == "choice"
    assert sum(each.probability for each in choice.probabilities) == pytest.approx(1)
    best = max(choice.probabilities, key=lambda each: each.probability)
    assert choice.choice == best.value == "positive"
    assert choice.confidence == pytest.approx(2 * best.probability - 1)


def test_every_answer_changes_with_the_input(client: openai.OpenAI) -> None:
    questions = (PREDICATE, SCORE, MOOD)
    one, other = (
        [answer.to_dict() for answer in decide(client, text, *questions).answers]
        for text in ("I love my old house", "This river is terrible")
    )
    assert all(a != b for a, b in zip(one, other, strict=True))


def test_the_same_question_has_the_same_answer_among_others(client: openai.OpenAI) -> None:
    (alone,) = decide(client, "I love my old house", MOOD).answers
    *_, among = decide(client, "I love my old house", *[PREDICATE, SCORE] * 20, MOOD).answers
    assert alone.type == among.type == "choice"
    assert among.confidence == pytest.approx(alone.confidence, abs=0.05)


@pytest.mark.anyio
async def test_the_asynchronous_client_works_as_well(async_client: openai.AsyncOpenAI) -> None:
    decision = await async_client.decisions.create(
        model="x",
        input="I hate this small dog",
        questions=[MOOD],
        prompt_cache_key="a",
        safety_identifier="b",
    )
    (answer,) = decision.answers
    assert answer.type == "choice"
    assert answer.choice == "negative"


def test_messages_calls_and_their_outputs_are_read(client: openai.OpenAI) -> None:
    conversation = [
        {"role": "user", "content": [{"type": "input_text", "text": "What do you think of it?"}]},
        {"type": "function_call", "call_id": "1", "name": "get_opinion", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "1", "output": "four stars"},
        {"role": "assistant", "content": [{"type": "output_text", "text": "I like it."}]},
        {"role": "user", "content": [{"type": "input_text", "text": "I hate this small dog"}]},
    ]
    assert mood_of(client, conversation) == "negative"
    usage = decide(client, conversation, MOOD).usage
    assert usage.input_tokens > decide(client, conversation[-1:], MOOD).usage.input_tokens


def test_json_is_text_for_the_model(client: openai.OpenAI) -> None:
    data = {"type": "input_json", "data": {"opinion": "I hate this small dog"}}
    given = [{"role": "user", "content": [data]}]
    instructions = [{"type": "input_text", "text": "Is this positive or negative?"}]
    (answer,) = decide(client, given, MOOD | {"instructions": instructions}).answers
    assert answer.type == "choice"


def test_control_tokens_in_the_input_are_only_text(client: openai.OpenAI) -> None:
    inert = decide(client, "I love it<|im_end|>", MOOD).usage.input_tokens
    assert inert > decide(client, "I love it", MOOD).usage.input_tokens + 1


def test_shared_beginnings_count_once(client: openai.OpenAI) -> None:
    text = "I love my old house. " * 20
    one = decide(client, text, MOOD).usage
    four = decide(client, text, *[MOOD] * 4).usage
    assert four.output_tokens == 4
    assert four.input_tokens - one.input_tokens < one.input_tokens
    assert four.total_tokens == four.input_tokens + four.output_tokens
    assert 0 < four.input_tokens_details.cached_tokens <= one.input_tokens
    assert four.output_tokens_details.reasoning_tokens == 0


def test_a_hundred_choices_are_a_distribution_too(client: openai.OpenAI) -> None:
    choices = [{"value": f"w{i}"} for i in range(100)]
    (answer,) = decide(client, "w17", MOOD | {"choices": choices}).answers
    assert answer.type == "choice"
    assert len(answer.probabilities) == 100
    assert sum(each.probability for each in answer.probabilities) == pytest.approx(1)


def test_texts_and_truth_values_stay_what_they_are(client: openai.OpenAI) -> None:
    choices = [{"value": True}, {"value": False}, {"value": "true"}]
    (answer,) = decide(client, "yes", MOOD | {"choices": choices}).answers
    assert answer.type == "choice"
    assert [each.value for each in answer.probabilities] == [True, False, "true"]


def test_four_hundred_questions_are_answered(client: openai.OpenAI) -> None:
    decision = decide(client, "I love my old house", *[MOOD] * 400)
    assert len(decision.answers) == 400
    assert {answer.choice for answer in decision.answers if answer.type == "choice"} == {"positive"}


TWICE = MOOD | {"choices": [{"value": "a"}, {"value": "a"}]}
PICTURE = {"type": "input_image", "image_url": "data:image/png;base64,AA=="}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"questions": []}, "questions"),
        ({"questions": [PREDICATE] * 401}, "questions"),
        ({"questions": [{"type": "guess", "instructions": "x"}]}, "questions[0]"),
        ({"questions": [{"type": "predicate"}]}, "questions[0].instructions"),
        ({"questions": [MOOD | {"choices": [{"value": "a"}]}]}, "questions[0].choices"),
        ({"questions": [MOOD | {"choices": [{"value": "a"}] * 256}]}, "questions[0].choices"),
        ({"questions": [PREDICATE, TWICE]}, "questions[1].choices"),
        ({"questions": [SCORE | {"levels": [{"label": "a"}] * 11}]}, "questions[0].levels"),
        ({"questions": [PREDICATE], "input": [{"role": "robot", "content": "x"}]}, "input[0].role"),
        ({"questions": [PREDICATE], "input": [{"type": "telepathy"}]}, "input[0]"),
        ({"questions": [PREDICATE], "input": [5]}, "input[0]"),
        ({"questions": [PREDICATE | {"instructions": [PICTURE]}]}, "instructions"),
        ({"questions": [PREDICATE], "input": "sky " * 3000}, "input"),
        ({"questions": [PREDICATE | {"instructions": "sky " * 3000}]}, "questions[0]"),
    ],
)
def test_what_is_wrong_is_named(http: httpx.Client, fields: dict[str, Any], param: str) -> None:
    body = {"model": "x", "input": "I love it"} | fields
    error = error_of(http.post("/v1/decisions", json=body), 400)
    assert param in (error["param"] or ""), error


def test_an_empty_conversation_can_be_asked_about(client: openai.OpenAI) -> None:
    assert decide(client, [], PREDICATE).answers[0].type == "predicate"
    assert decide(client, "", PREDICATE).answers[0].type == "predicate"


THINKS_FIRST = """\
{% for message in messages %}<|im_start|>{{ message.role }}
{{ message.content }}<|im_end|>
{% endfor %}<|im_start|>assistant
<think>
"""


def test_a_template_that_thinks_first_is_brought_to_the_answer(launch: Any, tmp_path: Path) -> None:
    template = tmp_path / "thinks.jinja"
    template.write_text(THINKS_FIRST)
    server = launch("--chat-template-file", str(template))
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none") as client:
        assert {text: mood_of(client, text) for text in MOODS} == MOODS


def test_a_client_that_leaves_ends_its_decision(launch: Any) -> None:
    server = launch()
    body = {"input": "I love my old house. " * 200, "questions": [MOOD] * 400}
    with server.client(timeout=0.1) as client, pytest.raises(httpx.ReadTimeout):
        client.post("/v1/decisions", json=body)
    with server.client() as client:
        eventually(lambda: health_of(client) == (0, 0))
        days = client.get("/v1/billing/usage").json()["daily_costs"]
    assert sum(line["requests"] for day in days for line in day["line_items"]) < 400


def health_of(client: httpx.Client) -> tuple[int, int]:
    health = client.get("/health").json()
    return health["running"], health["waiting"]


def test_pictures_are_looked_at(launch: Any) -> None:
    names = ("tiny-vision-Q8_0.gguf", "tiny-vision-mmproj-F16.gguf")
    server = launch(models={name: DEMO.with_name(name) for name in names})
    question = MOOD | {"choices": [{"value": "red"}, {"value": "blue"}]}
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none") as client:
        in_input = [
            decide(client, [{"role": "user", "content": [picture_of(color)]}], question)
            for color in ("red", "blue")
        ]
        in_question = [
            decide(client, "Look.", question | {"instructions": [picture_of(color)]})
            for color in ("red", "blue")
        ]
    for one, other in (in_input, in_question):
        assert one.usage.input_tokens == other.usage.input_tokens
        assert one.answers[0].to_dict() != other.answers[0].to_dict()


def picture_of(color: str) -> dict[str, str]:
    file = io.BytesIO()
    Image.new("RGB", (64, 64), color).save(file, "PNG")
    data = base64.b64encode(file.getvalue()).decode()
    return {"type": "input_image", "image_url": f"data:image/png;base64,{data}"}
