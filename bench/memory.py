"""Peak memory of a fresh process that loads 20 Newsgroups and runs F2SA-p in float32.

Run `python -m bench.memory`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from .record import Table, arguments, publish

CODE = """
import numpy as np
import fastbilevel as fb
from bench.data import newsgroups
from bench.memory import peak_megabytes
from bench.text_setting import BATCH, OPTIONS
text = newsgroups({cache!r})
loaded = peak_megabytes()
problem = fb.problems.LearnToRegularize(text.X, text.y, text.X_val, text.y_val)
result = fb.minimize(
    problem, order={order}, batch_size=BATCH, val_batch_size=BATCH, maxiter={iterations}, **OPTIONS
)
print(loaded, peak_megabytes(), result.fun)
"""


def peak_megabytes() -> float:
    """Largest resident set of this process so far, in MB (10^6 bytes)."""
    status = Path("/proc/self/status")
    if status.exists():
        # Unlike getrusage, this field starts anew when a program is executed.
        lines = status.read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1.024e-3
    import resource

    unit = 1e-6 if sys.platform == "darwin" else 1.024e-3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def in_new_process(cache: str | None, order: int, iterations: int) -> tuple[float, float, float]:
    """Peak before the run, peak after it, upper value reached."""
    code = CODE.format(cache=cache, order=order, iterations=iterations)
    done = subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True
    )
    loaded, peak, value = map(float, done.stdout.split()[-3:])
    return loaded, peak, value


def main() -> None:
    options = arguments(__doc__)
    orders, iterations = ((2,), 10) if options.quick else ((2, 4, 10), 100)
    table = Table(
        f"Peak resident memory of a fresh process, 20 Newsgroups, {iterations} outer iterations",
        ["", "data loaded: MB", "after the run: MB", "validation loss reached"],
    )
    in_new_process(options.cache, orders[0], 1)  # fills the cache of machine code
    for order in orders:
        loaded, peak, value = in_new_process(options.cache, order, iterations)
        table.add(f"F2SA-{order}", f"{loaded:.0f}", f"{peak:.0f}", f"{value:.4f}")
        table.raw[f"F2SA-{order}"] = {"loaded": loaded, "peak": peak}
    publish("memory", [table], options)


if __name__ == "__main__":
    main()
