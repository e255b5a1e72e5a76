"""The zero chain: which coordinates lower steps find, and when x moves."""

import numpy as np
import pytest

import fastbilevel as fb

ZeroChain = fb.problems.hard.ZeroChain


def lower_steps(problem, x, count):
    """Iterates of gradient descent on g from y0, the start included."""
    y, iterates = problem.y0.copy(), [problem.y0]
    for _ in range(count):
        y = y - problem.grad_lower_y(x, y)
        iterates.append(y)
    return iterates


def test_every_lower_gradient_finds_one_coordinate():
    problem = ZeroChain(12)
    for step, y in enumerate(lower_steps(problem, problem.x0, 12)):
        np.testing.assert_array_equal(y != 0, np.arange(12) < step)


def test_every_product_with_the_hessian_finds_one_coordinate():
    problem = ZeroChain(12)
    v = np.eye(12)[0]
    for found in range(1, 12):
        np.testing.assert_array_equal(v != 0, np.arange(12) < found)
        v = problem.hvp_lower_yy(problem.x0, problem.y0, v)


def test_x_gets_no_slope_before_half_of_y_is_found():
    q = 12
    problem = ZeroChain(q)
    zero = problem.x0
    for step, y in enumerate(lower_steps(problem, zero, q)):
        moves = step > q // 2
        assert (problem.grad_upper_x(zero, y)[0] != 0) == moves
        np.testing.assert_array_equal(problem.grad_upper_y(zero, y), 0)
        np.testing.assert_array_equal(problem.grad_lower_x(zero, y), 0)
        if not moves:
            # The slope is zero wherever x is, not only at the start.
            assert problem.grad_upper_x([0.7], y) == 0


def test_the_solution_is_of_length_one_and_tells_x_to_move():
    for q in (2, 40):
        problem = ZeroChain(q)
        y = problem.lower_solution([0.3])
        np.testing.assert_allclose(np.linalg.norm(y), 1)
        np.testing.assert_allclose(problem.grad_lower_y([0.3], y), 0, atol=1e-16)
        np.testing.assert_allclose(fb.solve_lower(problem, [0.3]), y, atol=1e-5)
        np.testing.assert_allclose(problem.hypergradient(problem.x0), 1.0)
        np.testing.assert_allclose(problem.grad_upper_x([0.3], y), np.cos(0.3))


@pytest.mark.parametrize("q", [4, 400])
def test_constants_do_not_depend_on_q(q):
    """|f_y| <= (pi / sqrt 2) |sin x|, attained; and curvature of f at most pi^2 / 2."""
    problem = ZeroChain(q)
    x = np.array([np.pi / 2])
    np.testing.assert_allclose(
        np.linalg.norm(problem.grad_upper_y(x, np.zeros(q))), np.pi / np.sqrt(2)
    )
    rng = np.random.default_rng(0)
    for y, d in rng.standard_normal((20, 2, q)):
        change = problem.grad_upper_y(x, y + d) - problem.grad_upper_y(x, y)
        assert np.linalg.norm(change) <= np.pi**2 / 2 * np.linalg.norm(d)


@pytest.mark.parametrize(("q", "error"), [(3, ValueError), (0, ValueError), (4.0, TypeError)])
def test_q_must_be_an_even_number(q, error):
    with pytest.raises(error, match="q must be"):
        ZeroChain(q)
