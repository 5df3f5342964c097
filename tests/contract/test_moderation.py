"""What the shipped file finds with the bundled model, on texts that are not in it. docs/api.md quotes the figures."""

from collections.abc import AsyncIterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from modules.core.jobs import Job
from modules.engine.media.worker import Worker
from modules.engine.moderation.moderator import Moderator, Verdict
from modules.engine.moderation.rules import CATEGORIES, read_rules
from modules.loaders.media_catalog import InstalledMedia
from modules.loaders.registry import load_media
from modules.settings import ROOT

pytestmark = pytest.mark.anyio

FILE = ROOT / "user_data" / "moderation.yaml"
TEXTS: Mapping[str, list[str]] = yaml.safe_load(
    Path(__file__).with_name("moderation_set.yaml").read_text(encoding="utf-8")
)
MODELS = {"tiny-embed": "sentence_transformers", "tiny-embed-F16.gguf": "llamacpp"}


@pytest.fixture(params=MODELS)
async def worker(request: pytest.FixtureRequest) -> AsyncIterator[Worker[Any]]:
    path = ROOT / "user_data" / "embedding_models" / request.param
    model = InstalledMedia(path.name, MODELS[request.param], path)
    made: Worker[Any] = Worker(path.name)
    await made.load(partial(load_media, "embedding", model, {"device": "cpu"}))
    yield made
    made.close()
    await made.closed.wait()


def test_no_text_of_the_set_is_in_the_file() -> None:
    texts = {text for several in TEXTS.values() for text in several}
    assert not texts & set(read_rules(FILE).examples)
    assert set(TEXTS) == {"harmless", *CATEGORIES}
    assert len(texts) >= 60


async def test_harmful_texts_are_told_from_harmless_ones(worker: Worker[Any]) -> None:
    verdicts = await judge(worker)
    flagged = {kind: sum(bool(v.found) for v in found) for kind, found in verdicts.items()}
    harmless = flagged.pop("harmless")
    right = sum(flagged.values())
    harmful = sum(len(found) for kind, found in verdicts.items() if kind != "harmless")
    precision, recall = right / (right + harmless), right / harmful
    assert precision > 0.9, (worker.name, precision, recall, harmless)
    assert recall > 0.65, (worker.name, precision, recall, harmless)


async def test_the_highest_score_is_mostly_that_of_the_right_category(worker: Worker[Any]) -> None:
    verdicts = await judge(worker)
    pairs = [(kind, v) for kind, found in verdicts.items() if kind != "harmless" for v in found]
    right = sum(max(v.scores, key=v.scores.__getitem__) == kind for kind, v in pairs)
    assert right / len(pairs) > 0.75, (worker.name, right, len(pairs))


async def judge(worker: Worker[Any]) -> dict[str, list[Verdict]]:
    moderator = Moderator(lambda: FILE)
    found: dict[str, list[Verdict]] = {}
    for kind, texts in TEXTS.items():
        found[kind], tokens = await moderator.judge(worker, texts, Job())
        assert tokens > len(texts)
    return found
