"""The exact traces against the fractions written down, and what the chosen options exercise."""

from fractions import Fraction

import pytest
from methods import hand_traces as traces
from methods import hand_values, hand_values_storm
from methods.hand_values_storm import SAMPLES

CASES = hand_values.CASES | hand_values_storm.CASES
WITH_BOUNDS = [name for name, case in CASES.items() if case.bounds is not None]
WITH_PROJECTION = [name for name, case in CASES.items() if case.options.get("lower_projection")]


@pytest.mark.parametrize("name", CASES)
def test_the_formulas_give_the_fractions(name):
    assert tuple(CASES[name].derived()) == CASES[name].steps


def test_the_samples_average_to_the_problem():
    mean = [sum(pair) / 2 for pair in zip(*SAMPLES, strict=True)]
    assert tuple(mean) == tuple(traces.Q1)


def test_the_example_of_the_survey():
    """mu = a = 1, everything at 0, lambda = 2, steps 1/10, T = 1: z = 0, y = 1/10, x = 1/50."""
    q = traces.Sample(*map(Fraction, (1, 1, 0, 1, -1, 1)))
    tenth = Fraction(1, 10)
    options = {"lr_z": tenth, "lr_y": tenth, "lr_x": tenth, "penalty": Fraction(2)}
    steps = traces.trace(
        traces.f3sa,
        Fraction(0),
        Fraction(0),
        None,
        momentum=Fraction(1),
        draws=lambda k: dict.fromkeys(traces.ROLES, q),
        **options,
    )
    assert steps[0] == (Fraction(1, 50), 0, tenth)


@pytest.mark.parametrize("name", WITH_BOUNDS)
def test_the_bounds_act_in_exactly_one_step(name):
    case = CASES[name]
    assert [x in case.bounds for x, _, _ in case.steps].count(True) == 1
    free = traces.trace(case.function, *case.start, None, **case.options)
    assert free[-1] != case.steps[-1]


@pytest.mark.parametrize("name", WITH_PROJECTION)
def test_the_lower_projection_acts_in_some_steps_only(name):
    case = CASES[name]
    for position in (1, 2):
        at_edge = [step[position] in case.options["lower_projection"] for step in case.steps]
        assert True in at_edge
        assert False in at_edge
    assert case.derived(lower_projection=None) != list(case.steps)


@pytest.mark.parametrize("name", ["f3sa", "prox-f3sa"])
def test_without_noise_the_momentum_of_storm_changes_nothing(name):
    case = CASES[name]
    assert tuple(case.derived(momentum=Fraction(1, 7))) == case.steps


@pytest.mark.parametrize("name", ["f3sa, two samples", "prox-f3sa, two samples"])
def test_with_noise_the_momentum_of_storm_matters_from_the_second_step_on(name):
    case = CASES[name]
    plain = case.derived(momentum=Fraction(1))
    assert plain[0] == case.steps[0]
    assert plain[1] != case.steps[1]
    assert plain[2][0] != case.steps[2][0]


def test_restarts_fall_where_the_comments_say():
    """Without a restart the momentum is another one in the step after it, and only there."""
    same = {
        "acc-f2ba, restart after two steps": [True, True, False],
        "acc-f2ba, restart after one step": [True, False, False],
        "acc-f2ba, second restart because B has shrunk": [True, False, False],
        "acc-f2ba, no restart because of B0": [True, True, True],
    }
    for name, expected in same.items():
        free = CASES[name].derived(restart=None)
        assert [a == b for a, b in zip(free, CASES[name].steps, strict=True)] == expected


def test_the_second_restart_needs_the_smaller_B():
    """0.192 restarts after the first step only, 0.99 * 0.192 after the second too."""
    case = CASES["acc-f2ba, second restart because B has shrunk"]
    moves = [abs(b[0] - a[0]) for a, b in zip(case.steps, case.steps[1:], strict=False)]
    B = case.options["restart"][0]
    assert B * Fraction(99, 100) < moves[0] < B
    assert case.start[0] - case.steps[0][0] > B
