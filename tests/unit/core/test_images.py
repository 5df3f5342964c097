"""Requests for pictures: what follows from their values."""

from modules.core.images import MAX_SEED, ImageRequest, PromptLength
from modules.core.messages import Image

PICTURE = Image(1, 1, b"\0\0\0")


def asked(**fields: object) -> ImageRequest:
    values = {"width": 64, "height": 64, "steps": 12, "guidance": 3.0, "seed": 0}
    return ImageRequest("x", **{**values, **fields})  # pyright: ignore[reportArgumentType]


def test_seeds_follow_one_another_and_start_again_after_the_last() -> None:
    assert asked(seed=5, batch_size=2, batch_count=2).seeds == (5, 6, 7, 8)
    assert asked(seed=MAX_SEED, batch_size=3).seeds == (MAX_SEED, 0, 1)


def test_from_an_initial_picture_only_a_part_of_the_steps_is_taken() -> None:
    assert asked(strength=0.5).steps_taken == 12
    assert asked(strength=0.5, initial=PICTURE).steps_taken == 6
    assert asked(strength=0.05, initial=PICTURE).steps_taken == 0


def test_previews_are_spread_over_the_steps_and_never_come_last() -> None:
    assert asked(previews=0).preview_steps == ()
    assert asked(previews=1).preview_steps == (6,)
    assert asked(previews=3).preview_steps == (3, 6, 9)
    assert asked(previews=3, steps=2).preview_steps == (1,)
    assert asked(previews=3, steps=1).preview_steps == ()


def test_what_is_past_the_limit_is_unread() -> None:
    assert PromptLength().unread == 0
    assert PromptLength(90, 75).unread == 15
    assert PromptLength(9, 75).unread == 0
