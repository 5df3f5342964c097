"""A container's limits count, where there are any."""

import os
from pathlib import Path

import pytest

from modules.loaders.machine import memory_bytes, usable_cores


@pytest.fixture
def cgroup(tmp_path: Path) -> Path:
    return tmp_path


def test_without_limits_the_machine_counts(cgroup: Path) -> None:
    (cgroup / "cpu.max").write_text("max 100000\n")
    (cgroup / "memory.max").write_text("max\n")
    assert usable_cores(cgroup) == usable_cores(cgroup / "none") <= (os.cpu_count() or 1)
    assert memory_bytes(cgroup) == memory_bytes(cgroup / "none") > 2**28


def test_a_containers_memory_counts(cgroup: Path) -> None:
    (cgroup / "memory.max").write_text(f"{2**28}\n")
    assert memory_bytes(cgroup) == 2**28


@pytest.mark.parametrize(("quota", "cores"), [("50000", 1), ("100000", 1)])
def test_a_containers_share_of_the_cores_counts(cgroup: Path, quota: str, cores: int) -> None:
    (cgroup / "cpu.max").write_text(f"{quota} 100000\n")
    assert usable_cores(cgroup) == cores


def test_a_share_above_what_there_is_adds_none(cgroup: Path) -> None:
    (cgroup / "cpu.max").write_text("99900000 100000\n")
    assert usable_cores(cgroup) == usable_cores(cgroup / "none")
