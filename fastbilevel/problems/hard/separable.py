"""The hardest upper objective beside the easiest lower level."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fastbilevel._checks.arrays import check_vector
from fastbilevel._checks.values import check_number
from fastbilevel._texts.protocol import Nothing, record
from fastbilevel.problems.base import make_zero, make_zero_product
from fastbilevel.problems.hard._coins import Coins, check_chain, coin_data, probability_for
from fastbilevel.problems.hard._instance import HardInstance
from fastbilevel.problems.hard.carmon_chain import CarmonChain


@record
class Data(NamedTuple):
    mu: float
    coins: Coins


def make_oracles(k: Any) -> dict[str, Any]:
    """The oracles."""

    def value_lower(data, work, x, y, rows, out):
        """``mu y^2 / 2``."""
        out[0] = 0.5 * data.mu * y[0] * y[0]

    def value_upper(data, work, x, y, rows, out):
        """The chain at x; the noise of its gradient has mean zero and is left out."""
        k.chain.carmon_value(x, data.coins.height, data.coins.scale, out)

    def grad_lower_y(data, work, x, y, rows, out):
        """``mu y``."""
        out[0] = data.mu * y[0]

    def grad_upper_x(data, work, x, y, rows, out):
        """The gradient of the chain, its next coordinate times the mean of coin / probability."""
        coins = data.coins
        k.chain.carmon_gradient(x, coins.height, coins.scale, out)
        k.chain.hide_next(x, coins.threshold, rows, coins.probability, coins.k0, coins.k1, out)

    def hvp_lower_yy(data, work, x, y, v, rows, out):
        """``mu v``."""
        out[0] = data.mu * v[0]

    grad_upper_y = grad_lower_x = make_zero(k)

    jvp_lower_xy = make_zero_product(k)

    return locals()


class Separable(HardInstance):
    """f(x, y) = the chain at x, g(x, y) = mu y^2 / 2: levels that have nothing to do with another.

    y* = 0 and phi is the chain, so every derivative in y that an assumption could bound is bounded.
    What is left is the stochastic non-convex problem in x: no method can do with fewer than a
    multiple of L gap sigma^2 / epsilon^4 stochastic gradients, whatever it assumes of the order of
    smoothness in y (the lower bound of F2SA-p). Penalty estimates of the hypergradient equal f_x
    for every penalty and order if all offsets share their samples.

    A sample of f_x is the chain's gradient with its next coordinate multiplied by coin / q, the
    coin being 1 with probability q and else 0: the coordinate that leads on along the chain is seen
    once in 1/q samples. It is unbiased, with a variance of at most (46 epsilon)^2 (1 - q) / q. The
    lower level is exact.

    Parameters
    ----------
    chain : CarmonChain
    mu : float
        Curvature of g.
    probability : float, optional
        q, in (0, 1].
    noise : float, optional
        Instead of `probability`: the standard deviation sigma that a sample of f_x may have; q =
        min(1, (46 epsilon / sigma)^2). With neither the upper level is exact, too.
    threshold : float
        The next coordinate is the one after the last that is at least `threshold * chain.scale` in
        size; with 0 the first that is exactly zero, for methods that start at zero and move in the
        span of the gradients.
    noise_seed : int
        Seed of the coins.

    Attributes
    ----------
    chain : CarmonChain
    mu, probability : float

    References
    ----------
    The paper of F2SA-p (ICLR 2026), Theorem 4.1; the coins are those of Y. Arjevani et al.: Lower
    bounds for non-convex stochastic optimization, Mathematical Programming 2023.

    Examples
    --------
    >>> import numpy as np, fastbilevel as fb
    >>> problem = fb.problems.hard.Separable(fb.problems.hard.CarmonChain(5), probability=0.1)
    >>> problem.grad_upper_x(np.zeros(5), [0.0], rows=[0]).round(2) + 0.0
    array([0., 0., 0., 0., 0.])
    """

    def __init__(
        self,
        chain: CarmonChain,
        mu: float = 1.0,
        *,
        probability: float | None = None,
        noise: float | None = None,
        threshold: float = 0.25,
        noise_seed: Any = 0,
    ):
        self.chain, self.mu = check_chain(chain), check_number("mu", mu, above=0)
        if probability is not None and noise is not None:
            raise TypeError("probability and noise say the same thing: give one of them.")
        self.probability = 1.0
        if probability is not None:
            self.probability = check_number("probability", probability, above=0)
            if self.probability > 1:
                raise ValueError(f"probability must be at most 1; got {probability}.")
        if noise is not None:
            bound = check_number("noise", noise, least=0)
            self.probability = probability_for(bound, chain.gradient_bound)
        infinite = not (probability is None and noise is None)
        super().__init__(np.zeros(chain.length), np.zeros(1), infinite=infinite)
        self._coins = coin_data(chain, threshold, self.probability, noise_seed)

    def evaluation_arguments(self, rows: int) -> tuple[Data, Nothing]:
        return Data(mu=self.mu, coins=self._coins), Nothing()

    # -- closed forms ------------------------------------------------------------------------

    def lower_solution(self, x: Any, weight: float = 0.0) -> np.ndarray:
        """argmin of g + weight f over y: 0 for every x and weight, (1,)."""
        check_vector("x", x, self.n_x, finite=False)
        return np.zeros(1)

    def phi(self, x: Any) -> float:
        """The chain's value."""
        return self.chain.value(x)

    def hypergradient(self, x: Any) -> np.ndarray:
        """The chain's gradient, (n_x,)."""
        return self.chain.gradient(x)
