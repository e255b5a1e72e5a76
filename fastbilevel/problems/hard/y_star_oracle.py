"""A lower level whose solution is a hard function: what noise in g_x costs."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fastbilevel._checks.arrays import check_vector
from fastbilevel._checks.values import check_choice, check_number
from fastbilevel._texts.protocol import Floats, record
from fastbilevel.problems.base import make_zero
from fastbilevel.problems.hard._coins import Coins, check_chain, coin_data, probability_for
from fastbilevel.problems.hard._instance import HardInstance
from fastbilevel.problems.hard.carmon_chain import CarmonChain

REGIMES = ("variance", "smooth")


@record
class Work(NamedTuple):
    """(1,), the value of the chain."""

    F: Floats


def make_oracles(k: Any) -> dict[str, Any]:
    """The oracles."""

    def value_lower(data, work, x, y, rows, out):
        """``(y - F(x))^2 / 2``."""
        k.chain.carmon_value(x, data.height, data.scale, out)
        out[0] = 0.5 * (y[0] - out[0]) * (y[0] - out[0])

    def value_upper(data, work, x, y, rows, out):
        """``y``."""
        out[0] = y[0]

    def grad_lower_y(data, work, x, y, rows, out):
        """``y - F(x)``."""
        k.chain.carmon_value(x, data.height, data.scale, out)
        out[0] = y[0] - out[0]

    def grad_lower_x(data, work, x, y, rows, out):
        """``-(y - F(x)) F'(x)``, the next coordinate of F' times the mean of coin / probability."""
        k.chain.carmon_value(x, data.height, data.scale, work.F)
        k.chain.carmon_gradient(x, data.height, data.scale, out)
        k.chain.hide_next(x, data.threshold, rows, data.probability, data.k0, data.k1, out)
        k.vector.scale(work.F[0] - y[0], out, out)

    def grad_upper_y(data, work, x, y, rows, out):
        """``1``."""
        out[0] = 1.0

    def hvp_lower_yy(data, work, x, y, v, rows, out):
        """``v``."""
        out[0] = v[0]

    def jvp_lower_xy(data, work, x, y, v, rows, out):
        """``-F'(x) v``, without noise."""
        k.chain.carmon_gradient(x, data.height, data.scale, out)
        k.vector.scale(-v[0], out, out)

    grad_upper_x = make_zero(k)

    return locals()


class YStarOracle(HardInstance):
    """min of y, y the minimiser of (y - F(x))^2 / 2, F a chain: y*(x) = F(x), phi = F.

    The perturbed solutions are y*_nu = F - nu, so that finite differences of every order and every
    penalty lambda give the hypergradient exactly: lambda (g_x(x, y_lambda) - g_x(x, y*)) = F'(x).
    There is no bias to trade against variance; what is left is the noise in g_x.

    g_y is exact. A sample of g_x is -(y - F(x)) times F' with its next coordinate multiplied by
    coin / q, the coin being 1 with probability q and else 0: one sample in 1/q leads on along the
    chain, and about T/q are needed. Two assumptions about g_x allow two noise levels:

    - "variance": a standard deviation of at most sigma while ``|y - F(x)| <= radius = O(epsilon)``
      allows q = min(1, (46 epsilon radius / sigma)^2), of order epsilon^4: with T of order
      epsilon^-2 the bound is epsilon^-6.
    - "smooth": the noise is Lipschitz in y with constant L_s in mean square. That allows q =
      min(1, (46 epsilon / L_s)^2) only, of order epsilon^2, and the bound is epsilon^-4.

    It shows what is gained by offsets that share their samples: something in the second regime,
    nothing in the first.

    Parameters
    ----------
    chain : CarmonChain
    regime : {"variance", "smooth"}
    noise : float
        sigma or L_s. No noise if that is so small that q = 1.
    radius : float, optional
        Of the tube around y* in which the variance is bounded; ``chain.epsilon`` by default. Only
        for "variance".
    threshold : float
        The next coordinate is the one after the last that is at least `threshold * chain.scale` in
        size; with 0 the first that is exactly zero, for methods that start at zero and move in the
        span of the gradients.
    noise_seed : int
        Seed of the coins.

    Attributes
    ----------
    chain : CarmonChain
    regime : str
    radius, probability : float
        Radius of the tube and q.

    Notes
    -----
    The default start is x = 0 and y = F(0): the lower bounds are for methods that stay in the tube.

    References
    ----------
    J. Kwon, D. Kwon, H. Lyu: On the complexity of first-order methods in stochastic bilevel
    optimization, ICML 2024.

    Examples
    --------
    >>> import fastbilevel as fb
    >>> chain = fb.problems.hard.CarmonChain(5, smoothness=1.0, epsilon=0.01)
    >>> problem = fb.problems.hard.YStarOracle(chain, "smooth", noise=4.6)
    >>> round(problem.probability, 6)
    0.01
    """

    def __init__(
        self,
        chain: CarmonChain,
        regime: str = "variance",
        noise: float = 1.0,
        *,
        radius: float | None = None,
        threshold: float = 0.25,
        noise_seed: Any = 0,
    ):
        self.chain = check_chain(chain)
        regime = check_choice("regime", regime, REGIMES)
        if radius is not None and regime == "smooth":
            raise TypeError("radius must be left out with regime 'smooth', which has no tube.")
        self.regime = regime
        self.radius = check_number("radius", chain.epsilon if radius is None else radius, above=0)
        largest = chain.gradient_bound * (self.radius if regime == "variance" else 1.0)
        self.probability = probability_for(check_number("noise", noise, least=0), largest)
        start = np.zeros(chain.length)
        super().__init__(start, [chain.value(start)], infinite=True)
        self._coins = coin_data(chain, threshold, self.probability, noise_seed)

    def evaluation_arguments(self, rows: int) -> tuple[Coins, Work]:
        return self._coins, Work(F=np.zeros(1))

    # -- closed forms ------------------------------------------------------------------------

    def lower_solution(self, x: Any, weight: float = 0.0) -> np.ndarray:
        """argmin over y of g(x, y) + weight f(x, y) = F(x) - weight, (1,)."""
        return np.array([self.chain.value(check_vector("x", x, self.n_x, finite=False)) - weight])

    def phi(self, x: Any) -> float:
        """F(x)."""
        return self.chain.value(x)

    def hypergradient(self, x: Any) -> np.ndarray:
        """F'(x), (n_x,)."""
        return self.chain.gradient(x)
