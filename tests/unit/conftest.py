import pytest
from hypothesis import settings

# Busy machines are slow machines: an example may take as long as it needs.
settings.register_profile("hearth", deadline=None)
settings.load_profile("hearth")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
