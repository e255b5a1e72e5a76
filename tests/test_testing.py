"""`check_problem` accepts right oracles and reports what it saw."""

import numpy as np
import pytest
from small_problems import singular_problem, softmax_problem

import fastbilevel as fb
import fastbilevel.kernels.reference as reference
from fastbilevel.problems import Quadratic


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


def test_only_problems_can_be_checked():
    with pytest.raises(TypeError, match="problem must be one of"):
        fb.testing.check_problem(np.zeros(3))


def test_the_same_seed_gives_the_same_figures():
    reports = [fb.testing.check_problem(softmax_problem(), seed=7) for _ in range(2)]
    assert reports[0] == reports[1]
