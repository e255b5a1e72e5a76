"""How fast the kernels are here: bytes and operations per second beside this machine's limits.

Bytes are those that a kernel's loads and stores touch, each array element once per use: rows of
the iterate that a sparse product gathers count every time, though most of them come from a cache.
A share above 1 of the copy bandwidth therefore means that the caches help. Operations are the
additions and multiplications of the matrix products; exponentials count as nothing.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from fastbilevel._rates.case import Case
from fastbilevel._rates.data_cases import cases

COPY_BYTES = 1 << 26

# Time of this process alone, where the clock is fine enough: others may use the machine too.
_FINE = time.get_clock_info("process_time").resolution < 1e-5
CLOCK = time.process_time if _FINE else time.perf_counter

COLUMNS = ("kernel", "size", "us", "GB/s", "of copy", "GFLOP/s", "of gemm")

GEMM = """
import sys, time
import numpy as np
a = np.ones((768, 768), sys.argv[1])
best = float("inf")
clock = getattr(time, sys.argv[3])
end = time.perf_counter() + float(sys.argv[2])
while time.perf_counter() < end:
    start = clock()
    a @ a
    best = min(best, clock() - start)
print(2 * 768**3 / best)
"""


class Limits(NamedTuple):
    """What one core of this machine can do.

    Attributes
    ----------
    copy : float
        Bytes per second, read and written, of a copy larger than the caches.
    gemm : float
        Operations per second of NumPy's matrix product.
    """

    copy: float
    gemm: float


class Rate(NamedTuple):
    """A measured kernel: seconds are the median of the repetitions."""

    kernel: str
    size: str
    seconds: float
    touched: float
    operations: float

    def row(self, limits: Limits) -> tuple[str, ...]:
        """Cells of a table with the headings `COLUMNS`."""
        bandwidth, speed = self.touched / self.seconds, self.operations / self.seconds
        counted = self.operations > 0
        return (
            self.kernel,
            self.size,
            f"{self.seconds * 1e6:.4g}",
            f"{bandwidth * 1e-9:.3g}",
            f"{bandwidth / limits.copy:.0%}",
            f"{speed * 1e-9:.3g}" if counted else "",
            f"{speed / limits.gemm:.0%}" if counted else "",
        )


def measure_limits(dtype: DTypeLike = np.float32, seconds: float = 0.5) -> Limits:
    """Copy bandwidth and matrix product rate of one core, best of about `seconds` each.

    The product runs in a new interpreter, because a BLAS library reads how many threads it may use
    only once.
    """
    source = np.ones(COPY_BYTES, np.uint8)
    target = np.zeros_like(source)
    times = _repeat(lambda: np.copyto(target, source), seconds)
    one_thread = dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"),
        "1",
    )
    command = [sys.executable, "-c", GEMM, np.dtype(dtype).name, str(seconds), CLOCK.__name__]
    done = subprocess.run(
        command, env={**os.environ, **one_thread}, stdout=subprocess.PIPE, text=True, check=True
    )
    return Limits(2 * COPY_BYTES / min(times), float(done.stdout))


def kernel_rates(dtype: DTypeLike = np.float32, seconds: float = 0.2) -> list[Rate]:
    """Speed of every CPU kernel that a run of a method spends its time in, one thread.

    Parameters
    ----------
    dtype : float32 or float64
    seconds : float
        Time for each kernel.
    """
    return [_rate(case, seconds) for case in cases(np.dtype(dtype))]


def _rate(case: Case, seconds: float) -> Rate:
    case.run(1)
    start = CLOCK()
    case.run(1)
    # About a millisecond in compiled code, so that entering it does not count.
    repeats = 1 + int(1e-3 / (CLOCK() - start))
    times = _repeat(lambda: case.run(repeats), seconds)
    each = statistics.median(times) / (repeats * case.calls)
    return Rate(case.kernel, case.size, each, case.touched, case.operations)


def _repeat(run: Callable[[], object], seconds: float) -> list[float]:
    """Time of each of at least three calls, after one that is not counted."""
    run()
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        start = CLOCK()
        run()
        times.append(CLOCK() - start)
    return times
