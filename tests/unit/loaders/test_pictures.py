"""How long encoded pictures are kept, and where they stand in a prompt."""

import gc

import numpy as np
import pytest

from modules.core.messages import Image
from modules.core.requests import Media
from modules.loaders.base import image_ids
from modules.loaders.pictures import EncodedImage, ImageStore, Piece
from modules.loaders.places import PromptPlaces

WIDTH = 8
ROW_BYTES = WIDTH * 4


def picture(colour: int) -> Image:
    return Image(1, 1, bytes([colour, 0, 0]))


def rows(length: int, positions: int | None = None) -> Piece:
    return Piece(length, positions or length, rows=np.zeros((length, WIDTH), np.float32))


def encoded(length: int = 4) -> EncodedImage:
    return EncodedImage((rows(length),))


# -- the store -------------------------------------------------------------------------------


def test_an_equal_picture_is_found_again() -> None:
    store = ImageStore()
    first = encoded()
    store.keep(picture(1), first)
    assert store.find(picture(1)) is first
    assert store.find(picture(2)) is None


def test_what_was_used_longest_ago_goes_when_the_limit_is_reached() -> None:
    store = ImageStore(limit_bytes=2 * 4 * ROW_BYTES)
    for colour in (1, 2):
        store.keep(picture(colour), encoded())
    assert store.find(picture(1)) is not None
    store.keep(picture(3), encoded())
    gc.collect()
    assert store.find(picture(2)) is None
    assert store.find(picture(1)) is not None
    assert store.find(picture(3)) is not None


def test_what_was_asked_for_stays_as_long_as_its_picture_lives() -> None:
    store = ImageStore(limit_bytes=0)
    image, equal = picture(1), picture(1)
    store.keep(image, encoded())
    found = store.find(equal)
    assert found is not None
    del image
    gc.collect()
    assert store.find(equal) is found, "the other picture still lives"
    del equal, found
    gc.collect()
    assert store.find(picture(1)) is None


def test_a_picture_that_is_kept_twice_counts_once() -> None:
    store = ImageStore(limit_bytes=2 * 4 * ROW_BYTES)
    same = encoded()
    for _ in range(10):
        store.keep(picture(1), same)
    store.keep(picture(2), encoded())
    gc.collect()
    assert store.find(picture(1)) is same


# -- places ----------------------------------------------------------------------------------


@pytest.fixture
def places() -> PromptPlaces:
    """abc PPPP d PP-55-PP: two pictures, the first of 4 rows in 2 positions, the second with text inside."""
    text = Piece(2, 2, ids=(50, 51))
    images = [EncodedImage((rows(4, positions=2),)), EncodedImage((rows(2), text, rows(2)))]
    return PromptPlaces([_media(3, 4), _media(8, 6)], images)


def _media(start: int, length: int) -> Media:
    return Media(start, length, picture(start))


def test_positions_run_slower_through_pictures_that_share_them(places: PromptPlaces) -> None:
    assert [places.position(index) for index in (0, 3, 7, 8, 14, 20)] == [0, 3, 5, 6, 12, 18]
    begins = [placed.position for index in (3, 8, 10, 12) if (placed := places.at(index))]
    assert begins == [3, 6, 8, 10]


def test_only_rows_are_pictures(places: PromptPlaces) -> None:
    seen = [index for index in range(16) if places.is_picture(index)]
    assert seen == [3, 4, 5, 6, 8, 9, 12, 13]


def test_tokens_of_one_kind_end_where_another_begins(places: PromptPlaces) -> None:
    assert [places.until_other(index, 20) for index in (0, 2, 7, 10, 11, 14)] == [3, 3, 8, 12, 12, 20]  # fmt: skip
    assert places.until_other(0, 2) == 2


def test_text_inside_of_a_picture_has_its_own_ids(places: PromptPlaces) -> None:
    tokens = [1, 2, 3, *image_ids(7, 4), 4, *image_ids(9, 6), 5]
    assert places.token_ids(tokens, 0, 3) == [1, 2, 3]
    assert places.token_ids(tokens, 10, 12) == [50, 51]
    assert places.token_ids(tokens, 11, 12) == [51]
    assert places.token_ids(tokens, 14, 15) == [5]


def test_a_prompt_is_never_cut_inside_of_a_picture(places: PromptPlaces) -> None:
    cuts = {index: places.cut(index) for index in range(16)}
    assert {index for index, cut in cuts.items() if cut != index} == {4, 5, 6, 9, 10, 11, 12, 13}
    assert {cuts[index] for index in (4, 5, 6)} == {3}
    assert {cuts[index] for index in range(8, 14)} == {8}


def test_ids_of_equal_pictures_are_equal_and_never_those_of_tokens() -> None:
    assert image_ids(picture(1).digest, 3) == image_ids(picture(1).digest, 3)
    assert image_ids(picture(1).digest, 3) != image_ids(picture(2).digest, 3)
    assert max(image_ids(0, 1) + image_ids(picture(1).digest, 2)) < 0
