"""Least-squares lower levels with many solutions."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fastbilevel._arrays.dispatch import backend_of
from fastbilevel._checks.arrays import check_array, check_vector
from fastbilevel._checks.values import check_integer, check_number, check_seed
from fastbilevel._texts.compile import Text
from fastbilevel._texts.protocol import Floats, record
from fastbilevel.problems.hard._instance import HardInstance

# Singular values below this share of the largest one count as zero.
RANK_TOLERANCE = 1e-10


@record
class Level(NamedTuple):
    """M y - N x - d, one sample each, as the kernels take them."""

    M: np.ndarray
    N: np.ndarray
    d: np.ndarray


@record
class Data(NamedTuple):
    lower: Level
    upper: Level


@record
class Work(NamedTuple):
    """The residual of each level."""

    lower: Floats
    upper: Floats


def make_value(k: Any, level: str) -> Any:
    """``||M y - N x - d||^2 / 2`` with the coefficients of `level`."""

    def value(data, work, x, y, rows, out):
        of, r = getattr(data, level), getattr(work, level)
        r[:] = 0
        k.quadratic.add_product(of.M, rows, y, 1.0, r)
        k.quadratic.add_product(of.N, rows, x, -1.0, r)
        k.quadratic.add_vector(of.d, rows, -1.0, r)
        out[0] = 0.0
        k.quadratic.add_dot(r, r, 0.5, out)

    return value


def make_gradient(k: Any, level: str, matrix: str, sign: float) -> Any:
    """Of y ``M' (M y - N x - d)``, `sign` 1; of x ``-N' (M y - N x - d)``, `sign` -1."""

    def gradient(data, work, x, y, rows, out):
        of, r = getattr(data, level), getattr(work, level)
        r[:] = 0
        k.quadratic.add_product(of.M, rows, y, 1.0, r)
        k.quadratic.add_product(of.N, rows, x, -1.0, r)
        k.quadratic.add_vector(of.d, rows, -1.0, r)
        out[:] = 0
        k.quadratic.add_transposed_product(getattr(of, matrix), rows, r, sign, out)

    return gradient


def make_lower_product(k: Any, matrix: str, sign: float) -> Any:
    """``A' A v`` with "M" and 1, ``-B' A v`` with "N" and -1."""

    def lower_product(data, work, x, y, v, rows, out):
        r = work.lower
        r[:] = 0
        k.quadratic.add_product(data.lower.M, rows, v, 1.0, r)
        out[:] = 0
        k.quadratic.add_transposed_product(getattr(data.lower, matrix), rows, r, sign, out)

    return lower_product


class PolyakLojasiewicz(HardInstance):
    """g = ||A y - B x - b||^2 / 2 with many minimisers, f = ||P y - Q x - p||^2 / 2.

    A has a null space, so the lower level satisfies the Polyak-Lojasiewicz inequality but is not
    strongly convex and its solutions Y*(x) are an affine set. P is injective on that null space: f
    picks one of them, the optimistic solution y*(x), and phi(x) = min over Y*(x) of f is smooth.
    For every weight > 0 the minimiser of g + weight f is unique.

    It shows that penalty methods need no unique lower solution, and that methods which follow one
    minimiser of g from where they started, without f, find the wrong hypergradient. Without
    arguments it is the smallest such problem, y in R^2:

        g = (y_1 - x)^2 / 2,  f = (y_1 - 1)^2 / 2 + (y_2 - x)^2 / 2,  Y*(x) = {(x, anything)},
        phi'(x) = x - 1,  and the gradient of the penalty function is (x - 1) / (1 + 1/lambda).

    Parameters
    ----------
    A : (m, n_y) array
    B : (m, n_x) array
    b : (m,) array
    P : (k, n_y) array
        Of full rank on the null space of A.
    Q : (k, n_x) array
    p : (k,) array
        All six, or none of them.
    x0, y0 : arrays, optional
        Default starting point, zeros if absent.

    Raises
    ------
    TypeError, ValueError
        If only some coefficients are given, shapes do not fit, A has no null space, or P is
        singular on it.

    References
    ----------
    L. Chen, J. Xu, J. Zhang: On finding small hyper-gradients in bilevel optimization: hardness
    results and improved analysis, COLT 2024 (the class).

    Examples
    --------
    >>> import fastbilevel as fb
    >>> problem = fb.problems.hard.PolyakLojasiewicz()
    >>> problem.lower_solution([0.5]), problem.hypergradient([0.5])
    (array([0.5, 0.5]), array([-0.5]))
    """

    def __init__(
        self,
        A: Any = None,
        B: Any = None,
        b: Any = None,
        P: Any = None,
        Q: Any = None,
        p: Any = None,
        *,
        x0: Any = None,
        y0: Any = None,
    ):
        given = {"A": A, "B": B, "b": b, "P": P, "Q": Q, "p": p}
        missing = [name for name, value in given.items() if value is None]
        if len(missing) == len(given):
            A, B, b = [[1.0, 0.0]], [[1.0]], [0.0]
            P, Q, p = np.eye(2), [[0.0], [1.0]], [1.0, 0.0]
        elif missing:
            raise TypeError(
                f"{', '.join(missing)} must be given too: PolyakLojasiewicz takes all of "
                f"{', '.join(given)}, or none of them."
            )
        self._A, self._B, self._b = _residual(A, B, b, "A", "B", "b")
        self._P, self._Q, self._p = _residual(P, Q, p, "P", "Q", "p")
        # One sample each, as the kernels take them: the same arrays in every call.
        lower, upper = (
            Level(M=M[np.newaxis], N=N[np.newaxis], d=d[np.newaxis])
            for M, N, d in ((self._A, self._B, self._b), (self._P, self._Q, self._p))
        )
        self._levels = Data(lower=lower, upper=upper)
        n_y, n_x = self._A.shape[1], self._B.shape[1]
        if (self._P.shape[1], self._Q.shape[1]) != (n_y, n_x):
            raise ValueError(
                f"P and Q must have {n_y} and {n_x} columns, as A and B have; got "
                f"{self._P.shape[1]} and {self._Q.shape[1]}."
            )
        super().__init__(
            check_vector("x0", np.zeros(n_x) if x0 is None else x0, n_x),
            check_vector("y0", np.zeros(n_y) if y0 is None else y0, n_y),
        )
        self.kernels = backend_of(*given.values(), x0, y0)
        self._null = _null_space(self._A)
        if not self._null.shape[1]:
            raise ValueError(
                "A must have linearly dependent columns; with these the lower solution is unique: "
                "use Quadratic."
            )
        if _null_space(self._P @ self._null).shape[1]:
            raise ValueError(
                "P must be injective on the null space of A, so that f has one minimiser among the "
                "lower solutions."
            )

    @classmethod
    def random(
        cls, n_x: int = 3, n_y: int = 6, rank: int = 4, *, seed: Any = 0
    ) -> PolyakLojasiewicz:
        """A random problem whose lower solutions form a set of dimension n_y - rank.

        The non-zero singular values of A lie between 1 and sqrt(2), the lower residual does not
        vanish at the solutions, and phi is strongly convex.

        Parameters
        ----------
        n_x, n_y : int
            Sizes.
        rank : int
            Rank of A, less than `n_y`.
        seed : int or numpy.random.Generator
        """
        n_x, n_y = check_integer("n_x", n_x, 1), check_integer("n_y", n_y, 1)
        if check_integer("rank", rank, 1) >= n_y:
            raise ValueError(f"rank must be less than n_y = {n_y}; got {rank}.")
        rng = np.random.default_rng(check_seed("seed", seed))
        left, right = (np.linalg.qr(rng.standard_normal((n_y, n_y)))[0][:, :rank] for _ in "12")
        k = n_y + n_x
        return cls(
            left * np.sqrt(np.linspace(1.0, 2.0, rank)) @ right.T,
            rng.standard_normal((n_y, n_x)) / np.sqrt(n_x),
            rng.standard_normal(n_y),
            rng.standard_normal((k, n_y)) / np.sqrt(k),
            rng.standard_normal((k, n_x)) / np.sqrt(k),
            rng.standard_normal(k) / np.sqrt(k),
        )

    def texts(self) -> dict[str, Text]:
        return {
            "value_lower": (make_value, "lower"),
            "value_upper": (make_value, "upper"),
            "grad_lower_y": (make_gradient, "lower", "M", 1.0),
            "grad_upper_y": (make_gradient, "upper", "M", 1.0),
            "grad_lower_x": (make_gradient, "lower", "N", -1.0),
            "grad_upper_x": (make_gradient, "upper", "N", -1.0),
            "hvp_lower_yy": (make_lower_product, "M", 1.0),
            "jvp_lower_xy": (make_lower_product, "N", -1.0),
        }

    def evaluation_arguments(self, rows: int) -> tuple[Data, Work]:
        return self._levels, Work(lower=np.zeros(self._b.size), upper=np.zeros(self._p.size))

    # -- closed forms ------------------------------------------------------------------------

    def lower_solution(self, x: Any, weight: float = 0.0) -> np.ndarray:
        """argmin over y of g(x, y) + weight f(x, y), (n_y,); weight >= 0.

        With weight 0 the optimistic solution A^+ (Bx + b) - N (PN)^+ (P A^+ (Bx + b) - Qx - p), the
        columns of N spanning the null space of A; it is the limit for small weights.
        """
        x = check_vector("x", x, self.n_x, finite=False)
        target, upper_target = self._B @ x + self._b, self._Q @ x + self._p
        if check_number("weight", weight, least=0) > 0:
            curvature = self._A.T @ self._A + weight * self._P.T @ self._P
            force = self._A.T @ target + weight * self._P.T @ upper_target
            return np.linalg.solve(curvature, force)
        y = np.linalg.pinv(self._A, RANK_TOLERANCE) @ target
        shift = np.linalg.pinv(self._P @ self._null) @ (self._P @ y - upper_target)
        return y - self._null @ shift

    def phi(self, x: Any) -> float:
        """min of f(x, y) over the lower solutions y."""
        slope, constant = self._optimistic_residual()
        r = slope @ check_vector("x", x, self.n_x, finite=False) + constant
        return float(r @ r) / 2

    def hypergradient(self, x: Any) -> np.ndarray:
        """grad phi(x), (n_x,)."""
        slope, constant = self._optimistic_residual()
        return slope.T @ (slope @ check_vector("x", x, self.n_x, finite=False) + constant)

    def solution(self) -> np.ndarray:
        """The minimiser of phi, (n_x,); that of least norm if there are several."""
        slope, constant = self._optimistic_residual()
        return -np.linalg.pinv(slope, RANK_TOLERANCE) @ constant

    def _optimistic_residual(self) -> tuple[np.ndarray, np.ndarray]:
        """M (k, n_x) and m (k,) with P y*(x) - Q x - p = M x + m."""
        inverse = np.linalg.pinv(self._A, RANK_TOLERANCE)
        within = self._P @ self._null
        project = np.eye(self._p.size) - within @ np.linalg.pinv(within)
        slope = project @ (self._P @ inverse @ self._B - self._Q)
        return slope, project @ (self._P @ inverse @ self._b - self._p)


def _null_space(M: np.ndarray) -> np.ndarray:
    """Orthonormal columns that span the null space of M."""
    _, singular, right = np.linalg.svd(M)
    rank = int(np.sum(singular > RANK_TOLERANCE * singular.max(initial=0.0)))
    return right[rank:].T


def _residual(M: Any, N: Any, d: Any, *names: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients of M y - N x - d as float64 arrays of shapes that fit."""
    arrays = [
        check_array(name, value, axes)
        for name, value, axes in zip(names, (M, N, d), (2, 2, 1), strict=True)
    ]
    for name, array in zip(names, arrays, strict=True):
        if array.shape[0] != arrays[0].shape[0]:
            raise ValueError(
                f"{name} must have {arrays[0].shape[0]} rows, as {names[0]} has; got "
                f"{array.shape[0]}."
            )
    return arrays[0], arrays[1], arrays[2]
