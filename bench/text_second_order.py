"""stocBiO, MRBO and VRBO on 20 Newsgroups: ours and torch autograd as published scripts write it.

One penalty per feature, batches of 1,000, D = Q = 10. One thread, process CPU time, interleaved.
Run `python -m bench.text_second_order`.
"""

from __future__ import annotations

from .timing import Task, interleave, ratios, spread, use_one_core

use_one_core()

import itertools  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402

import fastbilevel as fb  # noqa: E402

from .baselines import torch_second_order  # noqa: E402
from .baselines.setting import cut_blocks  # noqa: E402
from .data import Text, newsgroups  # noqa: E402
from .record import Table, arguments, publish  # noqa: E402
from .second_order_setting import (  # noqa: E402
    Drawn,
    check_same,
    constants_of,
    options_of,
    our_run,
)

BATCH, TOLERANCE = 1000, 1e-4
SETTINGS = {
    "stocbio": {"inner_steps": 10},
    "mrbo": {"momentum": 0.1, "lower_momentum": 0.1},
    # The authors' script has three inner steps. A large minibatch every third iteration.
    "vrbo": {"inner_steps": 3, "period": 3, "refresh_batches": 2},
}
SHARED = {"neumann_steps": 10, "neumann_lr": 50.0, "lr_y": 50.0, "lr_x": 300.0}


class TorchRun:
    """A solver of `baselines.torch_second_order` on the blocks of our first iterations, in turn."""

    def __init__(self, text: Text, method: str, options: dict[str, Any], iterations: int) -> None:
        drawn = Drawn(method, options, text.y.size, text.y_val.size, BATCH)
        sides = (text.X, text.y, drawn.orders[0]), (text.X_val, text.y_val, drawn.orders[1])
        blocks = [cut_blocks(X, y, order, BATCH) for X, y, order in sides]
        d, classes = text.X.shape[1], int(text.y.max()) + 1
        start = np.zeros((d, classes), text.X.dtype), np.zeros(d, text.X.dtype)
        make = torch_second_order.METHODS[method]
        self.solver = make(*blocks, *start, constants_of(options))
        self._plans = itertools.cycle(drawn.plans(iterations))

    def advance(self, iterations: int) -> None:
        """Some outer iterations."""
        for plan in itertools.islice(self._plans, iterations):
            self.solver.iterate(*plan)


def main() -> None:
    options = arguments(__doc__)
    # Outer iterations of a turn, ours and torch's: multiples of the period of VRBO.
    rounds, ours_count, torch_count = (1, 3, 1) if options.quick else (5, 18, 3)
    text = newsgroups(options.cache)
    problem = fb.problems.LearnToRegularize(text.X, text.y, text.X_val, text.y_val)
    n, d = text.X.shape
    table = Table(
        f"{text.name} ({n} x {d}), batches of 1,000, Q = 10, one outer iteration, one thread, "
        "float32",
        ["", "fastbilevel, ms", "torch autograd, ms", "fastbilevel is", "difference in x, y"],
        notes=[
            f"Process CPU time, median (least–greatest) over {rounds} interleaved rounds; ratios "
            f"are taken round by round. The difference is that of the iterates after "
            f"{torch_count} outer iterations on the same minibatches, relative. stocBiO with "
            "D = 10 lower steps, VRBO with 3 and new estimates in every third iteration."
        ],
    )
    # VRBO takes torch five seconds an iteration.
    for method, own in list(SETTINGS.items())[: 2 if options.quick else None]:
        chosen = options_of(method, SHARED | own)
        first = our_run(problem, method, chosen, BATCH, torch_count)
        competitor = TorchRun(text, method, chosen, torch_count)
        competitor.advance(torch_count)
        x, W = competitor.solver.result()
        distance = check_same(f"torch, {method}", first.intermediate, x, W.ravel(), TOLERANCE)
        first.close()
        run = our_run(problem, method, chosen, BATCH, ours_count)
        tasks = {
            "ours": Task(run.advance, ours_count),
            "torch": Task(lambda: competitor.advance(torch_count), torch_count),  # noqa: B023
        }
        # The comparison has warmed up both.
        times = interleave(tasks, rounds, warm_up=False)
        run.close()
        ours, theirs = times["ours"].cpu, times["torch"].cpu
        factor = spread(ratios(theirs, ours)) + " x faster"
        table.add(method, spread(ours, 1e-3), spread(theirs, 1e-3), factor, distance)
        table.raw |= {f"{method}, {name}": entry._asdict() for name, entry in times.items()}
    publish("text_second_order", [table], options)


if __name__ == "__main__":
    main()
