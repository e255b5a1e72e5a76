"""F2SA-p on 20 Newsgroups with two threads, in ten processes one after the other.

On small virtual machines some processes get both threads on one core for their whole life, so one
process says little. Wall time. Run `python -m bench.text_threads`.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from typing import Any

from .data import newsgroups
from .record import Table, arguments, publish
from .timing import Task, interleave, ratios, spread

THREADS = (1, 2)


def measure(cache: str | None, orders: tuple[int, ...], rounds: int) -> dict[str, list[float]]:
    """Seconds of wall time per outer iteration in this process, by variant."""
    import torch

    from .text_setting import Competitors, our_run

    torch.set_num_threads(1)
    text = newsgroups(cache)
    competitors = Competitors(text, iterations=1)
    tasks = {}
    for order in orders:
        count = 80 // order
        for threads in THREADS:
            run = our_run(text, order, count, n_threads=threads)
            tasks[f"{order} {threads}"] = Task(run.advance, count)
        solver = competitors.make("torch_autograd", order, workers=1)
        tasks[f"{order} torch"] = Task(lambda solver=solver: solver.iterate(competitors.plans[0]))
    return {name: times.wall for name, times in interleave(tasks, rounds).items()}


def in_new_process(cache: str | None, orders: tuple[int, ...], rounds: int) -> dict[str, Any]:
    """`measure` in a fresh interpreter; the median over the rounds, by variant."""
    call = f"measure({cache!r}, {orders!r}, {rounds!r})"
    code = f"import json; from {__spec__.name} import measure; print(json.dumps({call}))"
    done = subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True
    )
    walls = json.loads(done.stdout.splitlines()[-1])
    return {name: statistics.median(values) for name, values in walls.items()}


def main() -> None:
    options = arguments(__doc__)
    orders, rounds, processes = ((2,), 1, 2) if options.quick else ((2, 10), 2, 10)
    runs = [in_new_process(options.cache, orders, rounds) for _ in range(processes)]
    table = Table(
        f"F2SA-p, one outer iteration, wall time over {processes} processes",
        ["", "1 thread: ms", "2 threads: ms", "2 threads: speed-up", "2 threads: torch takes"],
        notes=[
            "Median (least–greatest) over processes. torch: autograd on COO tensors, one thread, "
            "same process."
        ],
    )
    for order in orders:
        one, two, torch = ([run[f"{order} {kind}"] for run in runs] for kind in (1, 2, "torch"))
        table.add(
            f"p = {order}",
            spread(one, 1e-3),
            spread(two, 1e-3),
            spread(ratios(one, two)) + " x",
            spread(ratios(torch, two)) + " x as long",
        )
    table.raw = {"processes": runs}
    publish("text_threads", [table], options)


if __name__ == "__main__":
    main()
