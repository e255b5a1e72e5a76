"""Wrong options are sentences that name the option, raised before any oracle is called."""

import numpy as np
import pytest

import fastbilevel as fb
from fastbilevel.methods import METHODS

FIRST_ORDER = ("grad_lower_y", "grad_upper_y", "grad_lower_x", "grad_upper_x")

CASES = [
    ("f2sa", {"lr_z": -0.1}, ValueError, "lr_z must be positive"),
    ("f2sa", {"lr_y": 0.0}, ValueError, "lr_y must be positive"),
    ("f2sa", {"lr_x": np.nan}, ValueError, "lr_x must be positive and finite"),
    ("f2sa", {"penalty": 0.0}, ValueError, "penalty must be positive"),
    (
        "f2sa",
        {"penalty_increment": -0.5},
        ValueError,
        "penalty_increment must be finite and not negative",
    ),
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
    ("galet", {"linear_steps": 0}, ValueError, "linear_steps must be at least 1"),
    ("galet", {"lr_v": 0.0}, ValueError, "lr_v must be positive"),
    ("bsa", {"inner_steps": -1.0}, ValueError, "inner_steps must be positive"),
    ("ttsa", {"neumann_steps": 0}, ValueError, "neumann_steps must be at least 1"),
    ("stocbio", {"neumann_steps": -1}, ValueError, "neumann_steps must be at least 0"),
    ("stocbio", {"neumann_lr": np.inf}, ValueError, "neumann_lr must be positive and finite"),
    ("mrbo", {"inner_steps": 2}, ValueError, "mrbo is a single loop; got 2"),
    ("mrbo", {"lower_momentum": 0.0}, ValueError, "lower_momentum must be positive"),
    ("vrbo", {"period": 0}, ValueError, "period must be at least 1"),
    ("vrbo", {"refresh_batches": 1.5}, TypeError, "refresh_batches must be an integer"),
    ("sustain", {"momentum": "half"}, TypeError, "momentum must be a number or a schedule"),
    ("soba", {"lr_v": -1.0}, ValueError, "lr_v must be positive"),
    ("saba", {"initial_memory": "half"}, ValueError, "initial_memory must be one of zeros, full"),
    ("saba", {"sampling": "epochs"}, ValueError, "sampling must be 'blocks'"),
    ("ma-soba", {"momentum": 0.0}, ValueError, "momentum must be positive"),
    ("amigo", {"inner_steps": 0}, ValueError, "inner_steps must be at least 1"),
    ("unibio", {"power": 1.5}, ValueError, "power must be at least 2"),
    ("unibio", {"radius": lambda k: 1.0}, TypeError, "radius must be a number"),
    ("unibio", {"momentum": 1.0}, ValueError, r"momentum must be in \[0, 1\)"),
    ("bo-rep", {"lower_budget": 0}, ValueError, "lower_budget must be positive"),
    ("bo-rep", {"scaling_floor": 0.0}, ValueError, "scaling_floor must be positive"),
]


def problem_that_counts():
    calls = []

    def oracle(data, x, y, rows):
        calls.append(1)
        return np.zeros(1)

    names = ("grad_lower_y", "grad_upper_y", "grad_lower_x", "grad_upper_x")
    products = dict.fromkeys(("hvp_lower_yy", "jvp_lower_xy"), lambda *arguments: np.zeros(1))
    problem = fb.problems.Problem(
        None, **dict.fromkeys(names, oracle), **products, value_upper=lambda data, x, y, rows: 0.0,
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


@pytest.mark.parametrize(
    "method", [m for m, cls in METHODS.items() if "hvp_lower_yy" in cls().requires]
)
def test_a_problem_without_products_is_refused_by_name(method):
    plain = fb.problems.Problem(
        None, **dict.fromkeys(FIRST_ORDER, lambda *arguments: np.zeros(1)),
        value_upper=lambda *arguments: 0.0, x0=np.zeros(1), y0=np.zeros(1),
    )  # fmt: skip
    with pytest.raises(TypeError, match="needs hvp_lower_yy, jvp_lower_xy, which Problem does not"):
        fb.minimize(plain, method=method)


def test_saba_refuses_a_problem_whose_samples_never_end():
    noisy = fb.problems.Quadratic(np.eye(1), np.eye(1), np.eye(1), noise=1.0)
    with pytest.raises(ValueError, match="saba needs a finite sum"):
        fb.minimize(noisy, method="saba", batch_size=1)


def test_schedules_that_turn_negative_name_the_iteration():
    problem = fb.problems.Quadratic.random(2, 3)
    with pytest.raises(ValueError, match=r"lr_x must be positive and finite; it is .* iteration 5"):
        fb.minimize(problem, method="f2sa", lr_x=fb.schedules.Linear(0.5, -0.1), maxiter=20)
