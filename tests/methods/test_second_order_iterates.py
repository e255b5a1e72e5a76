"""Three outer steps of every second-order method against the numbers of the hand traces."""

import itertools

import numpy as np
import pytest
from backends import BACKENDS, array_library
from methods.hand_traces import Q1, Sample
from methods.second_order_runs import moments
from methods.second_order_values import CASES as LOOPS
from methods.second_order_values_memory import CASES as MEMORY
from methods.second_order_values_normalized import CASES as NORMALIZED
from methods.test_iterates import as_option, quadratic

CASES = LOOPS | MEMORY | NORMALIZED
# What only a trace takes: which P, which samples and which blocks were drawn.
DRAWN = ("powers", "draws", "drawn", "lower", "upper")
RANDOM = [name for name in CASES if name.endswith("Q = 3")]
NOISY = [name for name in CASES if "two samples" in name or name == "saba"]
EXACT = [name for name in CASES if name not in RANDOM + NOISY and name != "saba, full"]


def run(case, problem, **more):
    options = {n: as_option(n, v) for n, v in case.options.items() if n not in DRAWN}
    bounds = None if case.bounds is None else tuple(map(float, case.bounds))
    x0, y0 = ([float(v)] for v in case.start)
    return moments(problem, x0, y0, method=case.method, maxiter=3, bounds=bounds, **options, **more)


def agree(seen, steps):
    """Whether x, y and the direction of every step are those of the trace."""
    found = [[m.x[0], m.y[0], m.direction[0]] for m in seen]
    return np.allclose(found, np.array([step[:3] for step in steps], float), rtol=1e-12, atol=0)


@pytest.mark.parametrize("name", EXACT)
def test_iterates_are_the_numbers(name):
    case = CASES[name]
    seen = run(case, quadratic(Q1))
    expected = np.array([step[:3] for step in case.steps], float)
    found = [[m.x[0], m.y[0], m.direction[0]] for m in seen]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("backend", [each for each in BACKENDS if each != "cpu"])
def test_iterates_are_the_numbers_on_every_backend(name, backend):
    case = CASES[name]
    with array_library(backend) as xp:
        seen = run(case, quadratic(Q1, xp=xp))
        found = [[float(a[0]) for a in (m.x, m.y, m.direction)] for m in seen]
    np.testing.assert_allclose(
        found, np.array([step[:3] for step in case.steps], float), rtol=1e-11
    )


def test_the_unit_example_of_soba():
    """mu = a = 1, steps 1/10, zeros: (y, v, x) = (0, .1, 0), then (0, .19, .01); v is seen in the
    third direction, x - v = -.18.
    """
    problem = quadratic(Sample(1, 1, 0, 1, -1, 1))
    seen = moments(problem, method="soba", lr_y=0.1, lr_v=0.1, lr_x=0.1, maxiter=3)
    np.testing.assert_allclose([m.x[0] for m in seen[:2]], [0.0, 0.01], rtol=1e-13)
    np.testing.assert_array_equal([m.y[0] for m in seen[:2]], [0.0, 0.0])
    np.testing.assert_allclose([m.direction[0] for m in seen], [0.0, -0.1, -0.18], rtol=1e-13)


@pytest.mark.parametrize("name", RANDOM)
def test_exactly_one_sequence_of_powers_gives_the_iterates(name):
    """P_k in {0, 1, 2}: of the 27 sequences one fits, and its sum is the count of products."""
    case, problem, found = CASES[name], quadratic(Q1), []
    outcomes = {
        P: case.derived(powers=lambda k, P=P: P[k]) for P in itertools.product(range(3), repeat=3)
    }
    points = 2 if case.method == "sustain" else 1
    for seed in range(6):
        seen = run(case, problem, seed=seed)
        fitting = [P for P, steps in outcomes.items() if agree(seen, steps)]
        assert len(fitting) == 1
        found.append(fitting[0])
        sums = points * np.cumsum(fitting[0])
        assert [m.calls["hvp"] for m in seen] == list(sums)
    # All values are drawn, and those of one run differ: P is new in every outer iteration.
    assert set(itertools.chain(*found)) == {0, 1, 2}
    assert any(len(set(P)) > 1 for P in found)
