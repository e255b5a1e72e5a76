"""Three outer steps of every first-order method on a scalar problem, in exact fractions.

Each method is written out once more, scalar by scalar, under the formula it follows (numbers as in
the survey the methods are taken from: F2SA, F3SA, F2BA, Prox-F2SA, Prox-F3SA, BOME). Nothing here
knows the package: these texts are what its iterates are measured by. `hand_values.py` holds the
fractions that come out.

The problem is Q1: g = y^2 - x y, f = (y - 1)^2/2 - 1/2 + x^2/4 (mu = 2, a = 1/2).
"""

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any, NamedTuple

Step = tuple[Fraction, Fraction, Fraction]
STEPS = 3


class Sample(NamedTuple):
    """One sample of g = H y^2/2 - y (B x + b) and of f = F y^2/2 + c y + R x^2/2, all scalars."""

    H: Fraction
    B: Fraction
    b: Fraction
    F: Fraction
    c: Fraction
    R: Fraction


Q1 = Sample(*map(Fraction, (2, 1, 0, 1, -1, "1/2")))


def g(x, y, s=Q1):
    return s.H * y**2 / 2 - y * (s.B * x + s.b)


def g_y(x, y, s=Q1):
    return s.H * y - s.B * x - s.b


def g_x(x, y, s=Q1):
    return -s.B * y


def f_y(x, y, s=Q1):
    return s.F * y + s.c


def f_x(x, y, s=Q1):
    return s.R * x


def at(schedule, k):
    """The value of a constant or of a schedule at outer iteration k."""
    return schedule(k) if callable(schedule) else schedule


def clip(value, box):
    """The projection on the interval `box`, or nothing for None."""
    return value if box is None else min(max(value, box[0]), box[1])


def penalty_at(k, penalty, increment):
    """lambda_k = penalty(k) + increment(0) + ... + increment(k - 1)."""
    return at(penalty, k) + sum(at(increment, i) for i in range(k))


def f2sa(
    x, y0, bounds, *, inner_steps, lr_x, penalty, penalty_increment=0, lr_z=None, lr_y=None
) -> Iterator[Step]:
    """T times z <- z - lr_z g_y(x, z) and y <- y - lr_y (f_y(x, y) + lambda g_y(x, y)), then
    x <- P(x - lr_x (f_x(x, y) + lambda (g_x(x, y) - g_x(x, z)))).

    The step that is not given is tied to the other: lr_z = lambda lr_y.
    """
    z = y = y0
    for k in range(STEPS):
        lam = penalty_at(k, penalty, penalty_increment)
        step_z = lam * at(lr_y, k) if lr_z is None else at(lr_z, k)
        step_y = at(lr_z, k) / lam if lr_y is None else at(lr_y, k)
        for _ in range(inner_steps):
            z = z - step_z * g_y(x, z)
            y = y - step_y * (f_y(x, y) + lam * g_y(x, y))
        phi = f_x(x, y) + lam * (g_x(x, y) - g_x(x, z))
        x = clip(x - at(lr_x, k) * phi, bounds)
        yield x, z, y


def f2ba(x, y0, bounds, *, inner_steps, lr_x, penalty, lr_z=None, lr_y=None) -> Iterator[Step]:
    """F2SA with one lambda."""
    yield from f2sa(
        x, y0, bounds, inner_steps=inner_steps, lr_x=lr_x, penalty=penalty, lr_z=lr_z, lr_y=lr_y
    )


def accelerated_descent(start, gradient, lr, momentum, steps):
    """v = p = start; K times: v+ = p - lr gradient(p), p = v+ + momentum (v+ - v), v = v+."""
    v = p = start
    for _ in range(steps):
        new = p - lr * gradient(p)
        p = new + momentum * (new - v)
        v = new
    return v


def acc_f2ba(
    x,
    y0,
    bounds,
    *,
    inner_steps,
    lr_z,
    lr_y,
    lr_x,
    penalty,
    inner_momentum,
    outer_momentum,
    restart=None,
) -> Iterator[Step]:
    """w = P(x_t + outer_momentum (x_t - x_{t-1})), z and y by accelerated descent at w,
    x_{t+1} = P(w - lr_x (f_x(w, y) + lambda (g_x(w, y) - g_x(w, z)))).

    Where steps * (sum of squared moves) > max(B, B0)^2, all of it since the last restart:
    x_{t-1} := x_t in the next extrapolation, steps and sum zero, B <- 0.99 B.
    """
    z = y = y0
    before = x
    steps, moves = 0, Fraction(0)
    B, B0 = (None, None) if restart is None else restart
    for k in range(STEPS):
        lam = at(penalty, k)
        w = clip(x + outer_momentum * (x - before), bounds)

        def lower(p, w=w):
            return g_y(w, p)

        def perturbed(p, w=w, lam=lam):
            return f_y(w, p) + lam * g_y(w, p)

        z = accelerated_descent(z, lower, at(lr_z, k), inner_momentum, inner_steps)
        y = accelerated_descent(y, perturbed, at(lr_y, k), inner_momentum, inner_steps)
        phi = f_x(w, y) + lam * (g_x(w, y) - g_x(w, z))
        new = clip(w - at(lr_x, k) * phi, bounds)
        steps, moves = steps + 1, moves + (new - x) ** 2
        before, x = x, new
        if restart is not None and steps * moves > max(B, B0) ** 2:
            before, steps, moves, B = x, 0, Fraction(0), B * Fraction(99, 100)
        yield x, z, y


def prox_f2sa(
    x, y0, bounds, *, inner_steps, lr_y, lr_x, nu, prox, smoothing, lower_projection=None
) -> Iterator[Step]:
    """T times v <- P_Y(v - gamma (g_y(x, v) + (v - z_k)/rho)) and
    u <- P_Y(u - gamma (sigma f_y(x, u) + g_y(x, u) + (u - y_k)/rho)); then the centres
    z_k <- (1 - beta) z_k + beta v, y_k <- (1 - beta) y_k + beta u, and
    x <- P_X(x - alpha (sigma f_x(x, u) + g_x(x, u) - g_x(x, v))).

    The mean over the M_k outer samples is the exact gradient here.
    """
    v = u = centre_z = centre_y = y0
    for k in range(STEPS):
        gamma, alpha, sigma, beta = (at(s, k) for s in (lr_y, lr_x, nu, smoothing))
        for _ in range(at(inner_steps, k)):
            v = clip(v - gamma * (g_y(x, v) + (v - centre_z) / prox), lower_projection)
            u = clip(
                u - gamma * (sigma * f_y(x, u) + g_y(x, u) + (u - centre_y) / prox),
                lower_projection,
            )
        centre_z = (1 - beta) * centre_z + beta * v
        centre_y = (1 - beta) * centre_y + beta * u
        x = clip(x - alpha * (sigma * f_x(x, u) + g_x(x, u) - g_x(x, v)), bounds)
        yield x, v, u


def storm(fresh, stale, estimate, eta):
    """h_k = grad(current; s_k) + (1 - eta_k) (h_{k-1} - grad(previous; s_k))."""
    return fresh + (1 - eta) * (estimate - stale)


# The samples of one outer iteration: of the z step (gz), of the y step (fy, gy) and of the x step
# (fx, gxy, gxz). F3SA and Prox-F3SA draw all six independently.
ROLES = ("gz", "fy", "gy", "fx", "gxy", "gxz")
Draws = Callable[[int], dict[str, Sample]]


def exact(k: int) -> dict[str, Sample]:
    """Every draw is the problem itself: no noise."""
    return dict.fromkeys(ROLES, Q1)


def f3sa(
    x,
    y0,
    bounds,
    *,
    lr_z,
    lr_y,
    lr_x,
    penalty,
    momentum,
    penalty_increment=0,
    draws: Draws = exact,
) -> Iterator[Step]:
    """F2SA with T = 1 and every gradient a STORM estimator of weight eta_k, eta_0 = 1.

    z step: h_gz at (x_k, z_k) after (x_{k-1}, z_{k-1}).
    y step: h_fy + lambda h_gy at (x_k, y_k) after (x_{k-1}, y_{k-1}).
    x step: h_fx + lambda (h_gxy - h_gxz), h_fx and h_gxy at (x_k, y_{k+1}) after (x_{k-1}, y_k),
    h_gxz at (x_k, z_{k+1}) after (x_{k-1}, z_k).
    """
    z = y = y0
    x_old, z_old, y_old = x, z, y
    gz = fy = gy = fx = gxy = gxz = Fraction(0)
    for k in range(STEPS):
        s = draws(k)
        eta = 1 if k == 0 else at(momentum, k)
        lam = penalty_at(k, penalty, penalty_increment)
        gz = storm(g_y(x, z, s["gz"]), g_y(x_old, z_old, s["gz"]), gz, eta)
        fy = storm(f_y(x, y, s["fy"]), f_y(x_old, y_old, s["fy"]), fy, eta)
        gy = storm(g_y(x, y, s["gy"]), g_y(x_old, y_old, s["gy"]), gy, eta)
        z_old, z = z, z - at(lr_z, k) * gz
        y_old, y = y, y - at(lr_y, k) * (fy + lam * gy)
        # Now (z, y) carry k + 1 and (z_old, y_old) carry k.
        fx = storm(f_x(x, y, s["fx"]), f_x(x_old, y_old, s["fx"]), fx, eta)
        gxy = storm(g_x(x, y, s["gxy"]), g_x(x_old, y_old, s["gxy"]), gxy, eta)
        gxz = storm(g_x(x, z, s["gxz"]), g_x(x_old, z_old, s["gxz"]), gxz, eta)
        x_old, x = x, clip(x - at(lr_x, k) * (fx + lam * (gxy - gxz)), bounds)
        yield x, z, y


def prox_f3sa(
    x,
    y0,
    bounds,
    *,
    lr_y,
    lr_x,
    nu,
    prox,
    smoothing,
    momentum,
    lower_projection=None,
    draws: Draws = exact,
) -> Iterator[Step]:
    """Prox-F2SA with T = M = 1 and every gradient a STORM estimator, eta_0 = 1.

    Lower step at (x_k, w_k) after (x_{k-1}, w_{k-1}), x step at (x_k, w_{k+1}) after
    (x_{k-1}, w_k); sigma_k and the terms with 1/rho stay outside the estimators.
    """
    v = u = centre_z = centre_y = y0
    x_old, v_old, u_old = x, v, u
    gz = fy = gy = fx = gxy = gxz = Fraction(0)
    for k in range(STEPS):
        s = draws(k)
        eta = 1 if k == 0 else at(momentum, k)
        gamma, alpha, sigma, beta = (at(o, k) for o in (lr_y, lr_x, nu, smoothing))
        gz = storm(g_y(x, v, s["gz"]), g_y(x_old, v_old, s["gz"]), gz, eta)
        fy = storm(f_y(x, u, s["fy"]), f_y(x_old, u_old, s["fy"]), fy, eta)
        gy = storm(g_y(x, u, s["gy"]), g_y(x_old, u_old, s["gy"]), gy, eta)
        v_old, v = v, clip(v - gamma * (gz + (v - centre_z) / prox), lower_projection)
        u_old, u = u, clip(u - gamma * (sigma * fy + gy + (u - centre_y) / prox), lower_projection)
        centre_z = (1 - beta) * centre_z + beta * v
        centre_y = (1 - beta) * centre_y + beta * u
        fx = storm(f_x(x, u, s["fx"]), f_x(x_old, u_old, s["fx"]), fx, eta)
        gxy = storm(g_x(x, u, s["gxy"]), g_x(x_old, u_old, s["gxy"]), gxy, eta)
        gxz = storm(g_x(x, v, s["gxz"]), g_x(x_old, v_old, s["gxz"]), gxz, eta)
        x_old, x = x, clip(x - alpha * (sigma * fx + gxy - gxz), bounds)
        yield x, v, u


def bome(x, y0, bounds, *, inner_steps, lr_inner, lr, eta, barrier) -> Iterator[Step]:
    """theta = y; T times theta <- theta - alpha g_y(x, theta);
    q = g(x, y) - g(x, theta), dq = (g_x(x, y) - g_x(x, theta), g_y(x, y)), df = (f_x, f_y)(x, y);
    phi = eta ||dq||^2 (gradient) or eta q (value); lambda = max((phi - <df, dq>)/||dq||^2, 0),
    0 where dq = 0; (x, y) <- (x, y) - xi (df + lambda dq), x projected. The second number of a
    step is theta.
    """
    y = y0
    for k in range(STEPS):
        theta = y
        for _ in range(inner_steps):
            theta = theta - at(lr_inner, k) * g_y(x, theta)
        q = g(x, y) - g(x, theta)
        dq = (g_x(x, y) - g_x(x, theta), g_y(x, y))
        df = (f_x(x, y), f_y(x, y))
        square = dq[0] ** 2 + dq[1] ** 2
        phi = eta * square if barrier == "gradient" else eta * q
        lam = Fraction(0)
        if square != 0:
            lam = max((phi - df[0] * dq[0] - df[1] * dq[1]) / square, Fraction(0))
        xi = at(lr, k)
        x = clip(x - xi * (df[0] + lam * dq[0]), bounds)
        y = y - xi * (df[1] + lam * dq[1])
        yield x, theta, y


def trace(function: Callable[..., Iterator[Step]], *arguments: Any, **options: Any) -> list[Step]:
    """The three steps (x, z, y) of a method."""
    return list(function(*arguments, **options))
