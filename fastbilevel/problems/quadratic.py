"""Quadratic bilevel problems, whose solutions and hypergradients are known in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastbilevel._arrays.dispatch import backend_of
from fastbilevel._checks.arrays import check_array, check_noise, check_vector
from fastbilevel._checks.values import check_integer, check_number, check_seed
from fastbilevel._texts.compile import Text, texts_of
from fastbilevel._texts.samplers import key_of
from fastbilevel.problems import _quadratic_texts as oracle_texts
from fastbilevel.problems.base import INFINITELY_MANY, BilevelProblem


class Quadratic(BilevelProblem):
    """Quadratic bilevel problem with closed-form solution and hypergradient.

    g(x, y) = y'Hy/2 - y'(Bx + b) and f(x, y) = y'Fy/2 + c'y + x'Rx/2, with H positive definite;
    then y*(x) = H^-1 (Bx + b) and grad phi(x) = Rx + B'H^-1 (F y*(x) + c).

    Parameters
    ----------
    H : (n_y, n_y) or (n, n_y, n_y) array
        Lower Hessian, symmetric; with three axes the lower level is the mean over n samples.
    B : (n_y, n_x) or (n, n_y, n_x) array
        Coupling of x and y.
    F : (n_y, n_y) or (m, n_y, n_y) array
        Upper Hessian in y, symmetric; with three axes the upper level is the mean over m samples.
    c : (n_y,) or (m, n_y) array, optional
    b : (n_y,) or (n, n_y) array, optional
    R : (n_x, n_x) or (m, n_x, n_x) array, optional
        Upper Hessian in x, symmetric.
    noise : float or (float, float), optional
        Standard deviation, per coordinate and sample, of Gaussian noise that is added to every
        stochastic gradient of both levels, or of (lower, upper). The same sample has the same
        noise at every (x, y). Excludes stacked coefficients.
    x0, y0 : arrays, optional
        Default starting point, zeros if absent.
    noise_seed : int
        Seed of the noise.

    Raises
    ------
    TypeError, ValueError
        If shapes do not fit, a matrix is not symmetric, or a value is not finite.

    Examples
    --------
    >>> import numpy as np, fastbilevel as fb
    >>> problem = fb.problems.Quadratic(np.eye(1), np.eye(1), np.eye(1), c=[-1.0], R=np.eye(1))
    >>> problem.solution()
    array([0.5])
    """

    def __init__(
        self,
        H: Any,
        B: Any,
        F: Any,
        c: Any = None,
        b: Any = None,
        R: Any = None,
        *,
        noise: Any = None,
        x0: Any = None,
        y0: Any = None,
        noise_seed: int = 0,
    ):
        self.kernels = backend_of(H, B, F, c, b, R, x0, y0)
        self._H, self._B = _stack(H, 2, "H"), _stack(B, 2, "B")
        self._F = _stack(F, 2, "F")
        self.n_y, self.n_x = self._B.shape[1:]
        self._c = _stack(np.zeros(self.n_y) if c is None else c, 1, "c")
        self._b = _stack(np.zeros(self.n_y) if b is None else b, 1, "b")
        self._R = _stack(np.zeros((self.n_x, self.n_x)) if R is None else R, 2, "R")
        self._check_shapes()
        self.sigma_lower, self.sigma_upper = check_noise("noise", noise)
        self._key = key_of(noise_seed, "noise_seed")
        self.n_lower = max(a.shape[0] for a in (self._H, self._B, self._b))
        self.n_upper = max(a.shape[0] for a in (self._F, self._c, self._R))
        self.infinite = noise is not None
        if self.infinite:
            if max(self.n_lower, self.n_upper) > 1:
                raise ValueError(
                    "noise cannot be combined with stacked coefficients: give one or the other."
                )
            self.n_lower = self.n_upper = INFINITELY_MANY
        self.dtype = np.dtype(np.float64)
        self.lower_shape = (1, self.n_y)
        self.x0 = check_vector("x0", np.zeros(self.n_x) if x0 is None else x0, self.n_x)
        self.y0 = check_vector("y0", np.zeros(self.n_y) if y0 is None else y0, self.n_y)

    def _check_shapes(self) -> None:
        n_x, n_y = self.n_x, self.n_y
        wanted = {
            "H": (self._H, (n_y, n_y)),
            "F": (self._F, (n_y, n_y)),
            "c": (self._c, (n_y,)),
            "b": (self._b, (n_y,)),
            "R": (self._R, (n_x, n_x)),
        }
        for name, (array, shape) in wanted.items():
            if array.shape[1:] != shape:
                raise ValueError(
                    f"{name} must have shape {shape} (or one such array per sample) to go with "
                    f"B of shape {self._B.shape[1:]}; got {array.shape[1:]}."
                )
        for name, array in (("H", self._H), ("F", self._F), ("R", self._R)):
            if not np.allclose(array, array.transpose(0, 2, 1)):
                raise ValueError(f"{name} must be symmetric.")
        for names, arrays in (
            ("H, B, b", (self._H, self._B, self._b)),
            ("F, c, R", (self._F, self._c, self._R)),
        ):
            sizes = {a.shape[0] for a in arrays} - {1}
            if len(sizes) > 1:
                raise ValueError(f"{names} must be stacks of one size; got {sorted(sizes)}.")

    @classmethod
    def random(
        cls, n_x: int = 5, n_y: int = 7, *, n: int | None = None, spread: float = 0.1, seed: int = 0
    ) -> Quadratic:
        """A random well-conditioned problem, with stacks of `n` samples if `n` is given.

        Parameters
        ----------
        n_x, n_y : int
            Sizes.
        n : int, optional
            Samples of each level; their coefficients scatter around the mean, so that the noise of
            the gradients grows with x and y.
        spread : float
            Standard deviation of that scatter.
        seed : int
        """
        n_x, n_y = check_integer("n_x", n_x, 1), check_integer("n_y", n_y, 1)
        n = None if n is None else check_integer("n", n, 1)
        spread = check_number("spread", spread, least=0)
        rng = np.random.default_rng(check_seed("seed", seed))

        def spd(size: int, low: float, high: float) -> np.ndarray:
            Q, _ = np.linalg.qr(rng.standard_normal((size, size)))
            return (Q * np.linspace(low, high, size)) @ Q.T

        mean = {
            "H": spd(n_y, 1.0, 2.0),
            "B": rng.standard_normal((n_y, n_x)) / np.sqrt(n_x),
            "F": spd(n_y, 0.2, 1.0),
            "c": rng.standard_normal(n_y),
            "b": rng.standard_normal(n_y),
            "R": spd(n_x, 0.5, 1.0),
        }
        if n is None:
            return cls(*mean.values())

        def scatter(array: np.ndarray) -> np.ndarray:
            noise = spread * rng.standard_normal((n, *array.shape))
            if array.ndim == 2 and array.shape[0] == array.shape[1]:
                noise = (noise + noise.transpose(0, 2, 1)) / 2
            return array + noise - noise.mean(axis=0)

        return cls(*(scatter(array) for array in mean.values()))

    def texts(self) -> dict[str, Text]:
        noisy = int(self.sigma_lower > 0), int(self.sigma_upper > 0)
        return texts_of(oracle_texts.make_oracles, *noisy)

    def evaluation_arguments(self, rows: int) -> tuple[oracle_texts.Data, oracle_texts.Work]:
        data = oracle_texts.Data(
            H=self._H,
            B=self._B,
            F=self._F,
            c=self._c,
            b=self._b,
            R=self._R,
            sigma_lower=self.sigma_lower,
            sigma_upper=self.sigma_upper,
            k0=self._key[0],
            k1=self._key[1],
        )
        (noise_y, of_y), (noise_x, of_x) = (np.zeros((2, n)) for n in (self.n_y, self.n_x))
        return data, oracle_texts.Work(noise_y=noise_y, noise_x=noise_x, of_y=of_y, of_x=of_x)

    # -- closed forms ------------------------------------------------------------------------

    def lower_solution(self, x: Any, weight: float = 0.0) -> np.ndarray:
        """argmin over y of g(x, y) + weight f(x, y), (n_y,)."""
        x, weight = self._vector("x", x), check_number("weight", weight)
        H, B, F, c, b, _ = self._means()
        return _solve(H + weight * F, B @ x + b - weight * c)

    def hypergradient(self, x: Any) -> np.ndarray:
        """grad phi(x), (n_x,)."""
        x = self._vector("x", x)
        H, B, F, c, _, R = self._means()
        return R @ x + B.T @ _solve(H, F @ self.lower_solution(x) + c)

    def solution(self) -> np.ndarray:
        """The x at which the hypergradient vanishes, (n_x,)."""
        zero = np.zeros(self.n_x)
        constant = self.hypergradient(zero)
        columns = [self.hypergradient(e) - constant for e in np.eye(self.n_x)]
        return _solve(np.column_stack(columns), -constant, "The Hessian of phi")

    def _means(self) -> tuple[np.ndarray, ...]:
        stacks = (self._H, self._B, self._F, self._c, self._b, self._R)
        return tuple(stack.mean(axis=0) for stack in stacks)


def _solve(A: np.ndarray, b: np.ndarray, name: str = "H + weight F") -> np.ndarray:
    """A^-1 b, or a sentence."""
    try:
        return np.linalg.solve(A, b)
    except np.linalg.LinAlgError:
        raise ValueError(f"{name} must be invertible; it is singular.") from None


def _stack(value: Any, axes: int, name: str) -> np.ndarray:
    """`value` as a float64 stack whose first axis, of length 1 if there was none, is the sample."""
    array = check_array(name, value, axes, stacked=True)
    return array if array.ndim == axes + 1 else array[np.newaxis]
