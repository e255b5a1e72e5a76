"""What every bilevel problem offers to callers and to the engine."""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from fastbilevel._arrays.dispatch import CPU, GPU
from fastbilevel._arrays.placement import Mirror, fetch, place
from fastbilevel._arrays.values import Value
from fastbilevel._checks.arrays import check_vector
from fastbilevel._checks.calls import Explained
from fastbilevel._checks.matrices import check_dtype
from fastbilevel._checks.points import all_rows, check_same_library, check_samples
from fastbilevel._checks.values import closest, shown
from fastbilevel._texts.compile import Text, call_oracle, compile_text, texts_of
from fastbilevel._texts.plan import Plan
from fastbilevel._texts.protocol import check_record
from fastbilevel.problems.kept import Keeper
from fastbilevel.problems.oracle_table import SIMPLE

# Samples of a problem with additive noise are numbered, not stored.
INFINITELY_MANY = 2**53


class BilevelProblem(Keeper, Value, metaclass=Explained):
    """Base of all problems: min over x of f(x, y*(x)), y*(x) a minimiser of g(x, .).

    A subclass sets the attributes below and supplies `texts` and `evaluation_arguments`, for the
    oracles of `fastbilevel.problems.oracle_table`, which has their protocol; one with fused oracles
    of its own also overrides `fused_texts` and `fused_arguments`.

    Attributes
    ----------
    n_x, n_y : int
        Sizes of the upper variable x and of the lower variable y.
    n_lower, n_upper : int
        Samples of the lower and of the upper objective.
    dtype : numpy.dtype
        float32 or float64; everything is computed in it.
    x0, y0 : (n_x,), (n_y,) arrays
        Default starting point, on the device if the kernels are.
    x_shape, y_shape : tuple of two int or None
        A shape in which callers may also give x and y, whose elements it names.
    lower_shape : tuple of two int
        Rows and columns of y in the internal layout.
    kernels : module
        The kernels that the problem's arrays select.
    compiled : bool
        False if the oracles are plain Python and the engine has to interpret its loops.
    infinite : bool
        True if samples are numbered, not stored, and "all of them" means the expectation.
    default_bounds : tuple of two float or None
        Bounds that keep x where the objective can be evaluated.
    lower_bounds : tuple of two float or None
        Bounds of y that belong to the lower problem; only methods that project y can solve it.
    """

    n_x: int
    n_y: int
    n_lower: int
    n_upper: int
    dtype: np.dtype
    x_shape: tuple[int, int] | None = None
    y_shape: tuple[int, int] | None = None
    lower_shape: tuple[int, int]
    kernels: ModuleType
    compiled: bool = True
    infinite: bool = False
    default_bounds: tuple[float, float] | None = None
    lower_bounds: tuple[float, float] | None = None

    # -- what a subclass supplies ------------------------------------------------------------

    def texts(self) -> dict[str, Text]:
        """Text and constants of every simple oracle the problem has, by name.

        By default those of ``make_oracles(k)`` in the file in which the class is written.
        """
        found = texts_of(sys.modules[type(self).__module__].make_oracles)
        for name in found:
            if name not in SIMPLE:
                raise TypeError(closest(name, SIMPLE, f"oracle of {type(self).__name__}:"))
        return found

    @abstractmethod
    def evaluation_arguments(self, rows: int) -> tuple[Any, Any]:
        """Records ``(data, work)`` of the simple oracles on up to `rows` rows, not placed yet."""

    def fused_texts(self, plan: Plan) -> dict[str, Text]:
        """Texts of the fused oracles the problem has, by name; all others are composed."""
        return {}

    def fused_arguments(self, plan: Plan, names: tuple[str, ...]) -> dict[str, tuple[Any, Any]]:
        """``(data, work)`` of the oracles `names` of `fused_texts`, before it is placed."""
        return {}

    def pack_lower(self, y: np.ndarray) -> np.ndarray:
        """The internal layout of y, flat; a copy."""
        return np.array(y, dtype=self.dtype).reshape(-1)

    def unpack_lower(self, packed: np.ndarray) -> np.ndarray:
        """Inverse of `pack_lower`; a copy."""
        return np.array(packed).reshape(-1)

    def metrics(self, x: np.ndarray, y: np.ndarray) -> dict[str, float]:
        """Figures of merit at (x, y), recorded in `BilevelResult.history`."""
        self._vector("x", x), self._vector("y", y)
        return {}

    def following(self, *starts: Any) -> BilevelProblem:
        """This problem where the starting points are, if it has no data that would have to move."""
        return self

    def heavy_rows(self, level: str, count: int) -> np.ndarray:
        """Numbers of the rows of the lower or of the upper level that weigh most in the curvature.

        None where all rows are alike.
        """
        return np.empty(0, np.int64)

    def astype(self, dtype: Any) -> BilevelProblem:
        """This problem with its data in another dtype; itself if it has that dtype already.

        Raises
        ------
        NotImplementedError
            If the problem cannot convert its data.
        """
        if check_dtype(dtype) == self.dtype:
            return self
        raise NotImplementedError(
            f"{type(self).__name__} cannot convert its data to {np.dtype(dtype)}; build it anew."
        )

    def facts(self) -> dict[str, Any]:
        """What the problem is made of, by name: what it prints."""
        n, m = ("no end" if self.infinite else size for size in (self.n_lower, self.n_upper))
        facts = {"n_x": self.n_x, "n_y": self.n_y, "n_lower": n, "n_upper": m}
        return facts | self._place()

    def _place(self) -> dict[str, Any]:
        """Dtype, and the library that holds the data."""
        return {"dtype": self.dtype.name, "arrays": GPU if self.kernels.ON_DEVICE else CPU}

    # -- what callers use --------------------------------------------------------------------

    @property
    def x0(self) -> Any:
        """Default starting point in x, (n_x,)."""
        return place(self.kernels, self._start[0])

    @x0.setter
    def x0(self, value: Any) -> None:
        self._start = fetch(value), self._start[1]

    @property
    def y0(self) -> Any:
        """Default starting point in y, (n_y,)."""
        return place(self.kernels, self._start[1])

    @y0.setter
    def y0(self, value: Any) -> None:
        self._start = self._start[0], fetch(value)

    @property
    def oracles(self) -> frozenset[str]:
        """Names of the oracles the problem has."""
        return frozenset(self.texts())

    def value_upper(self, x: Any, y: Any, rows: Any = None) -> float:
        """f(x, y), the mean over `rows` (all of the upper level by default)."""
        return self._answer("value_upper", x, y, rows=rows)

    def value_lower(self, x: Any, y: Any, rows: Any = None) -> float:
        """g(x, y), the mean over `rows` (all of the lower level by default)."""
        return self._answer("value_lower", x, y, rows=rows)

    def grad_lower_y(self, x: Any, y: Any, rows: Any = None) -> np.ndarray:
        """g_y(x, y), (n_y,)."""
        return self._answer("grad_lower_y", x, y, rows=rows)

    def grad_upper_y(self, x: Any, y: Any, rows: Any = None) -> np.ndarray:
        """f_y(x, y), (n_y,)."""
        return self._answer("grad_upper_y", x, y, rows=rows)

    def grad_lower_x(self, x: Any, y: Any, rows: Any = None) -> np.ndarray:
        """g_x(x, y), (n_x,)."""
        return self._answer("grad_lower_x", x, y, rows=rows)

    def grad_upper_x(self, x: Any, y: Any, rows: Any = None) -> np.ndarray:
        """f_x(x, y), (n_x,)."""
        return self._answer("grad_upper_x", x, y, rows=rows)

    def hvp_lower_yy(self, x: Any, y: Any, v: Any, rows: Any = None) -> np.ndarray:
        """g_yy(x, y) v, (n_y,); v (n_y,)."""
        return self._answer("hvp_lower_yy", x, y, v, rows=rows)

    def jvp_lower_xy(self, x: Any, y: Any, v: Any, rows: Any = None) -> np.ndarray:
        """g_xy(x, y) v = the gradient in x of <g_y(x, y), v>, (n_x,); v (n_y,)."""
        return self._answer("jvp_lower_xy", x, y, v, rows=rows)

    def evaluator(self) -> Callable[[np.ndarray, np.ndarray], dict[str, float]]:
        """A function of x and y, y in the internal layout: upper value "fun" and all metrics."""
        value = self.oracle("value_upper")
        rows, out = place(self.kernels, (all_rows(self.n_upper, self.infinite), np.empty(1)))
        data, work = self.placed_arguments(max(1, rows.size))

        def evaluate(x: np.ndarray, packed: np.ndarray) -> dict[str, float]:
            call_oracle(value, (data, work, x, packed, rows, out))
            return {"fun": float(out[0]), **self._metrics(x, packed, work)}

        return evaluate

    def evaluate_all(self, x: Any, y: Any) -> dict[str, float]:
        """What `evaluator` gives, at the caller's point."""
        check_same_library(self, x, y)
        x, packed = self._vector("x", x), self.pack_lower(self._vector("y", y))
        return self.evaluator()(*place(self.kernels, (x, packed)))

    def _metrics(self, x: np.ndarray, packed: np.ndarray, work: Any) -> dict[str, float]:
        """The metrics, given what `value_upper` has just left in `work`."""
        return self.metrics(x, place(self.kernels, self.unpack_lower(fetch(packed))))

    # -- how they are evaluated --------------------------------------------------------------

    _start: tuple[Any, Any] = (None, None)
    _mirror: Mirror | None = None
    _checked: bool = False
    # What is found again, not part of the value.
    _caches: tuple[str, ...] = ("_mirror", "_checked", "_kept")

    def start(self) -> tuple[np.ndarray, np.ndarray]:
        """x0 and y0 as NumPy arrays."""
        return self._start

    def placed(self, data: Any, work: Any) -> tuple[Any, Any]:
        """`data`, which never changes, and `work` where the kernels need their arrays."""
        if self._mirror is None:
            self._mirror = Mirror()
        return self._mirror.place(self.kernels, data), place(self.kernels, work)

    def placed_arguments(self, rows: int) -> tuple[Any, Any]:
        """``(data, work)`` for the simple oracles on up to `rows` rows, ready to use."""
        data, work = self.evaluation_arguments(rows)
        if not self._checked:
            check_record(data, f"The data of {type(self).__name__}")
            check_record(work, f"The work of {type(self).__name__}")
            self._checked = True
        return self.placed(data, work)

    def _answer(self, name: str, *point: Any, rows: Any) -> Any:
        """An oracle at the caller's point, in the caller's library; values are floats."""
        check_same_library(self, *point)
        found = self.evaluate(name, *(fetch(v) for v in point), rows=rows)
        return float(found[0]) if SIMPLE[name].is_value else place(self.kernels, found)

    def evaluate(self, name: str, x: Any, *vectors: Any, rows: Any = None) -> np.ndarray:
        """The oracle `name` at x, y and, for products, v: NumPy arrays in, a NumPy array out."""
        entry, function = SIMPLE[name], self.oracle(name)
        x = self._vector("x", x)
        packed = tuple(
            self.pack_lower(self._vector(vector, v))
            for vector, v in zip(entry.vectors, vectors, strict=True)
        )
        n = entry.samples(self)
        rows = all_rows(n, self.infinite) if rows is None else check_samples("rows", rows, n)
        x, packed, rows, out = place(self.kernels, (x, packed, rows, entry.out(self)))
        call_oracle(function, (*self.placed_arguments(rows.size), x, *packed, rows, out))
        out = fetch(out)
        return self.unpack_lower(out) if entry.answer == "y" else out

    def _vector(self, name: str, value: Any) -> np.ndarray:
        """A point at which the caller evaluates: x, or one of the size of y."""
        size, shape = (self.n_x, self.x_shape) if name == "x" else (self.n_y, self.y_shape)
        return check_vector(name, value, size, self.dtype, shape=shape, finite=False, copy=False)

    def oracle(self, name: str) -> Callable[..., None]:
        """The simple oracle `name` over the problem's kernels, ready to call."""
        texts = self.texts()
        if name not in texts:
            raise NotImplementedError(
                f"{type(self).__name__} has no oracle {name}; it has {', '.join(sorted(texts))}."
            )
        make, *constants = texts[name]
        return compile_text(make, self.kernels, *constants, compiled=self.compiled)


def make_zero(k: Any) -> Any:
    """The gradient of an objective in a variable that it does not contain."""

    def zero(data, work, x, y, rows, out):
        out[:] = 0

    return zero


def make_zero_product(k: Any) -> Any:
    """A product with a derivative that vanishes."""

    def zero_product(data, work, x, y, v, rows, out):
        out[:] = 0

    return zero_product


def require_problem(problem: Any) -> None:
    """Raise unless `problem` is a bilevel problem."""
    if not isinstance(problem, BilevelProblem):
        raise TypeError(
            "problem must be one of fastbilevel.problems (or another BilevelProblem); got "
            f"{shown(problem)}. Functions of your own become one "
            "by fb.problems.Problem(...)."
        )
