"""From bytes and operations to the least time that a device takes for them; see `roofline`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Peaks:
    """What a device can do at most.

    Attributes
    ----------
    name : str
    bandwidth : float
        Bytes per second from and to memory.
    float32, float64 : float
        Operations per second, without tensor cores.
    source : str
        Where the numbers are from.
    launch, barrier : float
        Seconds of the host for a launch from Python; of a kernel that waits for all its blocks.
    """

    name: str
    bandwidth: float
    float32: float
    float64: float
    source: str
    launch: float = 5e-6
    barrier: float = 1.5e-6


@dataclass(frozen=True)
class Floor:
    """Least seconds of a kernel, resource by resource."""

    memory: float
    float32: float
    float64: float
    barriers: float
    launching: float

    @property
    def device(self) -> float:
        """Of the device alone."""
        return max(self.memory, self.float32, self.float64) + self.barriers


@dataclass(frozen=True)
class Work:
    """What one call of a kernel, or one step of several launches, has to do."""

    kernel: str
    size: str
    bytes: float
    float32: float
    float64: float
    launches: int = 1
    barriers: int = 0

    @property
    def operations(self) -> float:
        return self.float32 + self.float64

    @property
    def intensity(self) -> float:
        """Operations per byte."""
        return self.operations / self.bytes

    def floor(self, peaks: Peaks) -> Floor:
        return Floor(
            self.bytes / peaks.bandwidth,
            self.float32 / peaks.float32,
            self.float64 / peaks.float64,
            self.barriers * peaks.barrier,
            self.launches * peaks.launch,
        )


def floor_of_iteration(steps: Sequence[tuple[int, Work]], peaks: Peaks) -> tuple[float, float]:
    """Least seconds of the device, and of the host for the launches; they run side by side."""
    floors = [(times, work.floor(peaks)) for times, work in steps]
    return (
        sum(times * floor.device for times, floor in floors),
        sum(times * floor.launching for times, floor in floors),
    )
