"""Chat templates on the page: of models that are not loaded, previews, and what may be saved."""

from pathlib import Path

import pytest

from modules.core.errors import RequestError
from modules.engine.manager import ModelManager
from modules.loaders.catalog import Catalog, InstalledModel
from modules.ui.model.template import (
    check_template,
    list_shipped,
    preview,
    read_shipped,
    read_template,
)

USER_DATA = Path(__file__).resolve().parents[3] / "user_data"
MODELS = USER_DATA / "models"
pytestmark = pytest.mark.anyio


@pytest.fixture
async def models() -> ModelManager:
    return ModelManager(Catalog(MODELS))


@pytest.mark.parametrize("name", ["tiny-chat-Q8_0.gguf", "tiny-chat"])
async def test_a_model_need_not_be_loaded(models: ModelManager, name: str) -> None:
    shown = read_template(models, models.catalog.get(name))
    assert "messages" in shown.text
    assert shown.source
    assert shown.problem == ""


async def test_another_server_keeps_its_own(models: ModelManager) -> None:
    shown = read_template(models, InstalledModel("gpt", Path(), "upstream"))
    assert "upstream server keeps" in shown.problem


async def test_a_damaged_file_has_a_problem(models: ModelManager, tmp_path: Path) -> None:
    path = tmp_path / "a.gguf"
    path.write_bytes(b"GGUF")
    assert read_template(models, InstalledModel("a.gguf", path, "llamacpp")).problem


async def test_the_preview_is_the_sample_as_the_model_gets_it(models: ModelManager) -> None:
    model = models.catalog.get("tiny-chat-Q8_0.gguf")
    shipped = read_shipped(models, model, "ChatML")
    text = preview(models, model, shipped.text, with_tool=False, thinks=True)
    assert "<|im_start|>user\nWhat can I make of two eggs?<|im_end|>" in text
    own = read_template(models, model)
    assert "find_recipe" in preview(models, model, own.text, with_tool=True, thinks=True)
    assert "find_recipe" not in preview(models, model, own.text, with_tool=False, thinks=True)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("{% for", "not valid"),
        ("always the same", "leaves out what the user says"),
        ("{{ raise_exception('no') }}", "refuses"),
    ],
)
async def test_what_cannot_be_a_template_is_refused(
    models: ModelManager, text: str, reason: str
) -> None:
    model = models.catalog.get("tiny-chat-Q8_0.gguf")
    with pytest.raises(RequestError, match=reason):
        check_template(models, model, text)


async def test_shipped_ones_are_listed_and_all_can_be_saved(models: ModelManager) -> None:
    names = list_shipped(USER_DATA / "instruction-templates")
    assert "ChatML" in names
    model = models.catalog.get("tiny-chat-Q8_0.gguf")
    for name in names[:4]:
        check_template(models, model, read_shipped(models, model, name).text)
