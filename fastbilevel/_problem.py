"""What every bilevel problem offers to callers and to the engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from fastbilevel import _compile
from fastbilevel._random import Sampler

SIMPLE_ORACLES = (
    "value_lower",
    "value_upper",
    "grad_lower_y",
    "grad_upper_y",
    "grad_lower_x",
    "grad_upper_x",
    "hvp_lower_yy",
    "jvp_lower_xy",
)

# An oracle text and the constants it closes over: the arguments of `_compile.text` after `k`.
Text = tuple[Any, ...]


@dataclass(frozen=True)
class Plan:
    """What a method asks of a problem's fused oracles.

    Attributes
    ----------
    lower, upper, outer_lower, outer_upper : Sampler
        Minibatches of the inner steps and of the hypergradient estimate.
    linear : Sampler
        Minibatches of the Hessian-vector products of a linear solver.
    n_groups, g : int
        Lower iterates are stacked as `n_groups` groups of `g` offsets.
    independent : bool
        Every group draws its own minibatches in the lower steps; then ``g`` is 1.
    outer_independent : bool
        Every group draws its own minibatches in the hypergradient estimate.
    n_threads : int
        Threads a kernel may use.
    """

    lower: Sampler
    upper: Sampler
    outer_lower: Sampler
    outer_upper: Sampler
    linear: Sampler
    n_groups: int
    g: int
    independent: bool
    outer_independent: bool
    n_threads: int

    @property
    def levels(self) -> tuple[Sampler, ...]:
        """The samplers in the order in which texts number them, that of their streams."""
        return self.lower, self.upper, self.outer_lower, self.outer_upper, self.linear

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        """Samples of a minibatch of each sampler; an exact expectation counts as one."""
        return tuple(max(1, sampler.batch) for sampler in self.levels)

    @property
    def largest_batch(self) -> int:
        """Rows of the largest minibatch."""
        return max(sampler.batch for sampler in self.levels)

    def samplers(self) -> tuple[Any, ...]:
        """The samplers as the tuples that texts take."""
        return tuple(sampler.as_tuple() for sampler in self.levels)


class BilevelProblem(ABC):
    """Base of all problems: min over x of f(x, y*(x)), y*(x) a minimiser of g(x, .).

    A subclass sets the attributes below and supplies `texts` and `evaluation_arguments`; one with
    fused oracles of its own also overrides `fused_texts` and `fused_arguments`.

    Attributes
    ----------
    n_x, n_y : int
        Sizes of the upper variable x and of the lower variable y.
    n_lower, n_upper : int
        Samples of the lower and of the upper objective.
    dtype : numpy.dtype
        float32 or float64; everything is computed in it.
    x0, y0 : (n_x,), (n_y,) arrays
        Default starting point.
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
    x0: np.ndarray
    y0: np.ndarray
    lower_shape: tuple[int, int]
    kernels: ModuleType
    compiled: bool = True
    infinite: bool = False
    default_bounds: tuple[float, float] | None = None
    lower_bounds: tuple[float, float] | None = None

    # -- what a subclass supplies ------------------------------------------------------------

    @abstractmethod
    def texts(self) -> dict[str, Text]:
        """Text and constants of every simple oracle the problem has, by name."""

    @abstractmethod
    def evaluation_arguments(self, rows: int) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """``(data, work)`` for the simple oracles on up to `rows` rows."""

    def fused_texts(self, plan: Plan) -> dict[str, Text]:
        """Texts of `perturbed_descent` and `perturbed_gradient`, composed unless overridden."""
        from fastbilevel.problems import _composed

        return _composed.fused_texts()

    def fused_arguments(self, plan: Plan, names: tuple[str, ...]) -> dict[str, tuple[Any, Any]]:
        """``(data, work)`` of each of the fused oracles `names`."""
        from fastbilevel.problems import _composed

        return _composed.fused_arguments(self, plan, names)

    def pack_lower(self, y: np.ndarray) -> np.ndarray:
        """The internal layout of y, flat; a copy."""
        return np.array(y, dtype=self.dtype).reshape(-1)

    def unpack_lower(self, packed: np.ndarray) -> np.ndarray:
        """Inverse of `pack_lower`; a copy."""
        return np.array(packed).reshape(-1)

    def metrics(self, x: np.ndarray, y: np.ndarray) -> dict[str, float]:
        """Figures of merit at (x, y), recorded in `BilevelResult.history`."""
        return {}

    def astype(self, dtype: Any) -> BilevelProblem:
        """This problem with its data in another dtype; itself if it has that dtype already.

        Raises
        ------
        NotImplementedError
            If the problem cannot convert its data.
        """
        if np.dtype(dtype) == self.dtype:
            return self
        raise NotImplementedError(
            f"{type(self).__name__} cannot convert its data to {np.dtype(dtype)}; build it anew."
        )

    # -- what callers use --------------------------------------------------------------------

    @property
    def oracles(self) -> frozenset[str]:
        """Names of the oracles the problem has."""
        return frozenset(self.texts())

    def value_upper(self, x: Any, y: Any, rows: Any = None) -> float:
        """f(x, y), the mean over `rows` (all of the upper level by default)."""
        return self._value("value_upper", x, y, rows)

    def value_lower(self, x: Any, y: Any, rows: Any = None) -> float:
        """g(x, y), the mean over `rows` (all of the lower level by default)."""
        return self._value("value_lower", x, y, rows)

    def grad_lower_y(self, x: Any, y: Any, rows: Any = None) -> np.ndarray:
        """g_y(x, y), (n_y,)."""
        return self.unpack_lower(self._call("grad_lower_y", self.n_y, x, y, (), rows))

    def grad_upper_y(self, x: Any, y: Any, rows: Any = None) -> np.ndarray:
        """f_y(x, y), (n_y,)."""
        return self.unpack_lower(self._call("grad_upper_y", self.n_y, x, y, (), rows))

    def grad_lower_x(self, x: Any, y: Any, rows: Any = None) -> np.ndarray:
        """g_x(x, y), (n_x,)."""
        return self._call("grad_lower_x", self.n_x, x, y, (), rows)

    def grad_upper_x(self, x: Any, y: Any, rows: Any = None) -> np.ndarray:
        """f_x(x, y), (n_x,)."""
        return self._call("grad_upper_x", self.n_x, x, y, (), rows)

    def hvp_lower_yy(self, x: Any, y: Any, v: Any, rows: Any = None) -> np.ndarray:
        """g_yy(x, y) v, (n_y,); v (n_y,)."""
        return self.unpack_lower(self._call("hvp_lower_yy", self.n_y, x, y, (v,), rows))

    def jvp_lower_xy(self, x: Any, y: Any, v: Any, rows: Any = None) -> np.ndarray:
        """g_xy(x, y) v = the gradient in x of <g_y(x, y), v>, (n_x,); v (n_y,)."""
        return self._call("jvp_lower_xy", self.n_x, x, y, (v,), rows)

    def evaluator(self) -> Callable[[np.ndarray, np.ndarray], dict[str, float]]:
        """A function of x and y, y in the internal layout: upper value "fun" and all metrics."""
        value = self.oracle("value_upper")
        rows = all_rows(self.n_upper, self.infinite)
        data, work = self.evaluation_arguments(max(1, rows.size))
        out = np.empty(1)

        def evaluate(x: np.ndarray, packed: np.ndarray) -> dict[str, float]:
            _compile.call(value, (data, work, x, packed, rows, out))
            return {"fun": float(out[0]), **self._metrics(x, packed, work)}

        return evaluate

    def _metrics(self, x: np.ndarray, packed: np.ndarray, work: Any) -> dict[str, float]:
        """The metrics, given what `value_upper` has just left in `work`."""
        return self.metrics(x, self.unpack_lower(packed))

    # -- how they are evaluated --------------------------------------------------------------

    def _value(self, name: str, x: Any, y: Any, rows: Any) -> float:
        return float(self._call(name, 1, x, y, (), rows)[0])

    def _call(
        self, name: str, size: int, x: Any, y: Any, vectors: tuple[Any, ...], rows: Any
    ) -> np.ndarray:
        function = self.oracle(name)
        x = as_vector(x, self.n_x, self.dtype, "x")
        packed = tuple(
            self.pack_lower(as_vector(v, self.n_y, self.dtype, "yv"[i > 0]))
            for i, v in enumerate((y, *vectors))
        )
        n = self.n_lower if "lower" in name else self.n_upper
        rows = all_rows(n, self.infinite) if rows is None else as_rows(rows, n)
        data, work = self.evaluation_arguments(rows.size)
        out = np.empty(size, np.float64 if name.startswith("value") else self.dtype)
        _compile.call(function, (data, work, x, *packed, rows, out))
        return out

    def oracle(self, name: str) -> Callable[..., None]:
        """The simple oracle `name` over the problem's kernels, ready to call."""
        texts = self.texts()
        if name not in texts:
            raise NotImplementedError(
                f"{type(self).__name__} has no oracle {name}; it has {', '.join(sorted(texts))}."
            )
        make, *constants = texts[name]
        return _compile.text(make, self.kernels, *constants, compiled=self.compiled)


def all_rows(n: int, infinite: bool) -> np.ndarray:
    """The row numbers of the full data; none for a level with infinitely many samples."""
    return np.arange(0 if infinite else n, dtype=np.int64)


def as_rows(rows: Any, n: int) -> np.ndarray:
    """`rows` as int64 numbers in [0, n)."""
    array = np.asarray(rows)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise TypeError(
            f"rows must be a 1-D array of integers; got shape {array.shape}, dtype {array.dtype}."
        )
    if array.size == 0 or array.min() < 0 or array.max() >= n:
        raise ValueError(f"rows must hold at least one number, all in [0, {n}).")
    return np.ascontiguousarray(array, dtype=np.int64)


def as_vector(value: Any, size: int, dtype: Any, name: str) -> np.ndarray:
    """`value` as a C-contiguous vector of `size` numbers of `dtype`; a copy only if needed."""
    array = np.ascontiguousarray(value, dtype=dtype).reshape(-1)
    if array.size != size:
        raise ValueError(f"{name} must have {size} elements; got {array.size}.")
    return array
