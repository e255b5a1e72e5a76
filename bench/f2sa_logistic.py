"""F2SA on rows of ijcnn1 shape, batch 64, 10 inner steps: ours and jitted JAX loops.

With shared samples, and with a minibatch for every gradient as in the paper. We run softmax with
C = 2; JAX runs the same, and logistic regression with half the numbers, which has the same solution
path. One thread, process CPU time, interleaved. Run `python -m bench.f2sa_logistic`.
"""

from __future__ import annotations

from .timing import Task, interleave, ratios, spread, use_one_core

use_one_core()

import itertools  # noqa: E402
import statistics  # noqa: E402

import numpy as np  # noqa: E402

import fastbilevel as fb  # noqa: E402

from .baselines.numpy_f2sa import F2SASetting  # noqa: E402
from .data import Dense, ijcnn1_shape  # noqa: E402
from .f2sa_setting import JaxLoop, drawn_plans, our_run  # noqa: E402
from .ours import Stepper  # noqa: E402
from .record import Table, arguments, publish  # noqa: E402

BATCH, INNER_STEPS = 64, 10
# Whole blocks of 64 rows, since JAX slices have one length: 35,000 training rows less 56.
ROWS, VALIDATION_ROWS = 34_944, 8_704
SETTING = F2SASetting(penalty=10.0, penalty_increment=0.001, lr_z=0.5, lr_x=0.01)
FORMS = {2: "softmax with C = 2", 1: "logistic"}


def measure(data: Dense, shared: bool, rounds: int, count: int, unrolled: bool) -> Table:
    """Our run and JAX in every form, inner steps scanned or, with `unrolled`, also written out."""
    problem = fb.problems.LearnToRegularize(data.X, data.y, data.X_val, data.y_val)
    run = our_run(problem, BATCH, SETTING, shared, INNER_STEPS, count)
    # Our run has done one turn already, and a warm-up comes before the rounds.
    iterations = count * (rounds + 2)
    drawn = drawn_plans(ROWS, VALIDATION_ROWS, BATCH, shared, iterations, INNER_STEPS)
    loops = {}
    written_out = (False, True) if unrolled else (False,)
    for columns, flip, unroll in itertools.product(FORMS, (False, True), written_out):
        form = FORMS[columns]
        label = f"JAX, {form}" + ", gradients as (R'X)'" * flip + ", unrolled" * unroll
        choices = {"shared": shared, "columns": columns, "flip": flip, "unroll": unroll}
        loops[label] = JaxLoop(data, drawn, BATCH, SETTING, count, **choices)
    tasks = {name: Task(loop.advance, count) for name, loop in loops.items()}
    times = interleave({"ours": Task(run.advance, count), **tasks}, rounds)
    ours = times["ours"].cpu
    table = Table(
        f"ijcnn1 shape (d = 22, two classes, n = {ROWS}), batch 64, F2SA with "
        f"{'shared samples' if shared else 'a minibatch for every gradient'}, one outer iteration "
        "(K = 10), one thread, float32",
        ["", "us", "us per inner step", "/ fastbilevel", "difference in x, z"],
        notes=[
            f"Process CPU time, median (least–greatest) over {rounds} interleaved rounds of "
            f"{count} outer iterations; the minibatches are the same.",
        ],
    )
    table.add("fastbilevel", spread(ours, 1e-6), spread(ours, 1e-6 * INNER_STEPS), "", "")
    for name, loop in loops.items():
        cpu = times[name].cpu
        cells = spread(cpu, 1e-6), spread(cpu, 1e-6 * INNER_STEPS), spread(ratios(cpu, ours))
        table.add(name, *cells, differences(run, loop))
    for form in FORMS.values():
        of_form = {n: times[n].cpu for n in loops if n.startswith(f"JAX, {form}")}
        best = min(of_form, key=lambda name: statistics.median(of_form[name]))
        table.notes.append(f"Fastest {form} loop: {spread(ratios(of_form[best], ours))} of ours.")
    table.raw = {name: entry.cpu for name, entry in times.items()}
    run.close()
    return table


def differences(run: Stepper, loop: JaxLoop) -> str:
    """Relative distances of x and z between our run and a loop at the same iteration."""
    while loop.calls * run.count < run.intermediate.nit:
        loop.advance()
    x, z = loop.result()
    pairs = (run.intermediate.x_last, x), (run.intermediate.y_last, z.ravel())
    return ", ".join(f"{np.linalg.norm(a - b) / np.linalg.norm(b):.1e}" for a, b in pairs)


def main() -> None:
    options = arguments(__doc__)
    rounds, count = (2, 500) if options.quick else (25, 2000)
    data = ijcnn1_shape(ROWS, VALIDATION_ROWS)
    unrolled = not options.quick
    tables = [measure(data, shared, rounds, count, unrolled) for shared in (True, False)]
    publish("f2sa_logistic", tables, options)


if __name__ == "__main__":
    main()
