"""Checks that oracles answer with finite arrays, change nothing else, and keep no state."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from fastbilevel._arrays.placement import fetch, is_device_array, place
from fastbilevel._testing.probe import Probe
from fastbilevel._texts.compile import call_oracle
from fastbilevel.problems.oracle_table import SIMPLE

# Rows of a call.
ROWS = 6


def check_outputs(probe: Probe) -> None:
    """Every oracle gives finite numbers of the right shape and dtype, at the start and near it."""
    problem = probe.problem
    for name in probe.names:
        for x, y in ((problem.x0, problem.y0), (probe.x, probe.y)):
            result = getattr(problem, name)(x, y, *probe.vectors(name))
            kind = type(problem).__name__
            if not np.isfinite(result).all():
                raise AssertionError(f"{kind}: {name} is not finite at or near (x0, y0).")
            if not SIMPLE[name].is_value:
                wanted = ((SIMPLE[name].size(problem),), problem.dtype)
                if (result.shape, result.dtype) != wanted:
                    raise AssertionError(
                        f"{kind}: {name} gives shape {result.shape} and dtype {result.dtype}, not "
                        f"{wanted[0]} and {wanted[1]}."
                    )


def check_purity(probe: Probe) -> None:
    """Oracles change nothing but their output, and their answer depends on their input alone."""
    problem, first = probe.problem, {}
    # One set of scratch arrays, so that what one oracle leaves there can disturb another.
    shared = problem.placed_arguments(ROWS)
    calls = {name: _Call(probe, name, probe.x, probe.y, shared) for name in probe.names}
    others = [_Call(probe, name, probe.x + 1, probe.y - 1, shared) for name in calls]
    kind = type(problem).__name__
    for name, call in calls.items():
        before = call.checksums()
        first[name] = call.run(fill=np.nan)
        for label, old, new in zip(call.labels(), before, call.checksums(), strict=True):
            if old != new:
                raise AssertionError(f"{kind}: {name} modifies its input {label}.")
        if not np.array_equal(first[name], call.run(fill=1.0)):
            raise AssertionError(
                f"{kind}: {name} gives another answer when it is called again; it must overwrite "
                "its output, draw nothing at random and keep no state."
            )
    for name, call in calls.items():
        for other in others:
            other.run(fill=0.0)
        if not np.array_equal(first[name], call.run(fill=0.0)):
            raise AssertionError(
                f"{kind}: {name} gives another answer after other oracles were called elsewhere; "
                "it must not keep state."
            )


class _Call:
    """One oracle with arrays of its own, called below the level at which inputs are copied."""

    def __init__(self, probe: Probe, name: str, x: np.ndarray, y: np.ndarray, shared: Any):
        problem = probe.problem
        vectors = [y, *probe.vectors(name)]
        n = SIMPLE[name].samples(problem)
        self.name, self.problem = name, problem
        packed = tuple(problem.pack_lower(np.asarray(v, problem.dtype)) for v in vectors)
        rows = np.sort(probe.rng.integers(0, n, min(n, ROWS)))
        inputs = np.array(x, problem.dtype), packed, rows
        self.x, self.vectors, self.rows = place(problem.kernels, inputs)
        self.data, self.work = shared

    def run(self, fill: float) -> np.ndarray:
        """The output, which held `fill` before."""
        out = place(self.problem.kernels, SIMPLE[self.name].out(self.problem, fill))
        inputs = (self.data, self.work, self.x, *self.vectors, self.rows, out)
        call_oracle(self.problem.oracle(self.name), inputs)
        return fetch(out)

    def labels(self) -> list[str]:
        """Names of all input arrays."""
        return ["x", *SIMPLE[self.name].vectors, "rows"] + [
            f"data (array {i} of it)" for i, _ in enumerate(_arrays(self.data))
        ]

    def checksums(self) -> list[int]:
        """Checksums of all input arrays."""
        inputs = [self.x, *self.vectors, self.rows, *_arrays(self.data)]
        return [zlib.crc32(np.ascontiguousarray(fetch(a)).tobytes()) for a in inputs]


def _arrays(value: Any) -> Iterator[np.ndarray]:
    """All arrays of numbers inside nested containers."""
    if is_device_array(value) or (isinstance(value, np.ndarray) and value.dtype != object):
        yield value
    elif isinstance(value, dict):
        yield from _arrays(tuple(value.values()))
    elif isinstance(value, tuple | list):
        for each in value:
            yield from _arrays(each)
