"""How many pictures, and which seeds."""

import pytest

from extensions.openai.images.counts import Batches, to_batches, to_seed
from extensions.openai.images.typing import ImageGenerationRequest
from modules.core.errors import RequestError
from modules.core.images import MAX_SEED


def body(**fields: object) -> ImageGenerationRequest:
    return ImageGenerationRequest.model_validate({"prompt": "x", **fields})


@pytest.mark.parametrize(
    ("fields", "batches"),
    [
        ({}, Batches(1, 1)),
        ({"n": 3}, Batches(1, 3)),
        ({"batch_size": 3}, Batches(3, 1)),
        ({"batch_count": 3}, Batches(1, 3)),
        ({"batch_size": 2, "batch_count": 3}, Batches(2, 3)),
        ({"n": 4, "batch_size": 2}, Batches(2, 2)),
        ({"n": 6, "batch_size": 2, "batch_count": 3}, Batches(2, 3)),
        ({"n": None, "batch_size": None, "batch_count": None}, Batches(1, 1)),
    ],
)
def test_n_is_the_number_of_all_pictures(fields: dict[str, int], batches: Batches) -> None:
    assert to_batches(body(**fields), 10) == batches


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 3, "batch_size": 2}, "n"),
        ({"n": 3, "batch_count": 2}, "n"),
        ({"n": 11}, "n"),
        ({"batch_size": 4, "batch_count": 3}, "batch_count"),
    ],
)
def test_contradictions_and_too_many_are_refused(fields: dict[str, int], param: str) -> None:
    with pytest.raises(RequestError) as caught:
        to_batches(body(**fields), 10)
    assert caught.value.param == param


def test_seeds_come_by_either_name_and_are_random_otherwise() -> None:
    assert to_seed(body(image_seed=0)) == 0
    assert to_seed(body(seed=5)) == 5
    assert to_seed(body(seed=5, image_seed=6)) == 6
    drawn = {to_seed(body(**fields)) for fields in ({}, {"seed": -1}, {"image_seed": -1}, {})}
    assert len(drawn) == 4
    assert all(0 <= seed <= MAX_SEED for seed in drawn)
