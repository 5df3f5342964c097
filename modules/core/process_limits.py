"""Limits of a process that reads what strangers wrote."""


def limit_process(*, memory_bytes: int, cpu_seconds: int) -> None:
    """Of this process: memory, and time of the processor; besides, it writes no files and starts no processes. Windows has none of these
    limits."""
    try:
        import resource
    except ImportError:
        return
    limits = {
        "RLIMIT_AS": memory_bytes,
        "RLIMIT_CPU": cpu_seconds,
        "RLIMIT_FSIZE": 0,
        "RLIMIT_CORE": 0,
        "RLIMIT_NPROC": 0,
    }
    for name, limit in limits.items():
        kind = getattr(resource, name, None)
        if kind is None:
            continue
        _, most = resource.getrlimit(kind)
        if most == resource.RLIM_INFINITY or limit < most:
            resource.setrlimit(kind, (limit, limit))
