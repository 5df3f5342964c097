import pytest
from hypothesis import settings

from modules.engine import model_builder
from tests.unit.engine.fake_loader import FakeLoader

# Busy machines are slow machines: an example may take as long as it needs.
settings.register_profile("hearth", deadline=None)
settings.load_profile("hearth")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def loader(monkeypatch: pytest.MonkeyPatch) -> FakeLoader:
    """Stands for llama.cpp's, in managers of models that are made after it."""
    loader = FakeLoader()
    monkeypatch.setattr(model_builder, "LOADERS", {"llamacpp": lambda: loader})
    return loader
