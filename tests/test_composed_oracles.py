"""Composed oracles and linear solvers against their formulas, each minibatch another matrix.

What a text draws is written down: a minibatch here is (sampler, number, offset), and the oracles
below return numbers that depend on it.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from fastbilevel._oracles.composed import (
    make_gradients,
    make_lower_values,
    make_perturbed_descent,
    make_perturbed_gradient,
)
from fastbilevel._oracles.linear_solvers import (
    NEUMANN_SUM,
    make_hypergradient,
    make_solvers,
    row_scaled_neumann,
)
from fastbilevel._oracles.products import make_products
from fastbilevel.kernels import reference
from fastbilevel.kernels.reference.csr_curvature import POWERS, SOLVE, SUM

K = SimpleNamespace(
    draw=SimpleNamespace(draw_batch=lambda sampler, draw, offset: ((sampler, draw, offset), -1)),
    vector=reference.vector,
    linear_system=reference.linear_system,
)
SAMPLERS = SimpleNamespace(
    lower="lower", upper="upper", outer_lower="outer_lower", outer_upper="outer_upper", linear="lin"
)
N_X, N_Y = 2, 3
RNG = np.random.default_rng(5)
X, V, B, Y0 = RNG.standard_normal((4, N_Y))
X = X[:N_X]
FIRST, STEPS, LR, FACTOR = 7, 3, 0.2, 0.3
same = np.testing.assert_allclose


def noise(rows, n):
    """Numbers that belong to a minibatch."""
    sampler, draw, offset = rows
    seed = [ord(letter) for letter in sampler]
    return np.random.default_rng([*seed, draw, offset]).standard_normal(n)


def hessian(draw):
    """The symmetric matrix of a minibatch of the linear solver."""
    A = noise(("lin", draw, 0), (N_Y, N_Y))
    return A @ A.T / N_Y + np.eye(N_Y)


# -- first order -------------------------------------------------------------------------------


def lower(problem, work, x, y, rows, out):
    out[:] = y + noise(rows, out.size)


def upper(problem, work, x, y, rows, out):
    out[:] = 2.0 * y - noise(rows, out.size)


@pytest.mark.parametrize("outer", [0, 1])
@pytest.mark.parametrize("independent", [0, 1])
def test_gradients_at_all_lower_iterates(independent, outer):
    """F stays as it is where the weight is 0: upper gradients that nobody reads cost samples."""
    Y = RNG.standard_normal((2, 2 * N_Y))
    weights = np.array([[0.0, 0.5], [-0.5, 0.0]])
    F, G = np.full((2, 4, N_Y), 9.0)
    data = SimpleNamespace(lower=lower, upper=upper, problem=None)
    text = make_gradients(K, independent, outer)
    text(data, SAMPLERS, None, X, Y, weights, FIRST, F, G)
    names = ("outer_lower", "outer_upper") if outer else ("lower", "upper")
    for i in range(4):
        y, offset = Y.reshape(4, N_Y)[i], (i // 2 + 1) * independent
        of_lower, of_upper = (noise((name, FIRST, offset), N_Y) for name in names)
        same(G[i], y + of_lower)
        same(F[i], 2.0 * y - of_upper if weights.reshape(4)[i] else 9.0)


@pytest.mark.parametrize("independent", [0, 1])
def test_lower_values_at_all_lower_iterates(independent):
    def value(problem, work, x, y, rows, out):
        out[0] = y.sum() + noise(rows, 1)[0]

    Y, out = RNG.standard_normal((3, N_Y)), np.zeros(3)
    data = SimpleNamespace(of=value, problem=None)
    make_lower_values(K, independent)(data, SAMPLERS, None, X, Y, FIRST, out)
    for a in range(3):
        drawn = noise(("outer_lower", FIRST, (a + 1) * independent), 1)[0]
        same(out[a], Y[a].sum() + drawn)


def stacked(number_of_iterates):
    """The oracle of gradients: G_i = i y_i + noise, F_i = y_i - noise of the draw."""

    def gradients(data, samplers, work, x, Y, weights, draw, F, G):
        y = Y.reshape(number_of_iterates, N_Y)
        G[:] = np.arange(number_of_iterates)[:, None] * y + noise(("lower", draw, 0), N_Y)
        F[:] = y - noise(("upper", draw, 0), N_Y)

    return SimpleNamespace(function=gradients, data=None, work=None)


def test_descent_at_all_lower_iterates():
    Y = RNG.standard_normal((2, 2 * N_Y))
    weights, lr = np.array([[0.0, 0.5], [-0.5, 1.5]]), np.array([0.1, 0.3])
    y, rate, w = Y.reshape(4, N_Y).copy(), np.repeat(lr, 2)[:, None], weights.reshape(4, 1)
    for draw in range(FIRST, FIRST + STEPS):
        G = np.arange(4)[:, None] * y + noise(("lower", draw, 0), N_Y)
        y = y - rate * (G + w * (y - noise(("upper", draw, 0), N_Y)))
    work = SimpleNamespace(F=np.zeros((4, N_Y)), G=np.zeros((4, N_Y)))
    text = make_perturbed_descent(K)
    text(stacked(4), SAMPLERS, work, X, Y, weights, lr, STEPS, FIRST)
    same(Y.reshape(4, N_Y), y)


def test_the_combination_of_the_gradients():
    Y, nu, out = RNG.standard_normal((2, 2 * N_Y)), 0.25, np.zeros(N_Y)
    weights, alpha = np.array([[-0.25, 0.25], [0.5, 0.0]]), np.array([[1.0, 0.5], [-2.0, 0.5]])
    work = SimpleNamespace(F=np.zeros((4, N_Y)), G=np.zeros((4, N_Y)))
    text = make_perturbed_gradient(K)
    text(stacked(4), SAMPLERS, work, X, Y, weights, alpha, nu, FIRST, out)
    y, a, w = Y.reshape(4, N_Y), alpha.reshape(4, 1), weights.reshape(4, 1)
    G = np.arange(4)[:, None] * y + noise(("lower", FIRST, 0), N_Y)
    same(out, np.sum(a * (w * (y - noise(("upper", FIRST, 0), N_Y)) + G), axis=0) / nu)


# -- second order ------------------------------------------------------------------------------


def product(problem, work, x, y, v, rows, out):
    """g_yy v; the solvers must hand on y as it is."""
    np.testing.assert_array_equal(y, Y0)
    assert rows[0] == "lin"
    assert rows[2] == 0
    out[:] = hessian(rows[1]) @ v


def test_products_are_on_one_minibatch_each():
    def of_y(problem, work, x, y, rows, out):
        out[:] = y[: out.size] + noise(rows, out.size)

    def of_v(problem, work, x, y, v, rows, out):
        out[:] = y[: out.size] - 3.0 * v[: out.size] + noise(rows, out.size)

    texts, pair, G, out = make_products(K), np.array([Y0, V]), np.zeros((2, N_Y)), np.zeros(N_X)
    data = SimpleNamespace(
        gradient=of_y, hvp=of_v, jvp=of_v, of_y=of_y, of_x=of_y, oracle=of_v, problem=None
    )
    texts["lower_products"](data, SAMPLERS, None, X, pair, FIRST, G, out)
    rows = ("lower", FIRST, 0)
    same(G, [Y0 + noise(rows, N_Y), Y0 - 3.0 * V + noise(rows, N_Y)])
    same(out, (Y0 - 3.0 * V)[:N_X] + noise(rows, N_X))

    texts["upper_gradients"](data, SAMPLERS, None, X, pair, FIRST, G[0], out)
    rows = ("outer_upper", FIRST, 0)
    same(G[0], Y0 + noise(rows, N_Y))
    same(out, Y0[:N_X] + noise(rows, N_X))

    texts["hessian_product"](data, SAMPLERS, None, X, pair, FIRST, G[1])
    same(G[1], Y0 - 3.0 * V + noise(("lin", FIRST, 0), N_Y))
    texts["cross_product"](data, SAMPLERS, None, X, pair, FIRST, out)
    same(out, (Y0 - 3.0 * V)[:N_X] + noise(("outer_lower", FIRST, 0), N_X))
    data.oracle = of_y
    texts["lower_gradient"](data, SAMPLERS, None, X, pair, FIRST, G[1])
    same(G[1], Y0 + noise(("lower", FIRST, 0), N_Y))


def linear_descent():
    """The composed oracle that steps, as the solvers call it."""
    work = SimpleNamespace(own=None, product=np.zeros(N_Y))
    data = SimpleNamespace(oracle=product, problem=None)
    return SimpleNamespace(function=make_products(K)["linear_descent"], data=data, work=work)


def hessian_product():
    data = SimpleNamespace(oracle=product, problem=None)
    return SimpleNamespace(function=make_products(K)["hessian_product"], data=data, work=None)


@pytest.mark.parametrize("mode", [SOLVE, SUM, POWERS])
def test_linear_descent(mode):
    pair, total, oracle = np.array([Y0, V]), np.ones(N_Y), linear_descent()
    oracle.function(oracle.data, SAMPLERS, oracle.work, X, pair, B, total, LR, STEPS, FIRST, mode)
    v, added = V, np.ones(N_Y)
    for draw in range(FIRST, FIRST + STEPS):
        v = v - LR * (hessian(draw) @ v - (B if mode == SOLVE else 0.0))
        added = added + (v if mode == SUM else 0.0)
    same(pair, [Y0, v])
    same(total, added)


def solved(solver, data, work, terms=STEPS):
    """y and v after a solver, from V."""
    pair = np.array([Y0, V])
    text = make_solvers(K)[solver]
    text(data, SAMPLERS, work, X, pair, B, terms, LR, FACTOR, FIRST)
    np.testing.assert_array_equal(pair[0], Y0)
    return pair[1]


def powers(terms):
    """b, (I - lr H_1) b, (I - lr H_2) (I - lr H_1) b, ..."""
    found = [B]
    for draw in range(FIRST, FIRST + terms):
        found.append(found[-1] - LR * hessian(draw) @ found[-1])
    return found


@pytest.mark.parametrize("terms", [0, 1, STEPS])
def test_neumann_estimates(terms):
    total = SimpleNamespace(total=np.full(N_Y, 9.0))
    same(solved("neumann_sum", linear_descent(), total, terms), FACTOR * sum(powers(terms)))
    last = solved("random_neumann", linear_descent(), total, terms)
    same(last, FACTOR * powers(terms)[-1])


def test_gradient_descent_begins_at_v_and_normal_equations_at_zero():
    v = V
    for draw in range(FIRST, FIRST + STEPS):
        v = v - LR * (hessian(draw) @ v - B)
    same(solved("gradient_descent", linear_descent(), SimpleNamespace(total=np.zeros(N_Y))), v)

    v = np.zeros(N_Y)
    for s in range(STEPS):
        residual = B - hessian(FIRST + 2 * s) @ v
        v = v + LR * hessian(FIRST + 2 * s + 1) @ residual
    work = SimpleNamespace(pair=np.full((2, N_Y), 9.0), product=np.full(N_Y, 9.0))
    same(solved("normal_equations", hessian_product(), work), v)


@pytest.mark.parametrize("power", [3.0, 4.0])
def test_the_row_scaled_sum(power):
    """v = factor sum_q r_q, r_0 = D^-1 b, r_q = (I - lr D^-1 H_q) r_{q-1}; a small |y_i| is cut."""
    floor = np.sort(np.abs(Y0))[0] * 2.0
    inverse = 1.0 / ((power - 1.0) * np.maximum(np.abs(Y0), floor) ** (power - 2.0))
    r = inverse * B
    total = r
    for draw in range(FIRST, FIRST + STEPS):
        r = r - LR * inverse * (hessian(draw) @ r)
        total = total + r
    estimate = row_scaled_neumann(power, floor)
    work = SimpleNamespace(inverse=np.zeros(N_Y), product=np.zeros(N_Y), total=np.full(N_Y, 9.0))
    same(solved(estimate.solver, estimate.data(hessian_product()), work), FACTOR * total)
    assert row_scaled_neumann(2.0, floor) is NEUMANN_SUM


def test_the_hypergradient_is_made_of_its_parts():
    """F_x - G_xy v: upper gradients and cross product on the draw, the solver from its first."""

    def of_upper(data, samplers, work, x, pair, draw, F_y, out):
        F_y[:], out[:] = pair[0] * draw, 5.0

    def solve(data, samplers, work, x, pair, b, *rest):
        assert rest == (STEPS, LR, FACTOR, FIRST)
        pair[1] = 2.0 * b

    def of_cross(data, samplers, work, x, pair, draw, out):
        out[:] = pair[1][:N_X] * draw

    parts = (
        SimpleNamespace(function=function, data=None, work=None)
        for function in (of_upper, solve, of_cross)
    )
    data = SimpleNamespace(**dict(zip(("upper", "solver", "cross"), parts, strict=True)))
    work = SimpleNamespace(F_y=np.zeros(N_Y), cross=np.zeros(N_X))
    pair, out = np.array([Y0, V]), np.zeros(N_X)
    make_hypergradient(K)(data, SAMPLERS, work, X, pair, STEPS, LR, FACTOR, FIRST, 11, out)
    same(out, 5.0 - 11.0 * 2.0 * 11.0 * Y0[:N_X])
