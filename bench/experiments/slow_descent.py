"""A scalar bilevel problem on which gradient descent is as slow as the theory allows.

On a strongly convex phi every method converges linearly at first, and no rate of the theory, which
is about the worst smooth phi, can be seen. Here

    g(x, y) = (y - x)^2 / 2,   f(x, y) = -log(y^2 + c^2) / 2 + sin(y + t) - sin(x + t),   c = 1/4,

so that y*(x) = x, phi(x) = -log(x^2 + c^2) / 2 and |phi'(x)| = x / (x^2 + c^2), about 1 / x. The
phase t is drawn anew for every run, for what happens at one phase of the sine is no rate.

- *Descent is slow.* x_k^2 grows by 2 lr_x in a step and |phi'(x_k)| falls like k^-1/2: descent with
  a fixed step needs eps^-2 iterations, and steps alpha_k need sum alpha_k ~ eps^-2.
- *The distance is the same for every eps.* A run for eps starts where |phi'| = 2 eps. From there to
  |phi'| = eps, phi falls by log 2: the Delta of the theory does not depend on eps.
- *The penalty has a bias, at every order, that does not die out as x grows.* The lower problem at
  nu = 1 / lambda is a proximal step on sin; without the logarithm (its share falls like 1 / x^2)
  the estimate of order p with exact lower solutions deviates by

      c_p (-1)^p nu^p D^p[cos(x + t)^(p+1)] + O(nu^(p+1)),   c_1, c_2, c_4 = 1/2, 1/6, -1/30,

  with D = d/dx (Lagrange's expansion of y = x - nu cos(y + t)). It swings around 0 with amplitude
  nu / 2, nu^2 / 2 and 65 nu^4 / 30 for p = 1, 2, 4, so that x is caught where |phi'| has fallen to
  it: a method with a fixed nu gets below eps only if nu <= O(eps^(1/p)).
- *Smoothness.* All derivatives are bounded on the real line. The runs stay at y > 1/2, where
  |f_yy| <= 5 (<= 2 for y >= 1); g_yy = 1, so kappa = 1 and only the exponent of eps is seen.

Every gradient of a sample carries independent normal noise of standard deviation sigma, the same
at every (x, y): unbiased, of bounded variance, and Lipschitz in the mean square as F3SA asks.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from scipy import integrate

import fastbilevel as fb
from fastbilevel._texts.protocol import Floats, record
from fastbilevel._texts.samplers import key_of
from fastbilevel.problems.hard._instance import HardInstance

SOFTENING = 1 / 4
# Where `fb.schedules.theory` looks at the curvature: f_yy is near the largest it has for y >= 1.
TYPICAL = 1.5 * math.pi
# One stream of noise for each.
G_Y, G_X, F_Y, F_X = range(4)


@record
class Data(NamedTuple):
    """c, t, standard deviations of one sample's gradients, and the key of the noise."""

    softening: float
    phase: float
    sigma_lower: float
    sigma_upper: float
    k0: int
    k1: int


@record
class Work(NamedTuple):
    """(1,), a sample's noise."""

    noise: Floats


def make_oracles(k: Any) -> dict[str, Any]:
    """The oracles; noise has mean zero and is left out of values."""

    def value_lower(data, work, x, y, rows, out):
        """``(y - x)^2 / 2``."""
        out[0] = 0.5 * (y[0] - x[0]) ** 2

    def value_upper(data, work, x, y, rows, out):
        """``-log(y^2 + c^2) / 2 + sin(y + t) - sin(x + t)``."""
        logarithm = math.log(y[0] ** 2 + data.softening**2)
        out[0] = -0.5 * logarithm + math.sin(y[0] + data.phase) - math.sin(x[0] + data.phase)

    def grad_lower_y(data, work, x, y, rows, out):
        """``y - x``."""
        out[0] = y[0] - x[0]
        k.quadratic.add_noise(rows, G_Y, data.sigma_lower, data.k0, data.k1, work.noise, out)

    def grad_lower_x(data, work, x, y, rows, out):
        """``x - y``."""
        out[0] = -1.0 * (y[0] - x[0])
        k.quadratic.add_noise(rows, G_X, data.sigma_lower, data.k0, data.k1, work.noise, out)

    def grad_upper_y(data, work, x, y, rows, out):
        """``-y / (y^2 + c^2) + cos(y + t)``."""
        out[0] = math.cos(y[0] + data.phase) - y[0] / (y[0] ** 2 + data.softening**2)
        k.quadratic.add_noise(rows, F_Y, data.sigma_upper, data.k0, data.k1, work.noise, out)

    def grad_upper_x(data, work, x, y, rows, out):
        """``-cos(x + t)``."""
        out[0] = -math.cos(x[0] + data.phase)
        k.quadratic.add_noise(rows, F_X, data.sigma_upper, data.k0, data.k1, work.noise, out)

    return locals()


class SlowDescent(HardInstance):
    """The problem of this module.

    Parameters
    ----------
    sigma_lower, sigma_upper : float
        Standard deviation of one sample's gradient of g and of f.
    phase : float
        t.
    seed : int
        Of the noise.
    """

    def __init__(
        self,
        sigma_lower: float = 0.0,
        sigma_upper: float = 0.0,
        *,
        phase: float = 0.0,
        seed: int = 0,
    ):
        super().__init__([TYPICAL], [TYPICAL], infinite=True)
        k0, k1 = key_of(seed)
        self._data = Data(
            softening=SOFTENING,
            phase=float(phase),
            sigma_lower=float(sigma_lower),
            sigma_upper=float(sigma_upper),
            k0=k0,
            k1=k1,
        )

    def evaluation_arguments(self, rows: int) -> tuple[Data, Work]:
        return self._data, Work(noise=np.zeros(1))


def stationarity(x: Any) -> Any:
    """|phi'(x)| for x > 0."""
    return x / (x**2 + SOFTENING**2)


def position(value: float) -> float:
    """The larger x at which |phi'(x)| is `value`, less than 1 / (2 c)."""
    return (1 + math.sqrt(1 - (2 * SOFTENING * value) ** 2)) / (2 * value)


def exact_descent(options: dict[str, Any], eps: float, *, average: bool) -> float:
    """Outer iterations until eps if x moved along phi' = -1 / x exactly, from x = 1 / (2 eps) on.

    Then x_k^2 = x_0^2 + 2 S_k, or x_k = x_0 + S_k for F2SA-p, which normalises its steps. S_k, the
    sum of the first k steps c (k + 1)^(r - 1), is taken by the midpoint rule, which makes it
    c ((k + 1/2)^r - (1/2)^r) / r.

    Parameters
    ----------
    options : dict
        Of `fb.minimize`: the method and lr_x, a number or a `Power`.
    eps : float
    average : bool
        Until the average of 1 / x_k, instead of its last value, is eps.
    """
    lr_x, normalized = options["lr_x"], options["method"] == "f2sa-p"
    c, r = (lr_x.c, 1 - lr_x.exponent) if isinstance(lr_x, fb.schedules.Power) else (lr_x, 1.0)
    # Steps of 0.3 % in k; no run here is as long as the last of them.
    k = np.append(0.0, np.geomspace(1e-2, 1e12, 10_000))
    moved, first = c * ((k + 0.5) ** r - 0.5**r) / r, 1 / (2 * eps)
    value = 1 / (first + moved if normalized else np.sqrt(first**2 + 2 * moved))
    if average:
        value[1:] = integrate.cumulative_trapezoid(value, k) / k[1:]
    # The values fall: np.interp wants them rising.
    return float(np.interp(-eps, -value, k))


def descend(
    problem: SlowDescent,
    eps: float,
    *,
    average: bool,
    seed: int,
    **options: Any,
) -> fb.BilevelResult | None:
    """Run from |phi'| = 2 eps until the true |phi'(x_k)| is eps.

    Parameters
    ----------
    problem : SlowDescent
    eps : float
    average : bool
        Stop once the average of |phi'| over all iterates so far, which is its expectation at a
        random one of them, is eps; otherwise at the first iterate with |phi'| <= eps.
    seed : int
        Of the samples.
    **options
        Method and options of `fb.minimize`.

    Returns
    -------
    BilevelResult or None
        None if |phi'| is larger after 15 times as many iterations as exact descent would need. The
        iterates are looked at 100 times within that number, so that `nit` is exact to 1/100 of it.
    """
    expected = exact_descent(options, eps, average=average)
    total, looks, reached = 0.0, 0, False

    def look(intermediate_result: fb.BilevelResult) -> bool:
        nonlocal total, looks, reached
        now = float(stationarity(intermediate_result.x_last[0]))
        total, looks = total + now, looks + 1
        reached = (total / looks if average else now) <= eps
        return reached

    x = [position(2 * eps)]
    result = fb.minimize(
        problem, x, x, maxiter=math.ceil(15 * expected), seed=seed, callback=look,
        record_every=max(1, int(expected / 100)), **options,
    )  # fmt: skip
    return result if reached else None
