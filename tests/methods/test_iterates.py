"""Three outer steps of every method against the exact fractions of the hand traces."""

from fractions import Fraction

import numpy as np
import pytest
from backends import BACKENDS, array_library, fetched
from methods import hand_traces as traces
from methods import hand_values, hand_values_storm
from methods.hand_values_storm import SAMPLES

import fastbilevel as fb
from fastbilevel._texts.samplers import LOWER, OUTER_LOWER, OUTER_UPPER, UPPER, key_of, make_sampler
from fastbilevel.kernels.reference.draw import draw_batch

CASES = hand_values.CASES | hand_values_storm.CASES
WITHOUT_NOISE = [name for name, case in CASES.items() if "draws" not in case.options]
WITH_NOISE = [name for name in CASES if name not in WITHOUT_NOISE]

# Where the estimators of F3SA and Prox-F3SA take their samples: stream and offset of the draw of
# every outer iteration. Each is used at the new and at the old point.
DRAWS = {
    "gz": (LOWER, 1),
    "fy": (UPPER, 2),
    "gy": (LOWER, 2),
    "fx": (OUTER_UPPER, 2),
    "gxy": (OUTER_LOWER, 2),
    "gxz": (OUTER_LOWER, 1),
}


def quadratic(*samples, xp=np):
    """The problem whose samples these are; one sample stands for the exact problem."""
    H, B, b, F, c, R = (np.array(column, float) for column in zip(*samples, strict=True))
    matrices = {"H": H, "B": B, "F": F, "R": R}
    arrays = {name: column[:, None, None] for name, column in matrices.items()}
    arrays |= {"b": b[:, None], "c": c[:, None]}
    return fb.problems.Quadratic(**{name: xp.asarray(array) for name, array in arrays.items()})


def as_option(name, value):
    """An option in fractions as the package takes it."""
    if name == "lower_projection":
        return None if value is None else fb.projections.Box(*map(float, value))
    if isinstance(value, Fraction):
        return float(value)
    if isinstance(value, tuple):
        return tuple(map(float, value))
    if callable(value) and name != "inner_steps":
        return lambda k: float(value(k))
    return value


def run(case, problem, maxiter, **more):
    options = {n: as_option(n, v) for n, v in case.options.items() if n != "draws"}
    x0, y0 = ([float(v)] for v in case.start)
    bounds = None if case.bounds is None else tuple(map(float, case.bounds))
    return fb.minimize(
        problem,
        x0,
        y0,
        method=case.method,
        maxiter=maxiter,
        bounds=bounds,
        record_every=1,
        **options,
        **more,
    )


@pytest.mark.parametrize("maxiter", [1, 2, 3])
@pytest.mark.parametrize("name", WITHOUT_NOISE)
def test_iterates_are_the_fractions(name, maxiter):
    case = CASES[name]
    result = run(case, quadratic(traces.Q1), maxiter)
    np.testing.assert_allclose(result.x_last, float(case.steps[maxiter - 1][0]), rtol=1e-13)
    np.testing.assert_allclose(result.y_last, float(case.lower(maxiter - 1)), rtol=1e-13)


@pytest.mark.parametrize("name", WITHOUT_NOISE)
@pytest.mark.parametrize("backend", [each for each in BACKENDS if each != "cpu"])
def test_iterates_are_the_fractions_on_every_backend(name, backend):
    case = CASES[name]
    with array_library(backend) as xp:
        result = run(case, quadratic(traces.Q1, xp=xp), 3)
        x, y = fetched((result.x_last, result.y_last))
    np.testing.assert_allclose(x, float(case.steps[2][0]), rtol=1e-12)
    np.testing.assert_allclose(y, float(case.lower(2)), rtol=1e-12)


def rows_of(seed, sampling, k):
    """The row that every estimator of outer iteration k draws."""
    rows = {}
    for role, (stream, offset) in DRAWS.items():
        sampler = make_sampler(len(SAMPLES), 1, sampling, stream, key_of(seed), False).arrays()
        rows[role] = int(draw_batch(sampler, k, offset)[0][0])
    return rows


@pytest.mark.parametrize("sampling", ["blocks", "replacement", "epochs"])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", WITH_NOISE)
def test_iterates_with_minibatches_are_those_of_the_rows_drawn(name, seed, sampling):
    """Batches of one of two rows: six samples a step, each at the new point and the old one."""
    case = CASES[name]

    def draws(k):
        return {role: SAMPLES[row] for role, row in rows_of(seed, sampling, k).items()}

    steps = case.derived(draws=draws)
    problem = quadratic(*SAMPLES)
    batches = {"batch_size": 1, "val_batch_size": 1, "sampling": sampling, "seed": seed}
    for k in (1, 2, 3):
        result = run(case, problem, k, **batches)
        np.testing.assert_allclose(result.x_last, float(steps[k - 1][0]), rtol=1e-12)
        np.testing.assert_allclose(result.y_last, float(steps[k - 1][1]), rtol=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_the_rows_drawn_differ_between_estimators(seed):
    """Over 64 steps no two of the six estimators see the same rows."""
    seen = [rows_of(seed, "replacement", k) for k in range(64)]
    histories = {role: tuple(rows[role] for rows in seen) for role in DRAWS}
    assert len(set(histories.values())) == len(DRAWS)
