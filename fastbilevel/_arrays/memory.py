"""Refuse work that cannot fit into memory before it starts."""

from __future__ import annotations

from types import ModuleType

from fastbilevel._arrays.placement import library_of


def available_memory() -> int | None:
    """Bytes that can be allocated without swapping, or None where the system does not say."""
    try:
        with open("/proc/meminfo") as lines:
            for line in lines:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None


def check_memory(needed: int, what: str, k: ModuleType) -> None:
    """Raise MemoryError if `needed` bytes are more than there are where the kernels `k` work."""
    place, available = "", available_memory()
    if k.ON_DEVICE:
        place, available = " on the device", int(library_of(k).cuda.Device().mem_info[0])
    if available is not None and needed > available:
        raise MemoryError(
            f"{what} would take about {needed / 2**20:,.0f} MB; {available / 2**20:,.0f} MB are "
            f"available{place}. Use float32, fewer features or classes, or a lower order."
        )
