"""Where the time of a call of `minimize` goes."""

from __future__ import annotations

import math
import time

from fastbilevel.kernels.compiling import seconds_compiling


class Clock:
    """Seconds of setup, of compiling and of iterations.

    Parameters
    ----------
    limit : float or None
        Seconds that all of it may take.
    """

    def __init__(self, limit: float | None):
        self._limit = math.inf if limit is None else limit
        self._start = self._now()
        self._first: tuple[float, float] | None = None

    @staticmethod
    def _now() -> tuple[float, float]:
        return time.perf_counter(), seconds_compiling()

    def begin(self) -> None:
        """Setup is over: iterations begin."""
        self._first = self._now()

    def timings(self) -> dict[str, float]:
        """Seconds by what they went into: `setup`, `compile` (at any time) and `run`."""
        now = self._now()
        first = self._first or now
        compiled = now[1] - self._start[1]
        setup = first[0] - self._start[0] - (first[1] - self._start[1])
        run = now[0] - first[0] - (now[1] - first[1])
        return {"setup": setup, "compile": compiled, "run": run}

    def is_over(self) -> bool:
        """Whether the limit is reached."""
        return time.perf_counter() - self._start[0] >= self._limit
