"""Wrong options are sentences that name the option, raised before any oracle is called."""

import numpy as np
import pytest

import fastbilevel as fb

CASES = [
    ("f2sa", {"lr_z": -0.1}, ValueError, "lr_z must be positive"),
    ("f2sa", {"lr_y": 0.0}, ValueError, "lr_y must be positive"),
    ("f2sa", {"lr_x": np.nan}, ValueError, "lr_x must be positive and finite"),
    ("f2sa", {"penalty": 0.0}, ValueError, "penalty must be positive"),
    ("f2sa", {"penalty_increment": -0.5}, ValueError, "penalty_increment must be at least 0"),
    ("f2sa", {"inner_steps": 0}, ValueError, "inner_steps must be at least 1"),
    ("f2sa", {"shared_samples": "outer"}, TypeError, "shared_samples must be True or False"),
    ("f3sa", {"momentum": 0.0}, ValueError, "momentum must be positive"),
    ("f3sa", {"momentum": "half"}, TypeError, "momentum must be a number or a schedule"),
    ("f2ba", {"inner_steps": 2.5}, TypeError, "inner_steps must be an integer"),
    ("acc-f2ba", {"inner_momentum": 1.0}, ValueError, r"inner_momentum must be in \[0, 1\)"),
    ("acc-f2ba", {"restart": (1.0, -1.0)}, ValueError, "restart must be a pair"),
    ("acc-f2ba", {"restart": 3.0}, ValueError, "restart must be a pair"),
    ("prox-f2sa", {"prox": 0.0}, ValueError, "prox must be positive"),
    ("prox-f2sa", {"prox": lambda k: 1.0}, TypeError, "prox must be a number"),
    ("prox-f2sa", {"smoothing": 1.5}, ValueError, r"smoothing must be in \(0, 1\]"),
    ("prox-f2sa", {"outer_batches": 0}, ValueError, "outer_batches must be positive"),
    ("prox-f2sa", {"lower_projection": 3.0}, TypeError, "lower_projection"),
    ("prox-f3sa", {"lower_projection": (1.0, 0.0)}, ValueError, "lower <= upper"),
    ("prox-f3sa", {"nu": -1.0}, ValueError, "nu must be positive"),
    ("bome", {"barrier": "both"}, ValueError, "barrier must be one of gradient, value"),
    ("bome", {"eta": 0.0}, ValueError, "eta must be positive"),
    ("bome", {"lr_inner": -1.0}, ValueError, "lr_inner must be positive"),
]


def problem_that_counts():
    calls = []

    def oracle(data, x, y, rows):
        calls.append(1)
        return np.zeros(1)

    names = ("grad_lower_y", "grad_upper_y", "grad_lower_x", "grad_upper_x")
    problem = fb.problems.Problem(
        None, **dict.fromkeys(names, oracle), value_upper=lambda data, x, y, rows: 0.0,
        value_lower=lambda data, x, y, rows: 0.0,
        n_lower=4, n_upper=4, x0=np.zeros(1), y0=np.zeros(1),
    )  # fmt: skip
    calls.clear()
    return problem, calls


@pytest.mark.parametrize(("method", "options", "error", "sentence"), CASES)
def test_wrong_options_are_sentences(method, options, error, sentence):
    problem, calls = problem_that_counts()
    with pytest.raises(error, match=sentence):
        fb.minimize(problem, method=method, **options)
    assert calls == []


@pytest.mark.parametrize("method", fb.methods.list())
def test_an_unknown_option_lists_close_ones(method):
    problem, _ = problem_that_counts()
    with pytest.raises(TypeError, match=r"Unknown option of method .* Did you mean"):
        fb.minimize(problem, method=method, lr_yy=0.1)


def test_schedules_that_turn_negative_name_the_iteration():
    problem = fb.problems.Quadratic.random(2, 3)
    with pytest.raises(ValueError, match=r"lr_x must be positive and finite; it is .* iteration 5"):
        fb.minimize(problem, method="f2sa", lr_x=fb.schedules.Linear(0.5, -0.1), maxiter=20)
