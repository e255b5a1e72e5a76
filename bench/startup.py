"""Import time, first `minimize` of a process with a warm cache, and compiling from nothing.

Run `python -m bench.startup`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

from .record import Table, arguments, publish
from .timing import spread

IMPORT = """
import time
start = time.perf_counter()
import fastbilevel
print(time.perf_counter() - start)
"""

FIRST_RUN = """
import time
import numpy as np
import fastbilevel as fb
X, y = fb.datasets.make_text(400, 5000, 20, 50, dtype=np.float32)
start = time.perf_counter()
problem = fb.problems.LearnToRegularize(X[:200], y[:200], X[200:], y[200:])
fb.minimize(
    problem, order=2, lr_y=100.0, batch_size=100, val_batch_size=100, maxiter=1, n_threads=1
)
print(time.perf_counter() - start)
"""


def last_line(code: str, **environment: str) -> str:
    """Last printed line of a new interpreter that runs `code`."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, **environment},
    )
    return done.stdout.splitlines()[-1]


def main() -> None:
    options = arguments(__doc__)
    repeats, cold_repeats = (3, 1) if options.quick else (15, 3)
    imports = [float(last_line(IMPORT)) for _ in range(repeats)]
    cold, warm = [], []
    for _ in range(cold_repeats):
        with tempfile.TemporaryDirectory() as folder:
            cold.append(float(last_line(FIRST_RUN, NUMBA_CACHE_DIR=folder)))
            for _ in range(repeats // cold_repeats):
                warm.append(float(last_line(FIRST_RUN, NUMBA_CACHE_DIR=folder)))

    table = Table(
        "Start of a process, F2SA-2 on sparse data, float32, one thread",
        ["", "seconds"],
        notes=["Median (least–greatest) over fresh processes."],
    )
    table.add("import fastbilevel", spread(imports))
    table.add("first minimize, machine code on disk", spread(warm))
    table.add("first minimize, everything compiled", spread(cold))
    table.raw = {"import": imports, "warm": warm, "cold": cold}
    publish("startup", [table], options)


if __name__ == "__main__":
    main()
