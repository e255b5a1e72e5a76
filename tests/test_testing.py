"""`check_problem` accepts right oracles, and names every wrong one."""

import fastbilevel.kernels.reference as reference
import numpy as np
import pytest
from small_problems import singular_problem, softmax_oracles, softmax_problem

import fastbilevel as fb
from fastbilevel.problems import Problem, Quadratic


def problem_with(**changed):
    """The softmax problem with some oracles replaced; each replacement gets the right one."""
    right = softmax_problem()
    oracles = softmax_oracles(8, 3)
    for name, change in changed.items():
        oracles[name] = change(oracles.get(name, lambda data, x, y, rows: np.zeros(8)))
    return Problem(right.data, **oracles, n_lower=60, n_upper=30, x0=right.x0, y0=right.y0)


# -- right problems ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "problem",
    [
        softmax_problem(),
        singular_problem(),
        Quadratic.random(4, 5),
        Quadratic.random(4, 5, n=9, spread=0.5),
        Quadratic.random(1, 1, n=2),
    ],
    ids=["softmax", "PL1", "quadratic", "stacked", "scalar"],
)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_right_oracles_pass(problem, seed):
    report = fb.testing.check_problem(problem, seed=seed)
    assert report.skipped == ()
    assert len(report.errors) == 20
    assert max(report.errors.values()) < 1e-8


def test_a_problem_in_float32_passes_to_the_accuracy_of_float32():
    report = fb.testing.check_problem(softmax_problem(dtype=np.float32))
    assert 1e-9 < max(report.errors.values()) < 2e-3


def test_missing_oracles_are_reported_as_skipped():
    problem = softmax_problem(without=("value_lower", "hvp_lower_yy", "jvp_lower_xy"))
    report = fb.testing.check_problem(problem)
    assert [sentence.split()[0] for sentence in report.skipped] == [
        "value_lower",
        "hvp_lower_yy",
        "jvp_lower_xy",
    ]
    assert "grad_lower_y" not in report.errors
    assert "grad_upper_y" in report.errors
    assert report.skipped[0] in str(report)


def test_additive_noise_has_no_full_data_to_compare_with():
    problem = Quadratic(np.eye(2), np.eye(2), np.eye(2), noise=0.5)
    report = fb.testing.check_problem(problem)
    assert not any(name.startswith("minibatches") for name in report.errors)
    assert "no full data" in report.skipped[0]


class Narrow(Quadratic):
    """A quadratic that computes in float64 and rounds to float32, times an optional error."""

    factor = 1.0

    def __init__(self, precise):
        self.__dict__.update(precise.__dict__)
        self.precise, self.kernels = precise, reference
        self.dtype = np.dtype(np.float32)
        self.x0, self.y0 = precise.x0.astype(np.float32), precise.y0.astype(np.float32)

    def astype(self, dtype):
        return self.precise if np.dtype(dtype) == np.float64 else self

    def grad_lower_y(self, x, y, rows=None):
        return (self.factor * self.precise.grad_lower_y(x, y, rows)).astype(np.float32)


def test_a_float32_problem_is_compared_with_its_float64_self():
    problem = Narrow(Quadratic.random(3, 4, n=5))
    report = fb.testing.check_problem(problem)
    assert report.errors["precision of grad_lower_y"] < 1e-6
    assert report.errors["grad_lower_y"] < 1e-8
    problem.factor = 1.01
    with pytest.raises(AssertionError, match=r"grad_lower_y has norm .* in float32 and"):
        fb.testing.check_problem(problem)


# -- wrong problems ---------------------------------------------------------------------------


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


def test_only_problems_can_be_checked():
    with pytest.raises(TypeError, match="problem must be one of"):
        fb.testing.check_problem(np.zeros(3))


def test_the_same_seed_gives_the_same_figures():
    reports = [fb.testing.check_problem(softmax_problem(), seed=7) for _ in range(2)]
    assert reports[0] == reports[1]
