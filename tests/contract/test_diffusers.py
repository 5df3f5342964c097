"""The diffusers loader on real weights: the bundled model, and tiny random ones of the families that people use."""

import json
import shutil
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import diffusers
import numpy as np
import pytest
import torch

from modules.core.errors import Cancelled, LoadError, ModelError, RequestError, Unsupported
from modules.core.images import ImageEvent, ImagePreview, ImageRequest, MadeImage, Mask
from modules.core.jobs import Job
from modules.core.messages import Image
from modules.loaders.images.imager import DiffusersImager, load_imager
from modules.loaders.media_catalog import InstalledMedia
from tests.contract.image_families import BUNDLED, FAMILIES, save_family, save_single_file
from tests.shapes import BACKGROUNDS, COLOURS, SHAPES, draw, see

OPTIONS: Mapping[str, Any] = {
    "device": "cpu",
    "dtype": "auto",
    "attn_backend": "sdpa",
    "cpu_offload": False,
    "compile": False,
    "quant": "none",
}
COMBINATIONS = [
    (colour, shape, background)
    for colour in COLOURS
    for shape in SHAPES
    for background in BACKGROUNDS
    if colour != background
]

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


def load(path: Path = BUNDLED, **options: Any) -> DiffusersImager:
    return load_imager(InstalledMedia(path.name, "diffusers", path), {**OPTIONS, **options})


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for one another are slow where other tests use the cores too."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def model() -> Iterator[DiffusersImager]:
    loaded = load()
    yield loaded
    loaded.close()


@pytest.fixture(scope="module")
def families(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, DiffusersImager]]:
    folder = tmp_path_factory.mktemp("families")
    loaded = {name: load(save_family(name, folder)) for name in FAMILIES}
    yield loaded
    for each in loaded.values():
        each.close()


def asked(prompt: str = "a red circle", **fields: Any) -> ImageRequest:
    values = {"width": 64, "height": 64, "steps": 12, "guidance": 3.0, "seed": 7}
    return ImageRequest(prompt, **{**values, **fields})


def events(
    model: DiffusersImager, request: ImageRequest, job: Job | None = None
) -> list[ImageEvent]:
    found: list[ImageEvent] = []
    model.draw(request, job or Job(), found.append)
    return found


def pictures(model: DiffusersImager, request: ImageRequest) -> list[MadeImage]:
    return [event for event in events(model, request) if isinstance(event, MadeImage)]


def pixels(image: Image) -> Any:
    flat = np.frombuffer(image.rgb, np.uint8).astype(int)
    return flat.reshape(image.height, image.width, 3)


def image_of(colour: str, shape: str, background: str = "white") -> Image:
    return Image(64, 64, draw(colour, shape, background).tobytes())


LEFT_HALF = Mask(64, 64, (b"\xff" * 32 + b"\0" * 32) * 64)


def test_the_reader_of_drawings_sees_what_was_drawn() -> None:
    assert all(see(draw(*each)) == each for each in COMBINATIONS)


def test_pictures_show_what_the_prompts_say(model: DiffusersImager) -> None:
    wanted = COMBINATIONS[::3]
    right = 0
    for i, (colour, shape, background) in enumerate(wanted):
        prompt = f"a {colour} {shape} on a {background} background"
        (made,) = pictures(model, asked(prompt, seed=1000 + i))
        right += see(made.image) == (colour, shape, background)
    assert right >= len(wanted) - 2


def test_an_unknown_thing_has_at_least_its_colour(model: DiffusersImager) -> None:
    made = pictures(model, asked("an orange tree", steps=9, guidance=0, batch_size=8))
    assert sum(see(each.image).colour == "orange" for each in made) >= 7


def test_a_seed_draws_the_same_picture_alone_and_in_a_batch(model: DiffusersImager) -> None:
    batch = pictures(model, asked(seed=5, batch_size=3, batch_count=2))
    assert [each.seed for each in batch] == [5, 6, 7, 8, 9, 10]
    assert [each.index for each in batch] == [0, 1, 2, 3, 4, 5]
    assert len({each.image.rgb for each in batch}) == 6
    (again,) = pictures(model, asked(seed=9))
    assert np.abs(pixels(again.image) - pixels(batch[4].image)).max() <= 1  # rounding
    assert pictures(model, asked(seed=9))[0].image.rgb == again.image.rgb


def test_previews_come_closer_to_the_picture(model: DiffusersImager) -> None:
    found = events(model, asked(previews=3, batch_size=2))
    assert [type(each) for each in found] == [ImagePreview] * 6 + [MadeImage] * 2
    for index in (0, 1):
        *previews, made = [each for each in found if each.index == index]
        assert [each.number for each in previews if isinstance(each, ImagePreview)] == [0, 1, 2]
        far = [float(np.abs(pixels(each.image) - pixels(made.image)).mean()) for each in previews]
        assert far[0] > far[1] > far[2] > 0
        assert see(previews[-1].image) == see(made.image)


def test_an_initial_picture_is_changed_as_the_prompt_says(model: DiffusersImager) -> None:
    right = 0
    for i, shape in enumerate(SHAPES):
        initial = image_of("red", shape)
        request = asked(f"a blue {shape}", initial=initial, strength=0.8, seed=i, batch_size=2)
        right += sum(see(each.image)[:2] == ("blue", shape) for each in pictures(model, request))
    assert right >= 7


def test_without_a_prompt_an_initial_picture_is_varied(model: DiffusersImager) -> None:
    shapes = colours = 0
    for i, (colour, shape, background) in enumerate(COMBINATIONS[::6]):
        initial = image_of(colour, shape, background)
        (made,) = pictures(model, asked("", initial=initial, strength=0.5, seed=i))
        assert np.abs(pixels(made.image) - pixels(initial)).mean() > 2
        colours += see(made.image).colour == colour
        shapes += see(made.image).shape == shape
    assert shapes >= 11
    assert colours >= 8


def test_steps_are_counted_over_all_batches(model: DiffusersImager) -> None:
    job = Job()
    events(model, asked(batch_count=3, steps=4), job)
    assert (job.done, job.total) == (12, 12)
    job = Job()
    events(model, asked(steps=10, initial=image_of("red", "circle"), strength=0.5), job)
    assert (job.done, job.total) == (5, 5)


class Stopping(Job):
    """Is stopped at a step, as from another thread."""

    def note(self, done: int, total: int) -> None:
        if done == 3:
            self.cancel()
        super().note(done, total)


def test_a_stopped_drawing_ends_within_a_step_and_leaves_the_model_as_it_was(
    model: DiffusersImager,
) -> None:
    before = pictures(model, asked())[0].image.rgb
    for fields in ({}, {"initial": image_of("red", "circle")}):
        job = Stopping()
        with pytest.raises(Cancelled):
            events(model, asked(**fields), job)
        assert job.done == 3
    assert pictures(model, asked())[0].image.rgb == before


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("task", ["text", "picture", "mask"])
def test_every_family_draws_and_a_batch_is_as_its_pictures_alone(
    families: dict[str, DiffusersImager], family: str, task: str
) -> None:
    model = families[family]
    initial = None if task == "text" else image_of("red", "circle")
    mask = LEFT_HALF if task == "mask" else None
    strength = 0.6 if task == "picture" else 1.0
    request = asked(steps=5, initial=initial, mask=mask, strength=strength)
    job = Job()
    batch = ImageRequest(**{**_fields(request), "batch_size": 2, "previews": 1})
    found = events(model, batch, job)
    assert (job.done, job.total) == (request.steps_taken, request.steps_taken)
    assert [type(each) for each in found] == [ImagePreview] * 2 + [MadeImage] * 2
    assert {(each.image.width, each.image.height) for each in found} == {(64, 64)}
    (alone,) = pictures(model, ImageRequest(**{**_fields(request), "seed": request.seed + 1}))
    assert np.abs(pixels(alone.image) - pixels(found[-1].image)).max() <= 2


def _fields(request: ImageRequest) -> dict[str, Any]:
    return {name: getattr(request, name) for name in ImageRequest.__dataclass_fields__}


def test_families_say_what_suits_them(families: dict[str, DiffusersImager]) -> None:
    traits = {name: model.traits for name, model in families.items()}
    assert (traits["sdxl"].guidance, traits["sd3"].guidance) == (5.0, 7.0)
    assert (traits["flux-schnell"].steps, traits["flux-schnell"].guidance) == (4, 0.0)
    able = {name: model.info.capabilities for name, model in families.items()}
    assert "negative_prompt" in able["sdxl"]
    assert "negative_prompt" not in able["flux-dev"]
    lengths = {name: model.measure("red " * 1000).limit for name, model in families.items()}
    assert lengths == {"sd": 22, "sdxl": 22, "sd3": 256, "flux-dev": 512, "flux-schnell": 512}


def test_a_prompt_is_measured_as_the_text_encoder_reads_it(model: DiffusersImager) -> None:
    assert model.measure("a red circle").tokens == 3
    assert model.measure("a red circle").unread == 0
    long = model.measure("red " * 100)
    assert (long.tokens, long.limit, long.unread) == (100, 22, 78)
    kept = pictures(model, asked("red " * 22, steps=3))[0].image.rgb
    assert pictures(model, asked("red " * 100, steps=3))[0].image.rgb == kept


def test_the_bundled_model_brings_its_own_defaults(model: DiffusersImager) -> None:
    traits = model.traits
    assert (traits.width, traits.height, traits.steps, traits.guidance) == (64, 64, 12, 3.0)
    assert traits.max_side == 64


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_draws_the_same_things(dtype: str) -> None:
    model = load(dtype=dtype)
    assert model.info.options["dtype"] == dtype
    assert see(pictures(model, asked("a green square", steps=6))[0].image)[:2] == (
        "green",
        "square",
    )
    model.close()


def test_numbers_that_overflow_are_an_error_and_no_picture(model: DiffusersImager) -> None:
    unet = model._pipelines.base.unet  # pyright: ignore[reportPrivateUsage]
    kept = unet.conv_out.bias.data.clone()
    unet.conv_out.bias.data.fill_(float("nan"))
    try:
        with pytest.raises(ModelError, match="overflowed"):
            events(model, asked(steps=2))
    finally:
        unet.conv_out.bias.data.copy_(kept)
    assert see(pictures(model, asked())[0].image) == ("red", "circle", "white")


def test_too_little_memory_is_told_and_the_next_picture_works(
    model: DiffusersImager, monkeypatch: pytest.MonkeyPatch
) -> None:
    unet = model._pipelines.base.unet  # pyright: ignore[reportPrivateUsage]

    def full(*_: Any, **__: Any) -> NoReturn:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(unet, "forward", full)
        with pytest.raises(ModelError, match="memory"):
            events(model, asked())
    assert see(pictures(model, asked())[0].image) == ("red", "circle", "white")


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise AssertionError("something tried to reach the network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.mark.usefixtures("no_network")
def test_a_single_file_draws_as_its_folder_does(tmp_path: Path) -> None:
    folder = save_family("sd", tmp_path)
    file = save_single_file(folder)
    first, second = (pictures(load(path), asked(steps=3))[0].image for path in (folder, file))
    assert first.rgb == second.rgb


@pytest.mark.usefixtures("no_network")
def test_a_single_file_without_configuration_says_what_it_needs(tmp_path: Path) -> None:
    file = save_single_file(save_family("sd", tmp_path))
    shutil.rmtree(tmp_path / "one.config")
    with pytest.raises(LoadError, match=r"stable-diffusion-v1-5.*one\.config"):
        load(file)


def copy_of_bundled(folder: Path, **index: Any) -> Path:
    path = folder / "model"
    shutil.copytree(BUNDLED, path)
    file = path / "model_index.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | index))
    return path


def test_code_that_comes_with_a_model_is_not_run(tmp_path: Path) -> None:
    trap = "from pathlib import Path\nPath(__file__).with_name('ran').touch()\n"
    pipeline = copy_of_bundled(
        tmp_path / "one", _class_name=["pipeline", "StableDiffusionPipeline"]
    )
    part = copy_of_bundled(tmp_path / "two", unet=["evil", "UNet2DConditionModel"])
    module = copy_of_bundled(tmp_path / "three", unet=["this.antigravity", "Flight"])
    (pipeline / "pipeline.py").write_text(trap)
    (part / "unet" / "evil.py").write_text(trap)
    for path in (pipeline, part, module):
        with pytest.raises(LoadError, match=r"not run|cannot be loaded"):
            load(path)
    assert not list(tmp_path.rglob("ran"))


def test_a_file_beside_the_pipeline_is_no_code_of_it(tmp_path: Path) -> None:
    path = copy_of_bundled(tmp_path)
    (path / "pipeline.py").write_text("raise SystemExit")
    load(path).close()


def test_pickled_weights_are_not_read(tmp_path: Path) -> None:
    path = copy_of_bundled(tmp_path)
    weights = path / "unet" / "diffusion_pytorch_model.safetensors"
    torch.save({}, weights.with_suffix(".bin"))
    weights.unlink()
    with pytest.raises(LoadError):
        load(path)
    checkpoint = tmp_path / "old.ckpt"
    torch.save({}, checkpoint)
    with pytest.raises(LoadError, match="safetensors"):
        load(checkpoint)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: (path / "model_index.json").write_text("{"),
        lambda path: (path / "model_index.json").write_text("[]"),
        lambda path: (path / "vae" / "config.json").unlink(),
        lambda path: (path / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(b"x" * 99),
        lambda path: shutil.rmtree(path / "tokenizer"),
        lambda path: (path / "hearth.yaml").write_text("steps: many"),
        lambda path: (path / "hearth.yaml").write_text("stepps: 3"),
    ],
)
def test_a_damaged_folder_is_a_load_error(tmp_path: Path, damage: Any) -> None:
    path = copy_of_bundled(tmp_path)
    damage(path)
    with pytest.raises(LoadError) as caught:
        load(path)
    assert len(caught.value.message) < 500


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"device": "toaster"}, "toaster"),
        ({"device": "cuda:99"}, "cuda:99"),
        ({"attn_backend": "flash_attention_2"}, "flash_attention_2"),
        ({"quant": "bnb-4bit"}, "bitsandbytes|GPU"),
    ],
)
def test_what_this_machine_has_not_is_told(options: dict[str, Any], words: str) -> None:
    with pytest.raises(LoadError, match=words):
        load(**options)


def test_a_model_without_a_variant_says_so(model: DiffusersImager) -> None:
    variants = model._pipelines._by_task  # pyright: ignore[reportPrivateUsage]
    kept = variants.pop("inpainting")
    try:
        request = asked(initial=image_of("red", "circle"), mask=LEFT_HALF)
        with pytest.raises(Unsupported, match="inpainting"):
            events(model, request)
    finally:
        variants["inpainting"] = kept


SCHEDULERS = (
    *("EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler", "DPMSolverMultistepScheduler"),
    *("HeunDiscreteScheduler", "UniPCMultistepScheduler", "PNDMScheduler", "DDPMScheduler"),
    *("LCMScheduler", "KDPM2DiscreteScheduler"),
)


@pytest.mark.parametrize("name", SCHEDULERS)
def test_steps_and_previews_fit_every_scheduler(name: str) -> None:
    """Some take more steps than were asked for, some fewer; some say what they expect, others only the noisy latents."""
    model = load()
    base = model._pipelines.base  # pyright: ignore[reportPrivateUsage]
    scheduler = getattr(diffusers, name).from_config(base.scheduler.config)
    for pipeline in model._pipelines._by_task.values():  # pyright: ignore[reportPrivateUsage]
        pipeline.scheduler = scheduler
    for initial in (None, image_of("red", "circle")):
        job = Job()
        found = events(model, asked(previews=2, initial=initial, strength=0.8), job)
        assert [type(each) for each in found] == [ImagePreview, ImagePreview, MadeImage]
        assert job.done == job.total >= 9
        *previews, made = found
        far = [float(np.abs(pixels(each.image) - pixels(made.image)).mean()) for each in previews]
        assert far[0] > far[1]
    assert "step" not in vars(scheduler)
    model.close()


def test_what_the_models_own_checker_holds_back_is_an_error(
    model: DiffusersImager, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = type(model._pipelines.base)  # pyright: ignore[reportPrivateUsage]
    with monkeypatch.context() as patch:
        patch.setattr(kind, "run_safety_checker", lambda _, image, *__: (image, [True]))
        with pytest.raises(RequestError) as caught:
            events(model, asked())
    assert caught.value.code == "content_policy_violation"


@pytest.mark.parametrize("quant", ["torchao-int8wo", "torchao-float8wo", "torchao-fp4"])
def test_quantised_weights_draw_the_same_things(quant: str) -> None:
    pytest.importorskip("torchao")
    model = load(quant=quant)
    unet = model._pipelines.base.unet  # pyright: ignore[reportPrivateUsage]
    assert any(type(each.data) is not torch.Tensor for each in unet.parameters())
    assert see(pictures(model, asked())[0].image) == ("red", "circle", "white")


@pytest.mark.slow
def test_a_compiled_model_draws_the_same_things() -> None:
    model = load(compile=True)
    assert see(pictures(model, asked())[0].image) == ("red", "circle", "white")
