"""A float32 problem in float64, as the lower solver uses it."""

import numpy as np
import pytest
from scipy import sparse

import fastbilevel as fb


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize(
    "problem",
    [fb.problems.LearnToRegularize, fb.problems.HyperCleaning, fb.problems.LpRegression],
)
def test_converted_problem_is_the_problem_of_the_converted_data(convert, problem):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((24, 4)).astype(np.float32)
    y = np.arange(24) % 3
    single = problem(convert(X[:14]), y[:14], convert(X[14:]), y[14:])
    wide = problem(*(convert(a.astype(np.float64)) if a.ndim == 2 else a
                     for a in (X[:14], y[:14], X[14:], y[14:])))  # fmt: skip
    converted = single.astype(np.float64)
    assert single.dtype == np.float32
    assert converted.x0.dtype == converted.y0.dtype == np.float64
    x, W = rng.standard_normal(single.n_x), rng.standard_normal(single.n_y)
    np.testing.assert_array_equal(converted.grad_lower_y(x, W), wide.grad_lower_y(x, W))
    assert converted.value_upper(x, W) == wide.value_upper(x, W)
    assert single.astype(np.float32) is single


def test_a_problem_of_callables_says_that_it_cannot():
    quadratic = fb.problems.Quadratic.random(2, 2)
    with pytest.raises(NotImplementedError, match="Quadratic cannot convert"):
        quadratic.astype(np.float32)
