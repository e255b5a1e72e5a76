"""Problem: the caller's own oracles, compiled and plain."""

import numba
import numpy as np
import pytest

import fastbilevel as fb


@numba.njit
def grad_lower_y(data, x, y, rows):
    H, b = data
    return H @ y - x - b[rows].sum() / rows.size


@numba.njit
def grad_upper_y(data, x, y, rows):
    return y - 1.0


@numba.njit
def grad_lower_x(data, x, y, rows):
    return -y


@numba.njit
def grad_upper_x(data, x, y, rows):
    return 0.5 * x


@numba.njit
def value_upper(data, x, y, rows):
    return 0.5 * ((y - 1.0) ** 2).sum() + 0.25 * (x**2).sum()


DATA = (np.diag([1.0, 2.0, 3.0]), np.linspace(-1, 1, 11))
ORACLES = {
    "grad_lower_y": grad_lower_y,
    "grad_upper_y": grad_upper_y,
    "grad_lower_x": grad_lower_x,
    "grad_upper_x": grad_upper_x,
    "value_upper": value_upper,
}
START = {"x0": np.zeros(3), "y0": np.zeros(3)}


def make(plain=False, **changes):
    oracles = {n: (f.py_func if plain else f) for n, f in ORACLES.items()} | changes
    return fb.problems.Problem(DATA, n_lower=11, **oracles, **START)


def quadratic():
    return fb.problems.Quadratic(
        DATA[0], np.eye(3), np.eye(3), c=-np.ones(3), b=np.zeros(3), R=0.5 * np.eye(3)
    )


def test_compiled_and_plain_oracles_give_the_answer_of_the_built_in_problem():
    options = {"lr_y": 0.3, "lr_x": 0.2, "maxiter": 50, "order": 4}
    compiled, plain, built_in = (
        fb.minimize(p, **options) for p in (make(), make(plain=True), quadratic())
    )
    np.testing.assert_allclose(compiled.x_last, built_in.x_last, rtol=1e-10)
    np.testing.assert_allclose(plain.x_last, built_in.x_last, rtol=1e-10)


def test_one_plain_oracle_makes_the_loop_interpreted():
    assert make().compiled
    assert not make(grad_upper_y=lambda data, x, y, rows: y - 1.0).compiled


def test_minibatches_reach_the_oracles():
    seen = set()

    def recording(data, x, y, rows):
        seen.update(rows.tolist())
        return grad_lower_y.py_func(data, x, y, rows)

    options = {"batch_size": 3, "lr_y": 0.3, "maxiter": 30, "sampling": "epochs"}
    recorded = fb.minimize(make(plain=True, grad_lower_y=recording), **options)
    assert seen == set(range(11))
    np.testing.assert_allclose(recorded.x_last, fb.minimize(make(), **options).x_last, rtol=1e-10)


def test_absent_upper_gradient_is_zero():
    without = {n: f for n, f in ORACLES.items() if n != "grad_upper_x"}
    problem = fb.problems.Problem(DATA, n_lower=11, **without, **START)
    np.testing.assert_array_equal(problem.grad_upper_x(np.ones(3), np.ones(3)), 0)
    assert "hvp_lower_yy" not in problem.oracles
    with pytest.raises(NotImplementedError, match="no oracle hvp_lower_yy"):
        problem.hvp_lower_yy(np.zeros(3), np.zeros(3), np.zeros(3))


@pytest.mark.parametrize(
    ("returned", "match"),
    [
        (None, "returned None"),
        (np.zeros(2), r"shape \(2,\)"),
        (np.full(3, np.nan), "NaN or inf"),
        (np.array(["a"] * 3), "dtype <U1"),
    ],
)
def test_row_45_wrong_returns_are_refused_before_the_loop(returned, match):
    with pytest.raises(ValueError, match=match):
        make(plain=True, grad_upper_y=lambda data, x, y, rows: returned)


def test_wrong_functions_and_starts_are_refused():
    with pytest.raises(TypeError, match="grad_lower_y must be callable"):
        make(grad_lower_y=3)
    with pytest.raises(TypeError, match="x0 must hold real numbers"):
        fb.problems.Problem(DATA, **ORACLES, x0=["a"], y0=[0.0])
    with pytest.raises(ValueError, match="y0 must be finite"):
        fb.problems.Problem(DATA, **ORACLES, x0=[0.0], y0=[np.inf])


def test_float32_starts_make_a_float32_problem():
    @numba.njit
    def g(data, x, y, rows):
        return y - x

    problem = fb.problems.Problem(
        np.zeros(1, np.float32),
        grad_lower_y=g,
        grad_upper_y=g,
        grad_lower_x=g,
        value_upper=numba.njit(lambda data, x, y, rows: 0.5 * (y**2).sum()),
        x0=np.ones(2, np.float32),
        y0=np.zeros(2, np.float32),
    )
    result = fb.minimize(problem, lr_y=0.5, maxiter=5)
    assert result.x.dtype == result.y.dtype == np.float32
