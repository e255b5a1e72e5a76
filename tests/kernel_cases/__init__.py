"""Calls of every kernel, and what it means that two backends agree on one.

A case holds the arguments of one call. The reference gets them in float64, the twin in the dtype of
the case; afterwards all arguments and what was returned are compared, whether they are inputs or
outputs, except scratch.
"""

from __future__ import annotations

import copy
import importlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from backends import fetched, on_device

DTYPES = (np.float32, np.float64)


class Case(NamedTuple):
    """Arguments of one call.

    Attributes
    ----------
    arguments : tuple
    roundings : float
        Allowed difference, in rounding units of the largest number in an array.
    arithmetic : dtype, optional
        That of the rounding unit, where it is coarser than the output's.
    scratch : tuple of int
        Positions of arguments whose contents are undefined afterwards.
    """

    arguments: tuple[Any, ...]
    roundings: float = 4.0
    arithmetic: Any = None
    scratch: tuple[int, ...] = ()


class Laid(NamedTuple):
    """What a layout function returns, each backend's own: copies of blocks, scratch, memory.

    Attributes
    ----------
    family : str
        ``csr`` or ``dense``.
    function : str
        Name of the layout function.
    arguments : tuple
        Host arrays and numbers.
    """

    family: str
    function: str
    arguments: tuple[Any, ...]

    def out(self, xp: Any = np) -> Any:
        """The arrays, for kernels that take those of the library `xp`."""
        home = "" if xp is np else "cuda."
        layout = importlib.import_module(f"fastbilevel.kernels.{home}layout_{self.family}")
        return getattr(layout, self.function)(*self.arguments)


CASES: dict[str, Callable[[Any], Iterator[Case]]] = {}


def cases_of(name: str) -> Callable[[Any], Any]:
    """Register a generator of cases, given a dtype, for a kernel ``family.name``."""

    def register(function: Callable[[Any], Iterator[Case]]) -> Callable[[Any], Iterator[Case]]:
        assert name not in CASES
        CASES[name] = function
        return function

    return register


def outcome(
    kernel: Callable[..., Any], case: Case, *, wide: bool = False, xp: Any = np
) -> list[Any]:
    """Arguments and returned value after a call on copies, in float64 if `wide`.

    The arrays are those of the library `xp` during the call. What is laid out differs between
    backends; in its place stands whether it is as before.
    """
    given = _widened(case.arguments) if wide else case.arguments
    arguments = copy.deepcopy(laid_out(given, xp))
    arguments = on_device(xp, kernel, arguments) if xp is not np else arguments
    returned = fetched(kernel(*arguments))
    kept = [
        _without_layouts(argument, after, xp)
        for i, (argument, after) in enumerate(zip(given, fetched(arguments), strict=True))
        if i not in case.scratch
    ]
    return [*kept, returned]


def laid_out(value: Any, xp: Any = np) -> Any:
    """`value` with what is to be laid out in its place."""
    if isinstance(value, Laid):
        return value.out(xp)
    if isinstance(value, tuple):
        return tuple(laid_out(v, xp) for v in value)
    return value


def _without_layouts(given: Any, after: Any, xp: Any) -> Any:
    """`after`, and at each layout whether it is unchanged."""
    if isinstance(given, Laid):
        before = fetched(given.out(xp))
        return all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    if isinstance(given, tuple):
        return tuple(_without_layouts(g, a, xp) for g, a in zip(given, after, strict=True))
    return after


def assert_same(ours: list[Any], theirs: list[Any], case: Case) -> None:
    """Raise unless the outcome of a twin equals that of the reference."""
    for i, (got, expected) in enumerate(zip(ours, theirs, strict=True)):
        _compare(got, expected, case, f"item {i}")


def _compare(got: Any, expected: Any, case: Case, where: str) -> None:
    if isinstance(expected, tuple):
        assert isinstance(got, tuple), where
        assert len(got) == len(expected), where
        for i, (g, e) in enumerate(zip(got, expected, strict=True)):
            _compare(g, e, case, f"{where}, part {i}")
    elif expected is None:
        assert got is None, where
    elif got is None:
        raise AssertionError(f"{where} is missing")
    elif np.asarray(expected).dtype.kind in "iub":
        np.testing.assert_array_equal(got, expected, err_msg=where)
    else:
        unit = float(np.finfo(case.arithmetic or np.asarray(got).dtype).eps)
        finite = np.abs(expected)[np.isfinite(expected)]
        size = float(finite.max(initial=0.0))
        np.testing.assert_allclose(
            got, expected, rtol=0, atol=case.roundings * unit * size, err_msg=where
        )


def _widened(value: Any) -> Any:
    if isinstance(value, Laid):
        return value._replace(arguments=_widened(value.arguments))
    if value is np.float32:
        return np.float64
    if isinstance(value, tuple):
        return tuple(_widened(v) for v in value)
    if isinstance(value, np.ndarray) and value.dtype == np.float32:
        with np.errstate(invalid="ignore"):  # scratch space holds anything
            return value.astype(np.float64)
    return value


def changed(case: Case, theirs: list[Any]) -> list[tuple[int, int]]:
    """Where the reference made a difference: (item, element) of one element of every output."""
    before = [a for i, a in enumerate(case.arguments) if i not in case.scratch]
    places = []
    for i, (old, new) in enumerate(zip([*_widened(tuple(before)), None], theirs, strict=True)):
        if isinstance(new, np.ndarray) and old is not None:
            differs = np.flatnonzero(~((old == new) | (np.isnan(old) & np.isnan(new))))
            if differs.size:
                # The largest of them, which matters most.
                sizes = np.nan_to_num(np.abs(new.reshape(-1)[differs]))
                places.append((i, int(differs[np.argmax(sizes)])))
        elif old is None and new is not None:
            places.append((i, -1))
    return places


from kernel_cases import (  # noqa: E402
    chain,  # noqa: F401
    curvature,  # noqa: F401
    descent,  # noqa: F401
    draws,  # noqa: F401
    estimators,  # noqa: F401
    first_order,  # noqa: F401
    powers,  # noqa: F401
    projections,  # noqa: F401
    regression,  # noqa: F401
    rows,  # noqa: F401
    vectors,  # noqa: F401
)
