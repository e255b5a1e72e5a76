"""The same minibatches give the same loss curve: F2SA-2 on 20 Newsgroups, ours and competitors.

Run `python -m bench.text_curve`.
"""

from __future__ import annotations

from .timing import use_one_core

use_one_core()

import numpy as np  # noqa: E402

from .data import newsgroups  # noqa: E402
from .record import Table, arguments, publish  # noqa: E402
from .text_setting import (  # noqa: E402
    COMPETITORS,
    Competitors,
    loss_and_accuracy,
    nearest_mean,
    our_run,
)


def main() -> None:
    options = arguments(__doc__)
    iterations, every = (6, 2) if options.quick else (60, 10)
    text = newsgroups(options.cache)
    competitors = Competitors(text, iterations)
    d, C = competitors.shape
    solvers = {label: competitors.make(name, 2) for name, label in COMPETITORS.items()}
    ours = {
        "fastbilevel": our_run(text, 2, every),
        "fastbilevel, float64": our_run(text, 2, every, dtype=np.float64),
    }

    names = [*ours, *solvers]
    table = Table(
        f"{text.name}, F2SA-2, validation loss on the same minibatches",
        ["outer iterations", *names],
    )
    curves: dict[str, list[float]] = {name: [] for name in names}
    models: dict[str, np.ndarray] = {}
    for stop in range(every, iterations + 1, every):
        for name, run in ours.items():
            if run.intermediate.nit < stop:
                run.advance()
            if run.intermediate.nit != stop:
                raise RuntimeError(f"{name} is at {run.intermediate.nit}, not at iteration {stop}")
            models[name] = run.intermediate.y_last.reshape(d, C)
        for name, solver in solvers.items():
            for plan in competitors.plans[stop - every : stop]:
                solver.iterate(plan)
            models[name] = nearest_mean(solver.result()[1])
        for name in names:
            curves[name].append(loss_and_accuracy(text.X_val, text.y_val, models[name])[0])
        table.add(stop, *(f"{curves[name][-1]:.7f}" for name in names))
    tests = [loss_and_accuracy(text.X_test, text.y_test, models[name]) for name in names]
    table.add("test loss at the end", *(f"{loss:.5f}" for loss, _ in tests))
    table.add("test accuracy at the end", *(f"{accuracy:.4f}" for _, accuracy in tests))
    exact = np.array(curves["fastbilevel, float64"])
    furthest = [np.max(np.abs(np.array(curves[name]) / exact - 1)) for name in names]
    table.add("furthest from float64", *(f"{difference:.1e}" for difference in furthest))
    table.raw = {"iterations": list(range(every, iterations + 1, every)), "validation": curves}
    publish("text_curve", [table], options)


if __name__ == "__main__":
    main()
