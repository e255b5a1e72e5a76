"""One outer iteration of F2SA-p on 20 Newsgroups, one thread: ours and the competitors.

Process CPU time, all in one process and interleaved. Run `python -m bench.text_iteration`.
"""

from __future__ import annotations

from .timing import Task, interleave, ratios, spread, use_one_core

use_one_core()

import itertools  # noqa: E402

import numpy as np  # noqa: E402

from .data import newsgroups  # noqa: E402
from .record import Table, arguments, publish  # noqa: E402
from .text_setting import COMPETITORS, Competitors, our_run  # noqa: E402

FLOAT32, FLOAT64 = "fastbilevel", "fastbilevel, float64"


def competitor_task(competitors: Competitors, name: str, order: int) -> Task:
    """One outer iteration a round, on the blocks of the next of the drawn plans."""
    solver = competitors.make(name, order)
    plans = itertools.cycle(competitors.plans)
    return Task(lambda: solver.iterate(next(plans)))


def main() -> None:
    options = arguments(__doc__)
    # Iterations of one turn of ours, times the order. A turn ends with an evaluation on all of the
    # validation data, so it must be long.
    orders, rounds, turn = ((2,), 2, 20) if options.quick else ((2, 10), 7, 160)
    text = newsgroups(options.cache)
    competitors = Competitors(text, iterations=32)
    tasks = {}
    for order in orders:
        count = turn // order
        tasks[FLOAT32, order] = Task(our_run(text, order, count).advance, count)
        for name in COMPETITORS:
            tasks[name, order] = competitor_task(competitors, name, order)
    count = turn // 6
    tasks[FLOAT64, 2] = Task(our_run(text, 2, count, dtype=np.float64).advance, count)
    times = interleave(tasks, rounds)

    n, d = text.X.shape
    table = Table(
        f"{text.name} ({n} x {d}), F2SA-p, one outer iteration, one thread, float32",
        ["", *(f"p = {p}: ms" for p in orders), *(f"p = {p}: fastbilevel is" for p in orders)],
        notes=[
            "Process CPU time: median (least–greatest) over "
            f"{rounds} interleaved rounds; ratios are taken round by round."
        ],
    )
    ours = {order: times[FLOAT32, order].cpu for order in orders}
    for name, label in {FLOAT32: FLOAT32, **COMPETITORS}.items():
        cpu = {order: times[name, order].cpu for order in orders}
        factors = [
            "" if name == FLOAT32 else spread(ratios(cpu[p], ours[p])) + " x faster" for p in orders
        ]
        table.add(label, *(spread(cpu[p], 1e-3) for p in orders), *factors)
    table.raw = {f"{name}, p = {p}": t._asdict() for (name, p), t in times.items()}

    costs = Table("Cost of an outer iteration relative to p = 2 in float32", ["", "ratio"])
    costs.add("float64, p = 2", spread(ratios(times[FLOAT64, 2].cpu, ours[2])))
    for order in orders[1:]:
        costs.add(f"float32, p = {order}", spread(ratios(ours[order], ours[2])))
    publish("text_iteration", [table, costs], options)


if __name__ == "__main__":
    main()
