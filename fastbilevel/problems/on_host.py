"""A problem on a device for what the package computes beside the loop."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastbilevel.problems.base import BilevelProblem
from fastbilevel.problems.oracle_table import SIMPLE


class OnHost:
    """A problem on a device, with oracles that take and give NumPy arrays.

    For what the package computes beside the loop: curvature, solvers, checks.
    """

    def __init__(self, problem: BilevelProblem):
        self._problem = problem
        self.x0, self.y0 = problem.start()

    def astype(self, dtype: Any) -> Any:
        """The view of the problem with its data in another dtype."""
        return self if np.dtype(dtype) == self.dtype else OnHost(self._problem.astype(dtype))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in SIMPLE:
            return getattr(self._problem, name)
        entry, problem = SIMPLE[name], self._problem

        def oracle(x: Any, *arguments: Any, rows: Any = None) -> Any:
            # The samples come behind the vectors, or by name.
            vectors, given = arguments[: len(entry.vectors)], arguments[len(entry.vectors) :]
            found = problem.evaluate(name, x, *vectors, rows=given[0] if given else rows)
            return float(found[0]) if entry.is_value else found

        return oracle


def on_host(problem: BilevelProblem) -> Any:
    """`problem` itself, or, if it is on a device, a view of it that works with NumPy arrays."""
    return OnHost(problem) if problem.kernels.ON_DEVICE else problem
