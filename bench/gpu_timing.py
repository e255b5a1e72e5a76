"""Times of the device, by its events, and what the device can do at most."""

from __future__ import annotations

import contextlib
import statistics
import time
from typing import Any, NamedTuple

from fastbilevel.kernels import cuda

from .gpu_cases import Case
from .gpu_floor import Peaks


class Measured(NamedTuple):
    """A case that was timed.

    Attributes
    ----------
    first : float
        Seconds of the first call on the host, in which kernels are compiled or read from CuPy's
        cache on disk.
    called : float
        Seconds of a call, called from Python one after the other; the least wait for launches.
    replayed : float or None
        Seconds of a call in a graph, which needs no launches by Python; None if it cannot be one.
    """

    first: float
    called: float
    replayed: float | None

    @property
    def seconds(self) -> float:
        """Of the kernel, as little of the host in it as there can be."""
        return self.called if self.replayed is None else min(self.called, self.replayed)


class Clock:
    """Seconds of the device between two events on the current stream.

    Parameters
    ----------
    cupy : module
    calls : int
        Between two events.
    rounds : int
        Of which the median is taken.
    """

    def __init__(self, cupy: Any, calls: int, rounds: int) -> None:
        self.cupy, self.calls, self.rounds = cupy, calls, rounds
        self._stream = cupy.cuda.Stream(non_blocking=True)

    def of(self, run: Any) -> float:
        """Median seconds of `run()` after one that is not counted."""
        event, times = self.cupy.cuda.Event, []
        for _ in range(self.rounds + 1):
            start, end = event(), event()
            start.record()
            run()
            end.record()
            end.synchronize()
            times.append(1e-3 * self.cupy.cuda.get_elapsed_time(start, end))
        return statistics.median(times[1:])

    def measure(self, case: Case) -> Measured:
        """A case from its first call on."""
        begin = time.perf_counter()
        case.call(0)
        self.cupy.cuda.Device().synchronize()
        first = time.perf_counter() - begin
        called = self.of(lambda: self._calls(case)) / self.calls
        return Measured(first, called, self._replayed(case) if case.captured else None)

    def _calls(self, case: Case) -> None:
        for i in range(self.calls):
            case.call(i)

    def _replayed(self, case: Case) -> float | None:
        """Seconds of a call in a graph; None where this device or driver cannot capture it."""
        stream = self._stream
        with stream:
            # Scratch belongs to a stream; the first call allocates it.
            case.call(0)
            stream.synchronize()
            stream.begin_capture()
            try:
                self._calls(case)
                graph = stream.end_capture()
            except Exception:
                with contextlib.suppress(Exception):
                    stream.end_capture()
                return None
            return self.of(graph.launch) / self.calls


def measured_peaks(clock: Clock, name: str, size: int, columns: int) -> Peaks:
    """What this device reaches: a copy of `size` bytes, matrix products, launches from Python.

    Products are those of cuBLAS, `columns` x `columns`, in float64 with tensor cores where there
    are any: more than our own kernels can have.
    """
    cupy = clock.cupy
    source, target = cupy.zeros(size // 4, "f"), cupy.zeros(size // 4, "f")
    bandwidth = 2 * size / clock.of(lambda: cupy.copyto(target, source))
    speeds = []
    for dtype in ("f", "d"):
        A = cupy.ones((columns, columns), dtype)
        out = cupy.empty_like(A)
        speeds.append(2 * columns**3 / clock.of(lambda A=A, out=out: cupy.matmul(A, A, out=out)))
    tiny = cupy.zeros(1, "f")

    def launches() -> None:
        for _ in range(clock.calls):
            cuda.vector.axpy(0.0, tiny, tiny)

    return Peaks(name, bandwidth, *speeds, "measured here", clock.of(launches) / clock.calls)
