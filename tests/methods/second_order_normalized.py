"""Three outer steps of UniBiO and BO-REP on a scalar problem: normalised momentum, Epoch-SGD.

Fractions stay fractions: 2 ** Fraction(n) is one where the exponent n is a whole number, and a
float where it is not. m/||m|| of a scalar is its sign; vectors are compared in
`test_second_order_normalized.py`. The direction of a step is m.
"""

import math
from collections.abc import Iterator
from fractions import Fraction

from methods.hand_traces import STEPS, at, clip, f_x, f_y, g_y
from methods.second_order_traces import Step, exact


def projected_mean(x, y, count, lr, radius, draw):
    """The mean of `count` iterates w <- Proj(w - lr G_y(x, w)) on the ball around y, from w = y."""
    w, total = y, Fraction(0)
    for t in range(count):
        w = clip(w - lr * g_y(x, w, draw(t)), (y - radius, y + radius))
        total += w
    return total / count


def epoch_sgd(x, y, budget, p, epoch_steps, radius, lr, draw):
    """Epochs e = 1, 2, ... of floor(T_1 2^(tau (e-1))) steps, tau = 2 (p-1)/p, while the sum of
    T_1 2^(tau i) over i < e is at most the budget; the radius shrinks by 2^(-1/p) and the step by
    1/2 each time. Returns y and the number of steps.
    """
    tau, e, planned, done = Fraction(2 * (p - 1), p), 1, 0, 0
    while planned <= budget:
        count = math.floor(epoch_steps * 2 ** (tau * (e - 1)))
        first = done
        y = projected_mean(
            x, y, count, lr / 2 ** (e - 1), radius * 2 ** -Fraction(e - 1, p),
            lambda t, first=first: draw(first + t),
        )  # fmt: skip
        done += count
        planned, e = planned + epoch_steps * 2 ** (tau * e), e + 1
    return y, done


def normalized(
    x, y, bounds, single_epoch, *, power, period, lower_budget, epoch_steps, radius, lr_y,
    neumann_steps, neumann_lr, momentum, lr_x, scaling_floor, initial_budget=None, draws=exact,
) -> Iterator[Step]:  # fmt: skip
    m = Fraction(0)
    for k in range(STEPS):

        def draw(t, k=k):
            return draws("lower", k, t)

        first = lower_budget if initial_budget is None else initial_budget
        if k % period == 0 and k > 0 and single_epoch:
            y = projected_mean(x, y, lower_budget, lr_y, radius, draw)
        elif k % period == 0:
            budget = first if k == 0 else lower_budget
            y, _ = epoch_sgd(x, y, budget, power, epoch_steps, radius, lr_y, draw)
        upper = draws("upper", k, 0)
        D = (power - 1) * max(abs(y), scaling_floor) ** (power - 2)
        r = f_y(x, y, upper) / D
        total = r
        for q in range(neumann_steps):
            r = r - neumann_lr * draws("linear", k, q).H * r / D
            total += r
        h = f_x(x, y, upper) + draws("cross", k, 0).B * neumann_lr * total
        m = momentum * m + (1 - momentum) * h
        x = clip(x - at(lr_x, k) * (m / abs(m)), bounds)
        yield x, y, m


def unibio(x, y, bounds, **options) -> Iterator[Step]:
    """y from Epoch-SGD at k = 0 and every `period` steps; h = F_x - J v with the Neumann sum v of
    D^-1 H and D^-1 F_y, D = (p-1) max(|y|, floor)^(p-2); m = beta m + (1 - beta) h,
    x <- P(x - lr_x m/||m||).
    """
    yield from normalized(x, y, bounds, False, **options)


def bo_rep(x, y, bounds, **options) -> Iterator[Step]:
    """UniBiO with a single epoch of lower_budget steps wherever k > 0."""
    yield from normalized(x, y, bounds, True, **options)
