"""What the hard instances show when methods run on them."""

import numpy as np
import pytest

import fastbilevel as fb
from fastbilevel.methods import METHODS

hard = fb.problems.hard
CHAIN = hard.CarmonChain(6, smoothness=2.0, epsilon=0.1)


@pytest.mark.filterwarnings("ignore::fastbilevel.ConditioningWarning")
@pytest.mark.parametrize("method", sorted(METHODS))
def test_x_does_not_move_before_half_of_the_zero_chain_is_found(method):
    # 1 to 75 lower steps in each of 15 iterations: enough for 4 coordinates, not for 2,400.
    # Compiled loops of one method each of first and of second order: all of them take minutes.
    def end(q):
        problem = hard.ZeroChain(q)
        problem.compiled = method in ("f2sa", "soba")
        return fb.minimize(problem, method=method, maxiter=15).x_last[0]

    long, short = end(2400), end(4)
    assert long == 0.0
    assert short != 0.0


def normalized_descent(x, lr, steps):
    for _ in range(steps):
        gradient = CHAIN.gradient(x)
        x = x - lr * gradient / np.linalg.norm(gradient)
    return x


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_f2sa_p_is_normalized_descent_on_separable_levels(order):
    lr = CHAIN.scale / 4
    run = fb.minimize(hard.Separable(CHAIN), method="f2sa-p", order=order, lr_x=lr, maxiter=20)
    expected = normalized_descent(np.zeros(CHAIN.length), lr, 20)
    np.testing.assert_allclose(run.x_last, expected, rtol=1e-9, atol=1e-9)
    assert CHAIN.progress(run.x_last) > 2


@pytest.mark.parametrize("nu", [0.2, 0.01])
@pytest.mark.parametrize("order", [2, 3])
def test_shared_samples_make_order_and_width_irrelevant_on_separable_levels(order, nu):
    problem = hard.Separable(CHAIN, probability=0.5)
    options = {"lr_x": CHAIN.scale / 4, "maxiter": 20, "batch_size": 1, "seed": 5}
    first = fb.minimize(problem, method="f2sa-p", order=1, **options)
    other = fb.minimize(problem, method="f2sa-p", order=order, nu=nu, **options)
    np.testing.assert_allclose(other.x_last, first.x_last, rtol=1e-8, atol=1e-8)
    assert CHAIN.progress(first.x_last) > 1


@pytest.mark.filterwarnings("ignore::fastbilevel.ConditioningWarning")
@pytest.mark.parametrize("start", [0.0, -3.0])
@pytest.mark.parametrize("penalty", [2.0, 10.0])
def test_penalty_methods_need_no_unique_lower_solution(penalty, start):
    """PL1: the penalty gradient is (x - 1) / (1 + 1/lambda), wherever y_2 of z stays."""
    run = fb.minimize(
        hard.PolyakLojasiewicz(), [0.0], [0.0, start], method="f2ba", penalty=penalty, lr_x=0.5,
        inner_steps=200, maxiter=60,
    )  # fmt: skip
    np.testing.assert_allclose(run.x_last, [1.0], atol=1e-6)


@pytest.mark.filterwarnings("ignore::fastbilevel.ConditioningWarning")
def test_a_penalty_method_ends_where_the_penalty_gradient_vanishes():
    problem, penalty = hard.PolyakLojasiewicz.random(), 4.0
    x = fb.minimize(
        problem, method="f2ba", penalty=penalty, lr_x=0.3, inner_steps=300, maxiter=400
    ).x_last
    y, z = problem.lower_solution(x, 1 / penalty), problem.lower_solution(x)
    f_x, g_x = problem.grad_upper_x(x, y), problem.grad_lower_x(x, y) - problem.grad_lower_x(x, z)
    np.testing.assert_allclose(f_x + penalty * g_x, 0, atol=1e-6)
    assert np.linalg.norm(problem.hypergradient(x)) > 1e-3
