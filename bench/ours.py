"""Our solver, a few outer iterations at a time, and the minibatches it draws."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

import fastbilevel as fb
from fastbilevel._texts.samplers import LOWER, OUTER_LOWER, UPPER, key_of, make_sampler
from fastbilevel.kernels.reference.draw import draw_batch


class Stepper:
    """A run of `fb.minimize` that waits in its callback until `advance` is called.

    So that a competitor can take its turn between our iterations, in the same process. The run has
    compiled and recorded its first row when the constructor returns.

    Parameters
    ----------
    problem : bilevel problem
    count : int
        Outer iterations of one `advance`; the upper value is recorded after each.
    **options
        Of `fb.minimize`.
    """

    def __init__(self, problem: Any, count: int, **options: Any) -> None:
        self.count = count
        self.intermediate: Any = None
        self._seen: Any = None
        self._go, self._done = threading.Semaphore(0), threading.Semaphore(0)
        self._stop, self._error = False, None
        options |= {"maxiter": 10**9, "record_every": count, "callback": self._callback}
        self._thread = threading.Thread(target=self._run, args=(problem, options), daemon=True)
        self._thread.start()
        self._wait()

    def _run(self, problem: Any, options: dict[str, Any]) -> None:
        try:
            fb.minimize(problem, **options)
        except BaseException as error:
            self._error = error
        self._done.release()

    def _callback(self, *, intermediate_result: Any) -> None:
        self.intermediate = intermediate_result
        self._done.release()
        self._go.acquire()
        if self._stop:
            raise StopIteration

    def _wait(self) -> None:
        self._done.acquire()
        if self._error is not None:
            raise RuntimeError("our run failed; its error is above") from self._error
        if self.intermediate is self._seen:
            raise RuntimeError(
                "the run ended before its next record, most likely because it diverged; give "
                "smaller steps"
            )
        self._seen = self.intermediate

    def advance(self) -> Any:
        """Do `count` outer iterations and one record; return the result of the moment."""
        self._go.release()
        self._wait()
        return self.intermediate

    def close(self) -> None:
        """End the run."""
        self._stop = True
        self._go.release()
        self._thread.join()


def drawn_blocks(
    n_lower: int, n_upper: int, batch: int, seed: int, iterations: int, inner_steps: int
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray, np.ndarray]:
    """The fixed blocks of `sampling="blocks"` and those that a run with shared samples draws.

    Returns
    -------
    orders : two int64 arrays
        Rows of the lower and of the upper level in the order in which blocks are cut.
    inner : (iterations, inner_steps, 2) int64 array
        Block numbers of both levels at every inner step.
    outer : (iterations,) int64 array
        Block number of the lower level in every hypergradient estimate.
    """
    key = key_of(seed)
    sizes = {
        LOWER: n_lower,
        UPPER: n_upper,
        OUTER_LOWER: n_lower,
    }
    lower, upper, outer_lower = (
        make_sampler(n, batch, "blocks", stream, key, False).arrays() for stream, n in sizes.items()
    )
    steps = range(iterations * inner_steps)
    inner = [[draw_batch(sampler, step, 0)[1] for sampler in (lower, upper)] for step in steps]
    outer = [draw_batch(outer_lower, t, 0)[1] for t in range(iterations)]
    shape = (iterations, inner_steps, 2)
    return (lower[0], upper[0]), np.array(inner).reshape(shape), np.array(outer)
