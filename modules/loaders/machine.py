"""What this machine has: cores and memory, as far as this process may use them."""

import os
from contextlib import suppress
from pathlib import Path

_FALLBACK_MEMORY = 8 * 2**30
_CGROUP = Path("/sys/fs/cgroup")
_GPU_DEVICES = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")


def calm_openmp() -> None:
    """Before a library brings its libgomp, which reads this once: threads that wait for each other shall not spin for long.

    With the default two of them on busy cores collapse: a forward of 2 ms was measured at 400 ms.
    """
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")


def usable_cores(cgroup: Path = _CGROUP) -> int:
    """Cores that this process may run on: its affinity mask, and a container's share (`cpu.max`) rounded up."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    with suppress(OSError, ValueError):
        quota, period = (cgroup / "cpu.max").read_text().split()
        return max(1, min(cores or 1, -(-int(quota) // int(period))))
    return cores or 1


def memory_bytes(cgroup: Path = _CGROUP) -> int:
    """Physical memory, or a container's limit (`memory.max`); 8 GiB where the system does not say."""
    try:
        physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        physical = _FALLBACK_MEMORY
    with suppress(OSError, ValueError):
        return min(physical, int((cgroup / "memory.max").read_text()))
    return physical


def has_gpu(devices: tuple[str, ...] = _GPU_DEVICES) -> bool:
    """Whether the system shows one that CUDA, ROCm or WSL can use; whether torch can, only torch knows."""
    return any(Path(device).exists() for device in devices)
