"""What the double counts: launches, waits, allocations, transfers, copies. Settings and errors."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import NamedTuple


class EmulationError(RuntimeError):
    """A kernel or a launch breaks a rule of CUDA, or uses what the emulator lacks."""


class CUDARuntimeError(RuntimeError):
    """As CuPy raises it."""


class Settings:
    """The emulated device."""

    def __init__(self) -> None:
        # Threads and blocks run in order for 0, shuffled for every other number.
        self.seed = int(os.environ.get("EMULATOR_SEED", "0"))
        self.multiprocessors = 4
        # Of a cooperative launch; a real device decides by registers and shared memory.
        self.blocks_per_multiprocessor = 2


config = Settings()


class Launched(NamedTuple):
    """A kernel that was launched, or recorded in a graph."""

    name: str
    grid: tuple[int, ...]
    block: tuple[int, ...]
    shared: int
    recorded: bool


class Stats:
    """What has happened since the last reset, or in a block of `counting`."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.launches: list[Launched] = []
        self.graph_launches = 0
        self.syncs = 0
        self.allocations = 0
        self.transfers = 0
        self.copies = 0

    @property
    def names(self) -> list[str]:
        """Of the launched kernels, without their template arguments."""
        return [launched.name.partition("<")[0] for launched in self.launches]


stats = Stats()
_listening = [stats]


@contextlib.contextmanager
def counting() -> Iterator[Stats]:
    """Counts what happens within the block.

    launches (and names) of kernels, recorded ones too; graph_launches; syncs: waits of the host for
    the device; allocations of device arrays; transfers from the host to the device; copies: fills,
    copies and arithmetic in place on the device.
    """
    seen = Stats()
    _listening.append(seen)
    try:
        yield seen
    finally:
        _listening.remove(seen)


def count(what: str) -> None:
    for seen in _listening:
        setattr(seen, what, getattr(seen, what) + 1)


def count_launch(launched: Launched) -> None:
    for seen in _listening:
        seen.launches.append(launched)
