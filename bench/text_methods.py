"""One outer iteration of every method on 20 Newsgroups, and how its oracles are evaluated.

Offsets of order 1, batches of 1,000, K = 10 lower steps where the method has a number of them. One
thread, process CPU time, interleaved. Run `python -m bench.text_methods`.
"""

from __future__ import annotations

from .timing import Task, interleave, spread, use_one_core

use_one_core()

import statistics  # noqa: E402

import fastbilevel as fb  # noqa: E402

from .data import newsgroups  # noqa: E402
from .method_setting import oracle_paths, variants  # noqa: E402
from .ours import Stepper  # noqa: E402
from .record import Table, arguments, publish  # noqa: E402

BATCHES = {"batch_size": 1000, "val_batch_size": 1000}
# lr of BOME is its step of y too. prox is as large as the step of y: without it v would run away.
OPTIONS = {
    "inner_steps": 10,
    "lr_z": 100.0,
    "lr_y": 100.0,
    "lr_inner": 100.0,
    "lr_x": 0.1,
    "lr": 0.1,
    "prox": 1000.0,
    "momentum": 0.1,
}
ALTERNATIVES = {"order": (1,), "shared_samples": (True, False), "barrier": ("gradient", "value")}


def path(problem: fb.problems.LearnToRegularize, options: dict) -> str:
    """One word if all oracles take the same path, else the oracles of both."""
    paths = oracle_paths(problem, **options)
    names = {"fused": "fused CSR", "stacked": "stacked"}
    if len(set(paths.values())) == 1:
        return names[next(iter(paths.values()))]
    groups = {kind: [name for name, found in paths.items() if found == kind] for kind in names}
    return "; ".join(f"{names[kind]}: {', '.join(group)}" for kind, group in groups.items())


def main() -> None:
    options = arguments(__doc__)
    rounds, count = (1, 2) if options.quick else (7, 30)
    text = newsgroups(options.cache)
    problem = fb.problems.LearnToRegularize(text.X, text.y, text.X_val, text.y_val)
    methods = {label: chosen | BATCHES for label, chosen in variants(OPTIONS, ALTERNATIVES).items()}
    n, d = text.X.shape
    table = Table(
        f"{text.name} ({n} x {d}), batches of 1,000, K = 10, one outer iteration, one thread, "
        "float32",
        ["", "oracles", "ms", "rows", "us a row"],
        notes=[
            f"Process CPU time, median (least–greatest) over {rounds} interleaved rounds of "
            f"{count} iterations. Rows: those that the gradients in y read; the gradients in x of "
            "this problem read none. 'fused CSR': the whole step of all lower problems in one "
            "pass over the minibatch, which touches the features that occur in it; 'stacked': "
            "full gradients, one after the other."
        ],
    )
    runs = {
        label: Stepper(problem, count, n_threads=1, **chosen) for label, chosen in methods.items()
    }
    tasks = {label: Task(run.advance, count) for label, run in runs.items()}
    times = interleave(tasks, rounds, warm_up=not options.quick)
    for label, run in runs.items():
        calls = run.intermediate.oracle_calls
        rows = (calls["f_y"] + calls["g_y"]) / run.intermediate.nit
        cpu = times[label].cpu
        per_row = statistics.median(cpu) / rows * 1e6
        cells = path(problem, methods[label]), spread(cpu, 1e-3), f"{rows:.0f}", f"{per_row:.3g}"
        table.add(label, *cells)
        run.close()
    table.raw = {label: entry.cpu for label, entry in times.items()}
    publish("text_methods", [table], options)


if __name__ == "__main__":
    main()
