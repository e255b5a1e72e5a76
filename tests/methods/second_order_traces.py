"""Three outer steps of the methods with second derivatives on a scalar problem, in exact fractions.

Each method is written out once more, scalar by scalar, under the formula it follows. Nothing here
knows the package: these texts are what its iterates are measured by. `second_order_values.py` holds
the fractions that come out; UniBiO and BO-REP are in `second_order_normalized.py`.

The problem is Q1 of `hand_traces`: g_yy = H = 2, g_xy = J = -B = -1. A step yields (x, y, d), or
(x, y, d, v) where the method keeps v from step to step: d is the direction that x went along.
"""

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any, NamedTuple

from methods.hand_traces import Q1, STEPS, Sample, at, clip, f_x, f_y, g_y, storm

Step = tuple[Any, ...]
# draws(role, k, t): the minibatch number t = 0, 1, ... that a role uses in outer iteration k. The
# roles are the lower gradients, both gradients of f, the product with J and those with H.
Draws = Callable[[str, int, int], Sample]


def exact(role: str, k: int, t: int) -> Sample:
    """Every draw is the problem itself: no noise."""
    return Q1


class Batches(NamedTuple):
    """The minibatches of one hypergradient estimate, one of `linear` for each product with H."""

    upper: Sample
    cross: Sample
    linear: tuple[Sample, ...]


def batches(draws: Draws, k: int, t: int, products: int, fresh: str = "") -> Batches:
    """Those of estimate number t in outer iteration k, in which `products` have H."""
    linear = tuple(draws(fresh + "linear", k, t * products + q) for q in range(products))
    return Batches(draws(fresh + "upper", k, t), draws(fresh + "cross", k, t), linear)


def neumann_sum(r, lr, linear):
    """lr (r_0 + ... + r_Q), r_q = (1 - lr H_q) r_{q-1}."""
    total = r
    for s in linear:
        r = r - lr * s.H * r
        total = total + r
    return lr * total


def neumann_power(r, lr, linear, terms):
    """Q lr (1 - lr H_P) ... (1 - lr H_1) r with Q = terms and P factors."""
    for s in linear:
        r = r - lr * s.H * r
    return terms * lr * r


def hypergradient(x, y, b: Batches, lr, terms=None):
    """F_x - J v at (x, y), v the Neumann sum, or with `terms` = Q the random power."""
    r = f_y(x, y, b.upper)
    v = neumann_sum(r, lr, b.linear) if terms is None else neumann_power(r, lr, b.linear, terms)
    return f_x(x, y, b.upper) + b.cross.B * v


def double_loop(x, y, bounds, lr_lower, draws, products, lr, terms, lr_x) -> Iterator[Step]:
    """y <- y - lr G_y(x, y) once for every step length in lr_lower(k), then x <- P(x - lr_x h)."""
    for k in range(STEPS):
        for t, step in enumerate(lr_lower(k)):
            y = y - step * g_y(x, y, draws("lower", k, t))
        h = hypergradient(x, y, batches(draws, k, 0, products(k)), lr, terms)
        x = clip(x - at(lr_x, k) * h, bounds)
        yield x, y, h


def bsa(
    x, y, bounds, *, neumann_steps, neumann_lr, lr_y, lr_x, powers, inner_steps=None, draws=exact
) -> Iterator[Step]:
    """t_k = ceil(sqrt(k + 1)) lower steps of lengths lr_y(0), lr_y(1), ..., Neumann power P_k."""

    def lengths(k):
        steps = math.ceil(math.sqrt(k + 1)) if inner_steps is None else at(inner_steps, k)
        return [at(lr_y, t) for t in range(steps)]

    yield from double_loop(x, y, bounds, lengths, draws, powers, neumann_lr, neumann_steps, lr_x)


def ttsa(
    x, y, bounds, *, neumann_steps, neumann_lr, lr_y, lr_x, powers, inner_steps=1, draws=exact
) -> Iterator[Step]:
    """inner_steps lower steps of length lr_y(k), Neumann power P_k."""

    def lengths(k):
        return [at(lr_y, k)] * inner_steps

    yield from double_loop(x, y, bounds, lengths, draws, powers, neumann_lr, neumann_steps, lr_x)


def stocbio(
    x, y, bounds, *, inner_steps, neumann_steps, neumann_lr, lr_y, lr_x, draws=exact
) -> Iterator[Step]:
    """inner_steps lower steps of length lr_y(k), Neumann sum of Q + 1 terms."""

    def lengths(k):
        return [at(lr_y, k)] * inner_steps

    def products(k):
        return neumann_steps

    yield from double_loop(x, y, bounds, lengths, draws, products, neumann_lr, None, lr_x)


def galet(
    x, y, bounds, *, inner_steps, linear_steps, lr_y, lr_x, lr_v=None, draws=exact
) -> Iterator[Step]:
    """N times y <- y - lr_y g_y; v = 0, T' times v <- v + lr_v H (f_y - H v); if not given, lr_v is
    the square of the first lr_y; x <- P(x - lr_x (f_x - J v)).
    """
    for k in range(STEPS):
        rho = at(lr_y, 0) ** 2 if lr_v is None else at(lr_v, k)
        for t in range(inner_steps):
            y = y - at(lr_y, k) * g_y(x, y, draws("lower", k, t))
        upper, v = draws("upper", k, 0), Fraction(0)
        for t in range(linear_steps):
            residual = f_y(x, y, upper) - draws("linear", k, 2 * t).H * v
            v = v + rho * draws("linear", k, 2 * t + 1).H * residual
        h = f_x(x, y, upper) + draws("cross", k, 0).B * v
        x = clip(x - at(lr_x, k) * h, bounds)
        yield x, y, h


def amigo(
    x, y, bounds, *, inner_steps, linear_steps, lr_y, lr_v, lr_x, draws=exact
) -> Iterator[Step]:
    """T times y <- y - lr_y G_y; M times v <- v - lr_v (H v - F_y), one F_y and the v of before;
    x <- P(x - lr_x (F_x - J v)).
    """
    v = Fraction(0)
    for k in range(STEPS):
        for t in range(inner_steps):
            y = y - at(lr_y, k) * g_y(x, y, draws("lower", k, t))
        upper = draws("upper", k, 0)
        for t in range(linear_steps):
            v = v - at(lr_v, k) * (draws("linear", k, t).H * v - f_y(x, y, upper))
        h = f_x(x, y, upper) + draws("cross", k, 0).B * v
        x = clip(x - at(lr_x, k) * h, bounds)
        yield x, y, h, v


def soba(x, y, bounds, *, lr_y, lr_x, lr_v=None, draws=exact) -> Iterator[Step]:
    """D_y = G_y, D_v = H v + F_y, D_x = J v + F_x at the old (x, y, v), then all three steps.

    v follows -H^-1 f_y. One lower and one upper minibatch.
    """
    v = Fraction(0)
    for k in range(STEPS):
        lower, upper = draws("lower", k, 0), draws("upper", k, 0)
        d_y = g_y(x, y, lower)
        d_v = lower.H * v + f_y(x, y, upper)
        d_x = f_x(x, y, upper) - lower.B * v
        x = clip(x - at(lr_x, k) * d_x, bounds)
        y = y - at(lr_y, k) * d_y
        v = v - at(lr_y if lr_v is None else lr_v, k) * d_v
        yield x, y, d_x, v


def ma_soba(x, y, bounds, *, lr_y, lr_v, lr_x, momentum, draws=exact) -> Iterator[Step]:
    """x <- P(x - lr_x h_k), y <- y - lr_y G_y, v <- v - lr_v (H v - F_y), and then
    h_{k+1} = (1 - theta_k) h_k + theta_k (F_x - J v_k); all at (x_k, y_k, v_k), h_0 = 0.
    """
    v = h = Fraction(0)
    for k in range(STEPS):
        lower, upper, theta = draws("lower", k, 0), draws("upper", k, 0), at(momentum, k)
        d_y, d_v = g_y(x, y, lower), lower.H * v - f_y(x, y, upper)
        d_x = f_x(x, y, upper) + lower.B * v
        used, h = h, (1 - theta) * h + theta * d_x
        x = clip(x - at(lr_x, k) * used, bounds)
        y = y - at(lr_y, k) * d_y
        v = v - at(lr_v, k) * d_v
        yield x, y, used, v


class Table:
    """SAGA: the last value of every block, and their mean with the blocks' shares of the rows."""

    def __init__(self, values, shares):
        self.values, self.shares = list(values), shares
        self.mean = sum(w * value for w, value in zip(shares, self.values, strict=True))

    def direction(self, i, new):
        """new - table[i] + mean, after which the block's entry is the new value."""
        change = new - self.values[i]
        answer = change + self.mean
        self.mean, self.values[i] = self.mean + self.shares[i] * change, new
        return answer


def saba(
    x, y, bounds, *, lr_y, lr_x, lower, upper, drawn, lr_v=None, initial_memory="zeros"
) -> Iterator[Step]:
    """SOBA with SAGA estimates of the five quantities G_y, H v, J v, F_y, F_x.

    `lower` and `upper` are (blocks, shares); drawn(k) = (i, j) says which blocks step k uses.
    """
    v = Fraction(0)
    of_lower = (lambda s: g_y(x, y, s), lambda s: s.H * v, lambda s: -s.B * v)
    of_upper = (lambda s: f_y(x, y, s), lambda s: f_x(x, y, s))

    def tables(functions, blocks, shares):
        full = initial_memory == "full"
        return [Table([q(s) if full else Fraction(0) for s in blocks], shares) for q in functions]

    lower_tables, upper_tables = tables(of_lower, *lower), tables(of_upper, *upper)
    for k in range(STEPS):
        i, j = drawn(k)
        new_lower, new_upper = (
            [q(lower[0][i]) for q in of_lower],
            [q(upper[0][j]) for q in of_upper],
        )
        d_y, d_hv, d_jv = (t.direction(i, n) for t, n in zip(lower_tables, new_lower, strict=True))
        d_fy, d_fx = (t.direction(j, n) for t, n in zip(upper_tables, new_upper, strict=True))
        x = clip(x - at(lr_x, k) * (d_jv + d_fx), bounds)
        y = y - at(lr_y, k) * d_y
        v = v - at(lr_y if lr_v is None else lr_v, k) * (d_hv + d_fy)
        yield x, y, d_jv + d_fx, v


def mrbo(
    x, y, bounds, *, neumann_steps, neumann_lr, lr_y, lr_x, momentum, lower_momentum, draws=exact
) -> Iterator[Step]:
    """STORM on both levels: v_k = h_k + (1 - a_k) (v_{k-1} - h_old), u_k likewise with G_y and b_k,
    a_0 = b_0 = 1, both points on the same minibatches; then x and y move at once.
    """
    yield from recursive(
        x, y, bounds, lambda k: neumann_steps, neumann_lr, None, lr_y, lr_x, momentum,
        lower_momentum, draws,
    )  # fmt: skip


def sustain(
    x, y, bounds, *, neumann_steps, neumann_lr, lr_y, lr_x, momentum, lower_momentum, powers,
    draws=exact,
) -> Iterator[Step]:  # fmt: skip
    """MRBO with the Neumann power P_k, the same at both points."""
    yield from recursive(
        x, y, bounds, powers, neumann_lr, neumann_steps, lr_y, lr_x, momentum, lower_momentum, draws
    )


def recursive(
    x, y, bounds, products, lr, terms, lr_y, lr_x, momentum, lower_momentum, draws
) -> Iterator[Step]:
    x_old, y_old, v, u = x, y, Fraction(0), Fraction(0)
    for k in range(STEPS):
        b, lower = batches(draws, k, 0, products(k)), draws("lower", k, 0)
        a, c = (1, 1) if k == 0 else (at(momentum, k), at(lower_momentum, k))
        new, old = (hypergradient(*p, b, lr, terms) for p in ((x, y), (x_old, y_old)))
        v = storm(new, old, v, a)
        u = storm(g_y(x, y, lower), g_y(x_old, y_old, lower), u, c)
        x_old, y_old = x, y
        x, y = clip(x - at(lr_x, k) * v, bounds), y - at(lr_y, k) * u
        yield x, y, v


def vrbo(
    x, y, bounds, *, inner_steps, period, refresh_batches, neumann_steps, neumann_lr, lr_y, lr_x,
    draws=exact,
) -> Iterator[Step]:  # fmt: skip
    """SPIDER: every `period` steps v and u are means of h and G_y at (x_k, y_k), else carried on.
    x <- P(x - lr_x v); then for t = 0..m v += h(new) - h(old), u += G_y(new) - G_y(old) on the same
    minibatches and, unless t = m, y <- y - lr_y u. The points: (x_{k+1}, y_k), (x_{k+1}, y_1), ...,
    each compared with the one before, the first with (x_k, y_k). m is inner_steps.
    """
    v, u = Fraction(0), Fraction(0)
    for k in range(STEPS):
        if k % period == 0:
            R, Q = refresh_batches, neumann_steps
            estimates = [batches(draws, k, r, Q, "fresh ") for r in range(R)]
            v = sum(hypergradient(x, y, b, neumann_lr) for b in estimates) / R
            u = sum(g_y(x, y, draws("fresh lower", k, r)) for r in range(R)) / R
        used, old = v, (x, y)
        x = clip(x - at(lr_x, k) * v, bounds)
        for t in range(inner_steps + 1):
            b, lower, new = batches(draws, k, t, neumann_steps), draws("lower", k, t), (x, y)
            v = v + hypergradient(*new, b, neumann_lr) - hypergradient(*old, b, neumann_lr)
            u = u + g_y(*new, lower) - g_y(*old, lower)
            old = new
            if t < inner_steps:
                y = y - at(lr_y, k) * u
        yield x, y, used
