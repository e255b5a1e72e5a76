"""Refuse runs that cannot fit, before they start."""

from __future__ import annotations

from pathlib import Path


def available_bytes(path: str = "/proc/meminfo") -> int | None:
    """Memory that can be had without swapping, or None where the system does not say."""
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def check_memory(wanted: int, what: str) -> None:
    """Raise if `wanted` bytes are more than the machine has left.

    Raises
    ------
    MemoryError
        With the estimate in MB.
    """
    left = available_bytes()
    if left is not None and wanted > left:
        raise MemoryError(
            f"{what} would take about {wanted / 2**20:.0f} MB, but only {left / 2**20:.0f} MB are "
            "free. Take a smaller order, float32, or fewer features."
        )
