"""A bilevel problem made of the caller's own oracles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastbilevel._arrays.dispatch import backend_of
from fastbilevel._arrays.placement import place
from fastbilevel._checks.arrays import check_vector, to_array
from fastbilevel._checks.values import check_integer, shown
from fastbilevel._texts.compile import Text, pointer_to
from fastbilevel._texts.protocol import Nothing, record
from fastbilevel.problems.base import BilevelProblem, make_zero
from fastbilevel.problems.oracle_table import SIMPLE

REQUIRED = ("grad_lower_y", "grad_upper_y", "grad_lower_x")


@record
class Functions(NamedTuple):
    """The caller's functions by the names of the oracles."""

    value_lower: Any = None
    value_upper: Any = None
    grad_lower_y: Any = None
    grad_upper_y: Any = None
    grad_lower_x: Any = None
    grad_upper_x: Any = None
    hvp_lower_yy: Any = None
    jvp_lower_xy: Any = None


@record
class Data(NamedTuple):
    functions: Functions
    given: Any


def make_oracle(k: Any, name: str) -> Any:
    """Store what the caller's value or gradient returns."""

    def oracle(data, work, x, y, rows, out):
        out[:] = getattr(data.functions, name)(data.given, x, y, rows)

    return oracle


def make_product(k: Any, name: str) -> Any:
    """Store what the caller's product with a vector returns."""

    def product(data, work, x, y, v, rows, out):
        out[:] = getattr(data.functions, name)(data.given, x, y, v, rows)

    return product


class Problem(BilevelProblem):
    """A bilevel problem given by functions.

    Every function is called as ``f(data, x, y, rows)`` (products as ``f(data, x, y, v, rows)``)
    and returns an array of the size named below, or a float for values; `rows` is an int64 array
    with the numbers of the samples over which to take the mean. If all functions are compiled with
    `numba.njit`, they are compiled into the solver's loop; otherwise the loop is interpreted.

    Parameters
    ----------
    data : object
        Passed to every function; for compiled functions an array, a real number, None or a tuple
        of them.
    grad_lower_y, grad_upper_y : callable
        g_y and f_y, (n_y,).
    grad_lower_x : callable
        g_x, (n_x,).
    grad_upper_x : callable, optional
        f_x, (n_x,); zero if absent.
    hvp_lower_yy, jvp_lower_xy : callable, optional
        g_yy v, (n_y,), and g_xy v, (n_x,).
    value_upper, value_lower : callable, optional
        f and g. `minimize` needs `value_upper`.
    n_lower, n_upper : int
        Samples of the lower and of the upper level.
    x0, y0 : array_like
        Default starting point; their sizes are n_x and n_y, their dtype is the problem's.

    Raises
    ------
    TypeError, ValueError
        If a function is missing or, called once at the starting point, returns something else than
        it should.
    """

    def __init__(
        self,
        data: Any,
        *,
        grad_lower_y: Callable[..., Any],
        grad_upper_y: Callable[..., Any],
        grad_lower_x: Callable[..., Any],
        grad_upper_x: Callable[..., Any] | None = None,
        hvp_lower_yy: Callable[..., Any] | None = None,
        jvp_lower_xy: Callable[..., Any] | None = None,
        value_lower: Callable[..., Any] | None = None,
        value_upper: Callable[..., Any] | None = None,
        n_lower: int = 1,
        n_upper: int = 1,
        x0: Any,
        y0: Any,
    ):
        self._functions = Functions(
            value_lower=value_lower,
            value_upper=value_upper,
            grad_lower_y=grad_lower_y,
            grad_upper_y=grad_upper_y,
            grad_lower_x=grad_lower_x,
            grad_upper_x=grad_upper_x,
            hvp_lower_yy=hvp_lower_yy,
            jvp_lower_xy=jvp_lower_xy,
        )
        for name, function in self._functions._asdict().items():
            if function is None and name not in REQUIRED:
                continue
            if not callable(function) or isinstance(function, type):
                raise TypeError(f"{name} must be callable; got {shown(function)}.")
        self.kernels = backend_of(x0, y0)
        self.n_lower = check_integer("n_lower", n_lower, 1)
        self.n_upper = check_integer("n_upper", n_upper, 1)
        starts = _start("x0", x0), _start("y0", y0)
        self.dtype = np.result_type(*starts)
        self.x0, self.y0 = (start.astype(self.dtype) for start in starts)
        self.n_x, self.n_y = (start.size for start in starts)
        self.lower_shape = (1, self.n_y)
        self.data = data
        self.compiled = all(hasattr(f, "overloads") for f in self._given().values())
        if self.compiled and self.kernels.ON_DEVICE:
            raise TypeError(
                "x0 and y0 are CuPy arrays, but the functions are compiled by Numba for NumPy "
                "arrays: pass plain functions on CuPy arrays."
            )
        self._probe()
        if self.compiled:
            from fastbilevel._texts.addresses import type_of

            type_of((data,))

    _pointers: Functions | None = None
    # Addresses of machine code stay in their process.
    _caches = (*BilevelProblem._caches, "_pointers")

    def keep(self, kind: str, key: Any, make: Callable[[Any], Any]) -> Any:
        # The caller may change what the functions return.
        return make(None)

    def facts(self) -> dict[str, Any]:
        return {"oracles": ", ".join(self._given()), "compiled": self.compiled} | super().facts()

    def _given(self) -> dict[str, Callable[..., Any]]:
        """The functions that the caller gave, by name."""
        return {name: f for name, f in self._functions._asdict().items() if f is not None}

    def texts(self) -> dict[str, Text]:
        texts: dict[str, Text] = {
            name: (make_product if SIMPLE[name].is_product else make_oracle, name)
            for name in self._given()
        }
        texts.setdefault("grad_upper_x", (make_zero,))
        return texts

    def evaluation_arguments(self, rows: int) -> tuple[Data, Nothing]:
        if self._pointers is None:
            pointers = {
                name: pointer_to(function, self._sample_arguments(name), by_value=True)
                for name, function in self._given().items()
            }
            self._pointers = Functions(**pointers)
        return Data(functions=self._pointers, given=self.data), Nothing()

    def _sample_arguments(self, name: str) -> tuple[Any, ...]:
        x, y = (start.copy() for start in self.start())
        vectors = (y.copy() for _ in SIMPLE[name].vectors)
        return (self.data, *place(self.kernels, (x, *vectors, np.zeros(1, np.int64))))

    def placed(self, data: Any, work: Any) -> tuple[Any, Any]:
        # The caller's data are where the caller's functions want them.
        return data, work

    def _first_answer(self, name: str, function: Callable[..., Any]) -> Any:
        """What a function returns at the start; a sentence if it cannot be called so."""
        import numba.core.errors as numba_errors

        try:
            return function(*self._sample_arguments(name))
        except (TypeError, numba_errors.NumbaError) as error:
            said = next((line for line in str(error).splitlines() if line.strip()), "")
            vector = "v, " if SIMPLE[name].is_product else ""
            raise TypeError(
                f"{name} could not be called as {name}(data, x, y, {vector}rows) at (x0, y0): "
                f"{said.strip().rstrip('.')}. Compiled functions take arrays, numbers and tuples "
                "of them as data."
            ) from error

    def _probe(self) -> None:
        """Call every function once and check what comes back, before any run depends on it."""
        for name, function in self._given().items():
            size = None if SIMPLE[name].is_value else SIMPLE[name].size(self)
            returned = self._first_answer(name, function)
            wanted = "a float" if size is None else f"an array of shape ({size},)"
            if returned is None:
                raise ValueError(f"{name} returned None; it must return {wanted}.")
            array = to_array(f"What {name} returns", returned)
            if array.dtype.kind not in "fiu" or array.shape != (() if size is None else (size,)):
                raise ValueError(
                    f"{name} returned shape {array.shape} and dtype {array.dtype} at (x0, y0); it "
                    f"must return {wanted}."
                )
            if not np.isfinite(array).all():
                raise ValueError(f"{name} returned NaN or inf at (x0, y0), sample 0.")


def _start(name: str, value: Any) -> np.ndarray:
    dtype = to_array(name, value).dtype
    return check_vector(name, value, dtype=dtype if dtype in (np.float32, np.float64) else float)
