"""From the form to a request; what is painted; what is kept."""

import asyncio
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from PIL import Image as Pillow
from PIL.PngImagePlugin import PngInfo

from modules.core.errors import NotFound, RequestError, Unsupported
from modules.core.images import MAX_SEED, ImageTraits, MadeImage
from modules.core.messages import Image
from modules.loaders.media_base import MediaInfo
from modules.pictures.encoding import SETTINGS_KEY, read_settings
from modules.pictures.originals import Original
from modules.pictures.sizes import Size
from modules.settings import Settings
from modules.ui.images import keeping
from modules.ui.images.editing import to_mask, to_original
from modules.ui.images.form import (
    AS_SIZE,
    BEST,
    DrawingLimits,
    ImageForm,
    form_from,
    read_form,
    shaped,
    size_choices,
    to_finish,
    to_size,
)
from modules.ui.images.store import ImageOutputs
from modules.ui.images.thumbnails import Thumbnails
from modules.ui.profile import ProfileFile
from modules.ui.session import Session

ALL = ("text_to_image", "image_to_image", "inpainting", "negative_prompt", "previews")
LIMITS = DrawingLimits(1024 * 1024, 4)
TRAITS = ImageTraits(512, 512, 8, 20, 7.0)


class Model:
    def __init__(self, traits: ImageTraits = TRAITS, capabilities: tuple[str, ...] = ALL) -> None:
        self.traits = traits
        self.info = MediaInfo("m", "fake", capabilities)


def finish(form: ImageForm, model: Model | None = None, original: Original | None = None) -> Any:
    return to_finish(form, cast("Any", model or Model()), original, LIMITS)


def plain(width: int, height: int) -> Image:
    return Image(width, height, bytes(width * height * 3))


def test_what_is_left_open_is_the_models() -> None:
    request = finish(ImageForm("a cat")).request
    assert (request.width, request.height, request.steps, request.guidance) == (512, 512, 20, 7.0)
    assert 0 <= request.seed <= MAX_SEED
    assert request.previews > 0


def test_guidance_of_zero_is_a_value() -> None:
    assert finish(ImageForm("a cat", guidance=0.0)).request.guidance == 0


@pytest.mark.parametrize("seed", [None, -1])
def test_a_seed_that_is_not_named_is_another_each_time(seed: int | None) -> None:
    assert len({finish(ImageForm("a", seed=seed)).request.seed for _ in range(5)}) > 1
    assert finish(ImageForm("a", seed=0)).request.seed == 0


@pytest.mark.parametrize(
    "form",
    [
        ImageForm(" "),
        ImageForm("a", steps=0),
        ImageForm("a", steps=151),
        ImageForm("a", guidance=31),
        ImageForm("a", seed=MAX_SEED + 1),
        ImageForm("a", size="big"),
        ImageForm("a", size="4096x4096"),
        ImageForm("a", size="100x100"),
        ImageForm("a", count=5),
    ],
)
def test_what_cannot_be_is_said(form: ImageForm) -> None:
    with pytest.raises(RequestError):
        finish(form)


@pytest.mark.parametrize("shape", ["Landscape 16:9", "Portrait 2:3", "Square 1:1"])
def test_a_shape_keeps_the_area(shape: str) -> None:
    size = shaped(Size(512, 512), shape, 8)
    assert size.pixels == pytest.approx(512 * 512, rel=0.05)
    assert size.width % 8 == size.height % 8 == 0


def test_the_size_as_written_is_kept_as_it_is() -> None:
    assert to_size(ImageForm("a", size="640 × 480"), TRAITS, 10**7) == Size(640, 480)
    assert shaped(Size(640, 480), AS_SIZE, 8) == Size(640, 480)


def test_sizes_that_are_offered_can_be_drawn() -> None:
    for traits in (TRAITS, ImageTraits(64, 64, 8, 12, 3.0, max_side=64)):
        for choice in size_choices(traits, LIMITS.pixels):
            to_finish(ImageForm("a", size=choice), cast("Any", Model(traits)), None, LIMITS)
    assert size_choices(None, 600 * 600) == [BEST, "512x512"]


def test_a_model_of_small_pictures_draws_small_and_gives_what_was_asked() -> None:
    found = finish(ImageForm("a", size="128x96"), Model(ImageTraits(64, 64, 8, 12, 3.0, 64)))
    assert found.size == Size(128, 96)
    assert max(found.request.width, found.request.height) == 64


def test_an_edit_needs_no_prompt_and_keeps_the_size() -> None:
    found = finish(ImageForm("", strength=0.5), original=Original(plain(300, 200)))
    assert found.size == Size(300, 200)
    assert found.request.initial is not None
    assert found.request.strength == 0.5


def test_what_a_model_cannot_is_refused_in_words() -> None:
    only_words = Model(capabilities=("text_to_image",))
    with pytest.raises(Unsupported, match="whole pictures"):
        finish(ImageForm("a"), only_words, Original(plain(64, 64)))
    with pytest.raises(Unsupported, match="only changes"):
        finish(ImageForm("a"), Model(capabilities=("image_to_image",)))
    assert finish(ImageForm("a"), only_words).request.previews == 0


def test_so_little_change_that_nothing_is_drawn() -> None:
    with pytest.raises(RequestError, match="nothing to draw"):
        finish(ImageForm("a", steps=2, strength=0.1), original=Original(plain(64, 64)))


def fields(**changed: Any) -> list[Any]:
    values = {
        "prompt": " a ",
        "negative": "",
        "size": BEST,
        "shape": AS_SIZE,
        "steps": "",
        "guidance": "",
        "seed": "",
        "strength": 0.9,
    }
    return list((values | changed).values())


def test_numbers_are_read_from_texts_and_nothing_is_the_usual() -> None:
    form = read_form(fields(steps="12", guidance="3,5", seed=" 7 "), 2, has_previews=False)
    assert (form.prompt, form.steps, form.guidance, form.seed, form.count) == ("a", 12, 3.5, 7, 2)
    assert not form.has_previews
    empty = read_form(fields(), 1, has_previews=True)
    assert (empty.steps, empty.guidance, empty.seed) == (None, None, None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": "many"},
        {"steps": "1.5"},
        {"seed": "x"},
        {"guidance": "?"},
        {"steps": "inf"},
        {"guidance": "nan"},
    ],
)
def test_what_is_no_number_is_said(wrong: dict[str, str]) -> None:
    with pytest.raises(RequestError):
        read_form(fields(**wrong), 1, has_previews=True).check()


def test_the_settings_of_a_picture_draw_it_again() -> None:
    found = finish(ImageForm("a cat", "dogs", size="64x48", steps=9, guidance=2.5, seed=41))
    again = form_from(found.settings(41))
    assert again == ImageForm("a cat", "dogs", size="64x48", steps=9, guidance=2.5, seed=41)


def test_settings_of_others_are_read_as_far_as_they_fit() -> None:
    form = form_from({"prompt": ["x"], "width": True, "height": 5, "steps": "9", "seed": 4})
    assert form == ImageForm("", seed=4)


def layer(
    size: tuple[int, int], box: tuple[int, int, int, int], opacity: int = 255
) -> Pillow.Image:
    found = Pillow.new("RGBA", size, (0, 0, 0, 0))
    found.paste((233, 106, 38, opacity), box)
    return found


def test_what_is_painted_is_the_mask() -> None:
    mask = to_mask([layer((8, 4), (2, 1, 4, 3), 150), layer((8, 4), (6, 0, 8, 1), 8)], (8, 4))
    assert mask is not None
    marked = {(i % 8, i // 8) for i, level in enumerate(mask.levels) if level}
    assert marked == {(2, 1), (3, 1), (2, 2), (3, 2)}
    assert set(mask.levels) == {0, 255}


def test_without_paint_there_is_no_mask() -> None:
    assert to_mask([layer((8, 4), (0, 0, 0, 0))], (8, 4)) is None
    original = to_original(Pillow.new("RGBA", (8, 4), (1, 2, 3, 255)), [], 1000)
    assert original.mask is None
    assert original.image.rgb[:3] == bytes((1, 2, 3))


def test_a_picture_that_is_missing_or_too_large_is_said() -> None:
    with pytest.raises(RequestError, match="Choose a picture"):
        to_original(None, [], 1000)
    with pytest.raises(RequestError, match="pixels"):
        to_original(Pillow.new("RGB", (40, 40)), [], 1000)


def png(settings: dict[str, Any] | str | None = None, size: tuple[int, int] = (600, 300)) -> bytes:
    texts = PngInfo()
    if settings is not None:
        texts.add_text(
            SETTINGS_KEY, settings if isinstance(settings, str) else json.dumps(settings)
        )
    file = io.BytesIO()
    Pillow.new("RGB", size, "red").save(file, "PNG", pnginfo=texts)
    return file.getvalue()


def test_settings_are_read_back_from_the_file() -> None:
    found = finish(ImageForm("a cat", seed=5, size="64x64"))
    file = io.BytesIO(found.file(MadeImage(0, 5, plain(64, 64))))
    assert read_settings(file) == found.settings(5)
    for nothing in (png(), png("[1]"), png("{"), b"no picture", png({"a": 1})[:60]):
        assert read_settings(io.BytesIO(nothing)) is None


def test_pixels_are_not_read_for_the_settings() -> None:
    noise = Pillow.effect_noise((512, 512), 90).convert("RGB")
    found = finish(ImageForm("a cat", seed=5, size="512x512"))
    file = io.BytesIO(found.file(MadeImage(0, 5, Image(512, 512, noise.tobytes()))))
    assert read_settings(file) == found.settings(5)
    assert file.tell() < 5000 < len(file.getvalue()) / 10


def test_kept_pictures_come_newest_first_and_can_be_deleted(tmp_path: Path) -> None:
    outputs = ImageOutputs(tmp_path / "image_outputs")
    assert outputs.names() == []
    first, second = outputs.add(png({"seed": 1}), 1), outputs.add(png(), 2)
    assert outputs.names() == [second, first]
    assert outputs.settings(first) == {"seed": 1}
    small = Pillow.open(io.BytesIO(outputs.thumbnail(first)))
    assert (small.format, small.size) == ("JPEG", (320, 160))
    outputs.delete(second)
    outputs.delete(second)
    assert outputs.names() == [first]
    with pytest.raises(NotFound):
        outputs.read(second)


@pytest.mark.parametrize(
    "name", ["../a.png", "/etc/x.png", "a/b.png", ".a.png", "", "a.txt", "a\\b.png", "a.png\n"]
)
def test_names_never_leave_the_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.png").write_bytes(png())
    outputs = ImageOutputs(tmp_path / "image_outputs")
    for act in (outputs.read, outputs.delete, outputs.settings, outputs.stamp):
        with pytest.raises(NotFound):
            act(name)
    assert (tmp_path / "a.png").exists()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(png())
    folder = tmp_path / "image_outputs"
    folder.mkdir()
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(NotFound):
        ImageOutputs(folder).read("link.png")


def test_a_damaged_picture_is_said(tmp_path: Path) -> None:
    outputs = ImageOutputs(tmp_path)
    (tmp_path / "bad.png").write_bytes(png()[:50])
    with pytest.raises(RequestError, match=r"bad\.png"):
        outputs.thumbnail("bad.png")


class Counting(ImageOutputs):
    """Notes what is decoded."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.seen: list[str] = []

    @property
    def decoded(self) -> int:
        return len(self.seen)

    def thumbnail(self, name: str) -> bytes:
        self.seen.append(name)
        return super().thumbnail(name)


def test_small_pictures_are_made_once_and_again_when_a_file_changes(tmp_path: Path) -> None:
    outputs, thumbnails = Counting(tmp_path), Thumbnails()
    names = [outputs.add(png(), seed) for seed in range(3)]
    (tmp_path / "bad.png").write_bytes(b"broken")
    first = thumbnails.of(outputs, [*names, "bad.png", "gone.png"])
    assert [name for name, _ in first] == names
    assert outputs.decoded == 4
    assert thumbnails.of(outputs, names) == first
    assert outputs.decoded == 4
    (tmp_path / names[0]).write_bytes(png(size=(30, 30)))
    assert thumbnails.of(outputs, names)[0] != first[0]
    assert outputs.decoded == 5


def test_the_small_pictures_of_one_person_are_not_anothers(tmp_path: Path) -> None:
    thumbnails = Thumbnails()
    for folder, side in (("a", 10), ("b", 20)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.png").write_bytes(png(size=(side, side)))
    a, b = (thumbnails.of(ImageOutputs(tmp_path / each), ["x.png"]) for each in "ab")
    assert a != b


def test_only_so_many_small_pictures_are_kept(tmp_path: Path) -> None:
    outputs, thumbnails = Counting(tmp_path), Thumbnails(kept=2)
    names = [outputs.add(png(), seed) for seed in range(3)]
    thumbnails.of(outputs, names)
    thumbnails.of(outputs, [names[2], names[0]])
    assert outputs.decoded == 4


def settings(tmp_path: Path, **more: Any) -> Settings:
    return Settings(user_data_dir=str(tmp_path), **more)


def test_pictures_are_kept_by_the_wish_of_the_person(tmp_path: Path) -> None:
    session = Session(profiles=ProfileFile(tmp_path / "p.json"))
    assert keeping.keeps(session)
    asyncio.run(keeping.switch(session, is_on=False))
    assert not keeping.keeps(session)
    assert not ProfileFile(tmp_path / "p.json").load().extra["images"]["keeps"]
    asyncio.run(keeping.switch(session, is_on=True))
    session.profile = replace(session.profile, keeps_history=False)
    assert not keeping.keeps(session)
    assert "History" in keeping.why_not(session)


def test_visitors_of_whom_nothing_is_kept_have_no_folder(tmp_path: Path) -> None:
    private = Session(is_private=True)
    assert not keeping.keeps(private)
    assert keeping.outputs_of(private, settings(tmp_path)) is None


def test_people_have_folders_of_their_own(tmp_path: Path) -> None:
    many = settings(tmp_path, multi_user=True)
    folders = []
    for user in ("ann", "../ann", "Ann"):
        outputs = keeping.outputs_of(Session(user=user), many)
        assert outputs is not None
        folders.append(outputs.folder)
        assert outputs.folder.parent == tmp_path / "image_outputs" / "users"
    assert len(set(folders)) == 3
    alone = keeping.outputs_of(Session(user="ann"), settings(tmp_path))
    assert alone is not None
    assert alone.folder == tmp_path / "image_outputs"


def test_the_ends_of_a_range_are_told_in_full() -> None:
    with pytest.raises(RequestError, match=f"from -1 to {MAX_SEED}"):
        ImageForm("a", seed=MAX_SEED + 1).check()
