"""A lower level whose curvature vanishes: uniformly convex, not strongly convex."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fastbilevel._checks.arrays import check_noise, check_numbers, check_vector
from fastbilevel._checks.values import check_number
from fastbilevel._texts.compile import Text, texts_of
from fastbilevel._texts.protocol import Floats, record
from fastbilevel._texts.samplers import key_of
from fastbilevel.problems.hard._instance import HardInstance
from fastbilevel.problems.uniform_convexity import scaling

GRAD_LOWER_Y, GRAD_LOWER_X, GRAD_UPPER_X = range(3)


@record
class Data(NamedTuple):
    power: float
    sigma_lower: float
    sigma_upper: float
    k0: int
    k1: int


@record
class Work(NamedTuple):
    """(1,), a sample's noise."""

    noise: Floats


def make_oracles(k: Any, noisy_lower: int, noisy_upper: int) -> dict[str, Any]:
    """The oracles; code for noise that is never added would slow one variable down."""

    def value_lower(data, work, x, y, rows, out):
        """``|y|^p / p - y sin x``; additive noise has mean zero and is left out."""
        k.sine.lower_value(x, y, data.power, out)

    def value_upper(data, work, x, y, rows, out):
        """``sin([y]^(p-1))``, +-1 beyond its first extrema; additive noise is left out."""
        k.sine.upper_value(y, data.power, out)

    def grad_lower_y(data, work, x, y, rows, out):
        """``[y]^(p-1) - sin x``."""
        k.sine.lower_gradient(x, y, data.power, out)
        if noisy_lower:
            k.quadratic.add_noise(
                rows, GRAD_LOWER_Y, data.sigma_lower, data.k0, data.k1, work.noise, out
            )

    def grad_lower_x(data, work, x, y, rows, out):
        """``-y cos x``."""
        k.sine.cross(x, y, out)
        if noisy_lower:
            k.quadratic.add_noise(
                rows, GRAD_LOWER_X, data.sigma_lower, data.k0, data.k1, work.noise, out
            )

    def grad_upper_y(data, work, x, y, rows, out):
        """``cos([y]^(p-1)) (p-1) |y|^(p-2)``, 0 where f is flat; without noise."""
        k.sine.upper_gradient(y, data.power, out)

    def grad_upper_x(data, work, x, y, rows, out):
        """``0`` and noise."""
        out[:] = 0.0
        if noisy_upper:
            k.quadratic.add_noise(
                rows, GRAD_UPPER_X, data.sigma_upper, data.k0, data.k1, work.noise, out
            )

    def hvp_lower_yy(data, work, x, y, v, rows, out):
        """``(p-1) |y|^(p-2) v``."""
        out[:] = 0.0
        k.powers.add_norm_product(y, v, data.power, 1.0 / data.power, out)

    def jvp_lower_xy(data, work, x, y, v, rows, out):
        """``-v cos x``."""
        k.sine.cross(x, v, out)

    return locals()


class UniformlyConvex(HardInstance):
    """g = |y|^p / p - y sin x, f = sin([y]^(p-1)), with the signed power [y]^q = sign(y) |y|^q.

    f is cut off: it is +-1 where |y| > (pi/2)^(1/(p-1)). The lower solution is [y*]^(p-1) = sin x,
    so that phi(x) = sin(sin x) for every p, with hypergradient cos x cos(sin x): from x0 = 1
    descent leads to -pi/2.

    g is uniformly convex of power p. For p > 2 its curvature (p-1) |y|^(p-2) vanishes at y = 0, the
    lower solution of sin x = 0, and y* is not differentiable in x there; gradient noise moves y
    the further the larger p is. In the coordinate w = [y]^(p-1) nothing degenerates: the
    generalized Hessian d(g_y)/dw is 1 and df/dw = cos w.

    Parameters
    ----------
    power : float
        p >= 2; p = 2 is strongly convex.
    noise : float or (float, float), optional
        Standard deviation, per sample, of Gaussian noise that is added to the stochastic gradients
        of the lower level, g_y and g_x, and to f_x; or of (lower, upper). f_y and the second
        derivatives are exact, so that noise in f_x is noise of the hypergradient.
    noise_seed : int
        Seed of the noise.

    Attributes
    ----------
    power, sigma_lower, sigma_upper : float

    Notes
    -----
    `fastbilevel.hypergradient` with method "implicit" works in w and is exact where sin x = 0, too.
    "finite-difference" is as good for p > 2 if nu (p-1) is small against |y*|, and wrong near
    sin x = 0. There the minimisers of g +- nu f are -+(p-1) nu, so that the stencil gives
    (p-1) cos x instead of cos x for every nu; for large p not even that, as y* is determined by its
    gradient to |y| <= tol^(1/(p-1)) only, which is reported.

    References
    ----------
    UniBiO (ICLR 2026), the synthetic experiment.

    Examples
    --------
    >>> import fastbilevel as fb
    >>> problem = fb.problems.hard.UniformlyConvex(4)
    >>> problem.hypergradient([0.0]), fb.hypergradient(problem, [0.0], method="implicit")
    (array([1.]), array([1.]))
    """

    def __init__(self, power: float = 4.0, noise: Any = None, *, noise_seed: Any = 0):
        self.power = check_number("power", power, least=2)
        self.sigma_lower, self.sigma_upper = check_noise("noise", noise)
        super().__init__([1.0], [1.0], infinite=noise is not None)
        self._key = key_of(noise_seed, "noise_seed")

    def texts(self) -> dict[str, Text]:
        return texts_of(make_oracles, int(self.sigma_lower > 0), int(self.sigma_upper > 0))

    def evaluation_arguments(self, rows: int) -> tuple[Data, Work]:
        k0, k1 = self._key
        lower, upper = self.sigma_lower, self.sigma_upper
        data = Data(power=self.power, sigma_lower=lower, sigma_upper=upper, k0=k0, k1=k1)
        return data, Work(noise=np.zeros(1))

    # -- closed forms ------------------------------------------------------------------------

    def lower_solution(self, x: Any) -> np.ndarray:
        """y*(x) = sign(sin x) |sin x|^(1/(p-1)), (1,)."""
        s = np.sin(check_vector("x", x, 1, finite=False))
        return np.sign(s) * np.abs(s) ** (1.0 / (self.power - 1.0))

    def phi(self, x: Any) -> np.ndarray:
        """sin(sin x), of x's shape."""
        return np.sin(np.sin(check_numbers("x", x)))

    def hypergradient(self, x: Any) -> np.ndarray:
        """phi'(x) = cos x cos(sin x), (1,)."""
        x = check_vector("x", x, 1, finite=False)
        return np.cos(x) * np.cos(np.sin(x))

    # -- derivatives in w = [y]^(p-1) --------------------------------------------------------

    def generalized_hessian(self, x: Any, y: Any) -> np.ndarray:
        """d(g_y)/dw = D^-1 g_yy with D = (p-1) |y|^(p-2): 1 at every y, 0 included; (1, 1)."""
        self._vector("x", x), self._vector("y", y)
        return np.ones((1, 1))

    def generalized_upper_gradient(self, x: Any, y: Any) -> np.ndarray:
        """df/dw = D^-1 f_y: cos w, 0 where f is flat; (1,)."""
        y = check_vector("y", y, 1, finite=False)
        w = y * scaling(y, self.power) / (self.power - 1.0)
        return np.where(np.abs(w) > np.pi / 2, 0.0, np.cos(w))
