"""Sizes for people."""


def shown_size(size: float) -> str:
    """`4.1 GB`, in powers of ten as disks and the hub count."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"
