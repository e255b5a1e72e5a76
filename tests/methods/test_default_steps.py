"""Curvature and the default steps of every method, on a problem whose eigenvalues are known."""

import dataclasses

import numpy as np
import pytest

import fastbilevel as fb
from fastbilevel._numerics.curvature import ConditioningWarning, curvature_range, default_step
from fastbilevel.methods import NAMES, class_of

# Gradients of a quadratic are linear, so differences over 1e-5 are exact up to rounding, and after
# two Lanczos steps there is no direction left that two eigenvalues would not explain.
EXACT = 1e-8
STEEP, FLAT = 4.0, 0.04
STEEP_F, FLAT_F = 3.0, 0.02


def problem(lower=(STEEP, FLAT), upper=(STEEP_F, FLAT_F)):
    """Two eigenvalues of H and of F, twice each, in the same directions, which are no axes."""
    axes, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((4, 4)))
    H, F = ((axes * np.repeat(values, 2)) @ axes.T for values in (lower, upper))
    return fb.problems.Quadratic(H, np.ones((4, 2)), F, x0=[0.5, -1.0], y0=[1.0, 0.0, 2.0, -3.0])


def largest(weight=0.0):
    """What the package takes for the largest curvature of g + weight f: a tenth above it."""
    return 1.1 * (STEEP + weight * STEEP_F)


@pytest.mark.parametrize(
    ("lower", "upper", "weight", "smallest", "steepest"),
    [
        ((STEEP, FLAT), (STEEP_F, FLAT_F), 0.0, FLAT, STEEP),
        ((STEEP, FLAT), (STEEP_F, FLAT_F), 2.5, FLAT + 2.5 * FLAT_F, STEEP + 2.5 * STEEP_F),
        # f takes curvature away.
        ((STEEP, FLAT), (-STEEP_F, -FLAT_F), 0.5, FLAT - 0.5 * FLAT_F, STEEP - 0.5 * STEEP_F),
        # One curvature for all directions, none at all, and a saddle.
        ((STEEP, STEEP), (STEEP_F, FLAT_F), 0.0, STEEP, STEEP),
        ((STEEP, 0.0), (STEEP_F, FLAT_F), 0.0, 0.0, STEEP),
        ((STEEP, -FLAT), (STEEP_F, FLAT_F), 0.0, -FLAT, STEEP),
    ],
)
def test_curvature_range_is_the_smallest_and_a_tenth_above_the_largest_eigenvalue(
    lower, upper, weight, smallest, steepest
):
    quadratic = problem(lower, upper)
    found = curvature_range(quadratic, quadratic.x0, quadratic.y0, weight)
    np.testing.assert_allclose(found, (smallest, 1.1 * steepest), rtol=EXACT, atol=EXACT)


def test_the_largest_curvature_stays_above_eigenvalues_that_lie_close_together():
    """Ritz values lie below the largest: what the tenth is for."""
    for seed in range(10):
        quadratic = fb.problems.Quadratic.random(seed=seed)
        least, most = np.linalg.eigvalsh(quadratic._H[0])[[0, -1]]
        low, high = curvature_range(quadratic, quadratic.x0, quadratic.y0)
        assert least * (1 - EXACT) <= low <= 1.1 * least
        assert most <= high <= 1.1 * most * (1 + EXACT)


def test_the_default_step_holds_for_g_and_for_the_penalized_objective():
    """1 / L of the steeper one."""

    def step(upper, weight):
        quadratic = problem(upper=upper)
        return default_step("lr_y", None, quadratic, quadratic.x0, quadratic.y0, weight, 1)

    np.testing.assert_allclose(step((STEEP_F, FLAT_F), 0.5), 1 / largest(0.5), rtol=EXACT)
    np.testing.assert_allclose(step((-STEEP_F, -FLAT_F), 0.5), 1 / largest(), rtol=EXACT)


def test_without_strong_convexity_the_default_step_warns_or_is_refused():
    saddle, hill = problem((STEEP, -FLAT)), problem((-STEEP, -FLAT))
    with pytest.warns(ConditioningWarning, match=r"a curvature of -0\.04 "):
        step = default_step("lr_y", None, saddle, saddle.x0, saddle.y0, 0.0, 1)
    np.testing.assert_allclose(step, 1 / largest(), rtol=EXACT)
    with (
        pytest.warns(ConditioningWarning),
        pytest.raises(ValueError, match=r"^lr_here could not be chosen.*Give lr_here\."),
    ):
        default_step("lr_here", None, hill, hill.x0, hill.y0, 0.0, 1)


# The options by which weights enter are not the defaults, so that no default hides an error.
PENALTY, NU, PROX, FLOOR = 5.0, 0.3, 0.7, 0.01
TWO_RATES = {"lr_z": 1 / largest(1 / PENALTY), "lr_y": None}
PROXIMAL = {"lr_y": 1 / (largest(NU) + 1 / PROX)}
ONE = {"lr_y": 1 / largest()}
SERIES = ONE | {"neumann_lr": 1 / largest()}
BOTH = ONE | {"lr_v": 1 / largest()}
# What the docstring of every method promises for steps that are not given; None: left open, and
# found from the other steps later.
PROMISED = {
    "f2sa": TWO_RATES,
    "f3sa": TWO_RATES,
    "f2ba": TWO_RATES,
    "acc-f2ba": TWO_RATES,
    "pbgd": TWO_RATES | {"lr_x": None},
    "f2sa-p": {"lr_y": 1 / largest(NU)},
    "prox-f2sa": PROXIMAL,
    "prox-f3sa": PROXIMAL,
    "bome": {"lr_inner": 1 / largest()},
    "galet": {"lr_y": 1 / largest(), "lr_v": 1 / largest() ** 2},
    "bsa": SERIES,
    "ttsa": SERIES,
    "stocbio": SERIES,
    "mrbo": SERIES,
    "vrbo": SERIES,
    "sustain": SERIES,
    "soba": BOTH,
    "saba": {"lr_y": 1 / (3 * largest()), "lr_v": 1 / (3 * largest())},
    "ma-soba": BOTH,
    "amigo": BOTH,
    "unibio": SERIES,
    "bo-rep": SERIES,
}


def completed(name, **options):
    cls = class_of(name)
    weights = {"penalty": PENALTY, "nu": NU, "prox": PROX, "scaling_floor": FLOOR}
    names = {field.name for field in dataclasses.fields(cls)}
    own = {key: value for key, value in weights.items() if key in names}
    quadratic = problem()
    method = cls(**{**own, **options})
    method.check(quadratic)
    return method.complete(quadratic, quadratic.x0, quadratic.y0)


def open_steps(cls):
    """Names of the step sizes that may be left out."""
    fields = dataclasses.fields(cls)
    return {f.name for f in fields if "lr" in f.name.split("_") and f.default is None}


@pytest.mark.parametrize("name", NAMES)
def test_steps_that_are_not_given_are_those_of_the_docstring(name):
    method, promised = completed(name), PROMISED[name]
    assert open_steps(type(method)) == promised.keys()
    for step, value in promised.items():
        if value is None:
            assert getattr(method, step) is None
        else:
            np.testing.assert_allclose(getattr(method, step), value, rtol=EXACT, err_msg=step)


@pytest.mark.parametrize("name", NAMES)
def test_a_step_that_is_given_is_kept_and_the_others_follow(name):
    for step in PROMISED[name]:
        method = completed(name, **{step: 0.123})
        assert getattr(method, step) == 0.123
        for other, value in PROMISED[name].items():
            found = getattr(method, other)
            if step == "lr_y" and other == "lr_v":
                # The step of v is that of y, or its square.
                np.testing.assert_allclose(found, 0.123**2 if name == "galet" else 0.123)
            elif {step, other} == {"lr_z", "lr_y"} or value is None:
                assert found == (0.123 if step == other else None)
            elif step != other:
                np.testing.assert_allclose(found, value, rtol=EXACT)


@pytest.mark.parametrize("name", [name for name in NAMES if PROMISED[name].keys() >= {"lr_z"}])
@pytest.mark.parametrize(
    ("given", "of_z", "of_y"),
    [
        # On g for z and on g + f / penalty for y.
        ({}, 1 / largest(1 / PENALTY), 1 / largest(1 / PENALTY)),
        ({"lr_z": 0.2}, 0.2, 0.2),
        ({"lr_y": 0.03}, 0.03 * PENALTY, 0.03 * PENALTY),
        ({"lr_z": 0.2, "lr_y": 0.03}, 0.2, 0.03 * PENALTY),
    ],
)
def test_one_of_two_rates_follows_from_the_other(name, given, of_z, of_y):
    nu, steps, _ = completed(name, **given).rates(0, 1, {})
    np.testing.assert_allclose(nu, [1 / PENALTY])
    np.testing.assert_allclose(steps[0, [0, -1]], [of_z, of_y], rtol=EXACT)


@pytest.mark.parametrize(("order", "furthest"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3)])
def test_the_step_of_f2sa_p_holds_for_the_furthest_offset(order, furthest):
    step = completed("f2sa-p", order=order).lr_y
    np.testing.assert_allclose(step, 1 / largest(furthest * NU), rtol=EXACT)


@pytest.mark.parametrize("name", ["unibio", "bo-rep"])
@pytest.mark.parametrize("power", [2.0, 2.5, 4.0])
def test_the_series_of_uniform_convexity_takes_a_smaller_step(name, power):
    method = completed(name, power=power)
    smaller = (power - 1) * min(1.0, FLOOR ** (power - 2))
    np.testing.assert_allclose(method.lr_y, 1 / largest(), rtol=EXACT)
    np.testing.assert_allclose(method.neumann_lr, smaller / largest(), rtol=EXACT)


def test_steps_may_be_schedules_and_the_first_value_of_a_weight_counts():
    """The penalty methods look at the weight of the first iteration."""
    method = completed("f2sa-p", nu=lambda k: NU / (k + 1))
    np.testing.assert_allclose(method.lr_y, 1 / largest(NU), rtol=EXACT)
    method = completed("f2sa", penalty=lambda k: PENALTY + k)
    np.testing.assert_allclose(method.lr_z, 1 / largest(1 / PENALTY), rtol=EXACT)
    method = completed("galet", lr_y=lambda k: 0.1 / (k + 1))
    assert method.lr_v == pytest.approx(0.01)
