"""What is said of whole files of the contract."""

import pytest

from tests.contract.loaders import CASES
from tests.contract.upstream_case import UPSTREAM

all_engines = pytest.mark.parametrize(
    "case",
    [*CASES, UPSTREAM],
    ids=lambda case: case.loader,
    indirect=True,
    scope="session",
)
"""Also for models in other processes."""
