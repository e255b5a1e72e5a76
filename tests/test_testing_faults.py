"""`check_problem` names every oracle that is wrong, with figures."""

import numpy as np
import pytest
from small_problems import softmax_oracles, softmax_problem

import fastbilevel as fb
from fastbilevel.problems import Problem, Quadratic


def problem_with(**changed):
    """The softmax problem with some oracles replaced; each replacement gets the right one."""
    right = softmax_problem()
    oracles = softmax_oracles(8, 3)
    for name, change in changed.items():
        oracles[name] = change(oracles.get(name, lambda data, x, y, rows: np.zeros(8)))
    return Problem(right.data, **oracles, n_lower=60, n_upper=30, x0=right.x0, y0=right.y0)


def scaled(factor):
    def change(right):
        return lambda *arguments: factor * right(*arguments)

    return change


def one_coordinate_off(right):
    def wrong(*arguments):
        out = right(*arguments)
        out[5] += 1e-3 * np.linalg.norm(out)
        return out

    return wrong


def summed_over_rows(right):
    return lambda *arguments: right(*arguments) * len(arguments[-1])


def unsymmetric(right):
    def wrong(data, x, y, v, rows):
        return right(data, x, y, v, rows) + 1e-6 * np.roll(v, 1)

    return wrong


@pytest.mark.parametrize("name", ["grad_lower_y", "grad_upper_y", "grad_lower_x"])
@pytest.mark.parametrize("change", [scaled(-1.0), scaled(1.001), scaled(0.0)])
def test_a_wrong_gradient_is_named_with_figures(name, change):
    value = f"value_{name.split('_')[1]}"
    with pytest.raises(AssertionError, match=rf"{name} gives .* differences of {value} give .*\d"):
        fb.testing.check_problem(problem_with(**{name: change}))


@pytest.mark.parametrize("seed", range(3))
def test_one_wrong_coordinate_is_found(seed):
    with pytest.raises(AssertionError, match="grad_lower_y gives"):
        fb.testing.check_problem(problem_with(grad_lower_y=one_coordinate_off), seed=seed)


def test_an_upper_gradient_in_x_that_is_forgotten_is_found():
    def with_x(right):
        return lambda data, x, y, rows: right(data, x, y, rows) + 0.1 * float(x @ x)

    with pytest.raises(AssertionError, match="grad_upper_x gives 0 and differences of value_upper"):
        fb.testing.check_problem(problem_with(value_upper=with_x))


@pytest.mark.parametrize("name", ["hvp_lower_yy", "jvp_lower_xy"])
@pytest.mark.parametrize("change", [scaled(-1.0), scaled(1.001)])
def test_a_wrong_product_is_named(name, change):
    with pytest.raises(AssertionError, match=f"{name} has norm"):
        fb.testing.check_problem(problem_with(**{name: change}))


def test_an_unsymmetric_hessian_is_named():
    with pytest.raises(AssertionError, match="hvp_lower_yy"):
        fb.testing.check_problem(problem_with(hvp_lower_yy=unsymmetric))
    # Too little for differences, but not for the symmetry itself.
    with pytest.raises(AssertionError, match="hvp_lower_yy is not symmetric"):
        fb.testing.check_problem(problem_with(hvp_lower_yy=unsymmetric), rtol=1e-2)


def test_gradients_are_compared_with_each_other_where_there_are_no_values():
    right = softmax_problem()
    oracles = softmax_oracles(8, 3)
    for name in ("value_lower", "hvp_lower_yy", "jvp_lower_xy"):
        del oracles[name]

    def check(**changed):
        problem = Problem(
            right.data,
            **{**oracles, **changed},
            n_lower=60,
            n_upper=30,
            x0=right.x0,
            y0=right.y0,
        )
        return fb.testing.check_problem(problem)

    check()
    with pytest.raises(AssertionError, match="mixed derivatives"):
        check(grad_lower_x=scaled(2.0)(oracles["grad_lower_x"]))

    def rotated(data, x, y, rows):
        return oracles["grad_lower_y"](data, x, y, rows) + np.roll(y, 1)

    with pytest.raises(AssertionError, match="grad_lower_y in y is not symmetric"):
        check(grad_lower_y=rotated)


@pytest.mark.parametrize(
    "name", ["grad_lower_x", "grad_lower_y", "grad_upper_y", "hvp_lower_yy", "value_upper"]
)
def test_sums_instead_of_means_are_found(name):
    # At the full data all oracles of a level have the same factor, so only minibatches differ.
    level = "upper" if "upper" in name else "lower"
    names = [n for n in softmax_oracles(8, 3) if level in n]
    n = 30 if level == "upper" else 60

    def change(right):
        return lambda *arguments: right(*arguments) * len(arguments[-1]) / n

    with pytest.raises(AssertionError, match=rf"{level}.* is not a mean over its rows"):
        fb.testing.check_problem(problem_with(**dict.fromkeys(names, change)))
    with pytest.raises(AssertionError, match=f"{name} is not a mean over its rows"):
        fb.testing.check_problem(problem_with(**{name: change}))


def test_repeated_rows_that_count_once_are_found():
    def distinct(right):
        return lambda *arguments: right(*arguments[:-1], np.unique(arguments[-1]))

    with pytest.raises(AssertionError, match=r"grad_upper_y is not a mean .* single rows i, i, j"):
        fb.testing.check_problem(problem_with(grad_upper_y=distinct))


@pytest.mark.parametrize("position", [1, 2], ids=["x", "y"])
def test_an_oracle_that_modifies_its_input_is_found(position):
    def change(right):
        def wrong(*arguments):
            out = right(*arguments)
            arguments[position][0] += 1.0
            return out

        return wrong

    with pytest.raises(
        AssertionError, match=f"grad_lower_y modifies its input {'xy'[position - 1]}"
    ):
        fb.testing.check_problem(problem_with(grad_lower_y=change))


def test_an_oracle_that_modifies_the_data_is_found():
    def change(right):
        def wrong(data, x, y, rows):
            data[0][0, 0] *= 1.5
            return right(data, x, y, rows)

        return wrong

    with pytest.raises(AssertionError, match=r"grad_lower_y modifies its input data \(array 0"):
        fb.testing.check_problem(problem_with(grad_lower_y=change))


def test_an_oracle_that_draws_at_random_is_found():
    rng = np.random.default_rng(0)

    def noisy(right):
        return lambda *arguments: right(*arguments) + 1e-9 * rng.standard_normal(24)

    with pytest.raises(AssertionError, match="grad_upper_y gives another answer when"):
        fb.testing.check_problem(problem_with(grad_upper_y=noisy))


def test_an_oracle_with_a_memory_is_found():
    seen = {}

    def remember(right):
        def wrong(data, x, y, rows):
            seen["y"] = y.copy()
            return right(data, x, y, rows)

        return wrong

    def recall(right):
        return lambda data, x, y, v, rows: right(data, x, seen.get("y", y), v, rows)

    with pytest.raises(AssertionError, match="hvp_lower_yy gives another answer after other"):
        fb.testing.check_problem(problem_with(grad_lower_y=remember, hvp_lower_yy=recall))


def make_accumulating(k):
    def grad_lower_x(data, work, x, y, rows, out):
        out += y[: out.size]

    return grad_lower_x


class Accumulating(Quadratic):
    """Its g_x is added to what the output held."""

    def texts(self):
        return {**super().texts(), "grad_lower_x": (make_accumulating,)}


def test_an_oracle_that_adds_to_its_output_is_found():
    problem = Accumulating(np.eye(3), np.eye(3), np.eye(3))
    with pytest.raises(AssertionError, match="grad_lower_x"):
        fb.testing.check_problem(problem)


def test_an_oracle_that_is_not_finite_near_the_start_is_found():
    def broken(right):
        return lambda data, x, y, rows: right(data, x, y, rows) / (y[0] == 0.0)

    with (
        np.errstate(all="ignore"),
        pytest.raises(AssertionError, match="grad_lower_y is not finite"),
    ):
        fb.testing.check_problem(problem_with(grad_lower_y=broken))


class Transposed(Quadratic):
    """Its g_x has the size of y."""

    def grad_lower_x(self, x, y, rows=None):
        return np.zeros(self.n_y)


def test_a_wrong_shape_is_named():
    with pytest.raises(AssertionError, match=r"grad_lower_x gives shape \(4,\) .* not \(3,\)"):
        fb.testing.check_problem(Transposed(np.eye(4), np.ones((4, 3)), np.eye(4)))
