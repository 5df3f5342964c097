from collections.abc import Iterator

import pytest

from tests.unit.openai_media.web import Web, serving


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as started:
        yield started
