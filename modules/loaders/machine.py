"""What this machine has: cores and memory, as far as this process may use them."""

import os

_FALLBACK_MEMORY = 8 * 2**30


def usable_cores() -> int:
    """Cores that this process may run on (an affinity mask counts)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_bytes() -> int:
    """Physical memory; 8 GiB where the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return _FALLBACK_MEMORY
