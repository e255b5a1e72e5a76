"""The exact traces of the second-order methods against the numbers written down for them."""

from fractions import Fraction

import numpy as np
import pytest
from methods import hand_traces
from methods import second_order_normalized as normalized
from methods import second_order_traces as traces
from methods.second_order_values import CASES as LOOPS
from methods.second_order_values_memory import BLOCKS
from methods.second_order_values_memory import CASES as MEMORY
from methods.second_order_values_normalized import CASES as NORMALIZED

CASES = LOOPS | MEMORY | NORMALIZED


@pytest.mark.parametrize("name", CASES)
def test_the_formulas_give_the_numbers(name):
    """Fractions exactly; the floats that roots make to rounding."""
    derived, written = CASES[name].derived(), CASES[name].steps
    assert [len(step) for step in derived] == [len(step) for step in written]
    for found, expected in zip(np.ravel(derived), np.ravel(written), strict=True):
        if isinstance(found, Fraction) and isinstance(expected, Fraction):
            assert found == expected
        else:
            np.testing.assert_allclose(float(found), float(expected), rtol=1e-14)


def test_the_blocks_average_to_the_problem():
    mean = [sum(column) / 3 for column in zip(*BLOCKS, strict=True)]
    assert tuple(mean) == tuple(hand_traces.Q1)


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name].bounds])
def test_the_bounds_act_but_not_in_every_step(name):
    case = CASES[name]
    assert {x in case.bounds for x, *_ in case.steps} == {True, False}


@pytest.mark.parametrize("name", ["mrbo", "sustain, Q = 3"])
def test_without_noise_the_momentum_of_storm_changes_only_what_it_must(name):
    """MRBO's v_k is h(x_k, y_k) whatever the momentum. So is SUSTAIN's only while P stays: a new P
    at the old point is another h there, and v_{k-1} - h_old does not vanish."""
    case, quick = CASES[name], {"momentum": Fraction(1), "lower_momentum": Fraction(1, 7)}
    constant = {} if name == "mrbo" else {"powers": lambda k: 2}
    assert case.derived(**constant) == case.derived(**constant, **quick)
    assert (tuple(case.derived(**quick)) == case.steps) == (name == "mrbo")


@pytest.mark.parametrize(
    "name", ["mrbo, two samples", "sustain, two samples", "vrbo, two samples", "saba"]
)
def test_the_noise_changes_the_iterates(name):
    case = CASES[name]
    exact = {"lower": ([hand_traces.Q1] * 3, [Fraction(1, 3)] * 3)} if name == "saba" else {}
    noiseless = case.derived(**(exact or {"draws": traces.exact}))
    assert noiseless[2][0] != case.steps[2][0]


def test_a_table_keeps_the_weighted_mean_of_its_values():
    table = traces.Table([Fraction(1), Fraction(-2)], (Fraction(2, 3), Fraction(1, 3)))
    assert table.mean == 0
    assert table.direction(1, Fraction(4)) == 4 + 2 + 0
    assert table.mean == Fraction(2, 3) * 1 + Fraction(1, 3) * 4


def test_the_random_power_has_the_mean_of_a_sum_of_q_terms():
    """(1/Q) sum over P < Q of Q lr (1 - lr H)^P r = lr sum over q < Q of (1 - lr H)^q r."""
    lr, r, Q = Fraction(1, 5), Fraction(-3, 4), 4
    powers = [traces.neumann_power(r, lr, (hand_traces.Q1,) * p, Q) for p in range(Q)]
    assert sum(powers) / Q == traces.neumann_sum(r, lr, (hand_traces.Q1,) * (Q - 1))


def test_the_unit_example_of_soba():
    """mu = a = 1, steps 1/10, zeros: (y, v, x) = (0, .1, 0), then (0, .19, .01)."""
    q = hand_traces.Sample(*map(Fraction, (1, 1, 0, 1, -1, 1)))
    tenth, zero = Fraction(1, 10), Fraction(0)
    steps = list(traces.soba(zero, zero, None, lr_y=tenth, lr_x=tenth, draws=lambda role, k, t: q))
    assert [(y, v, x) for x, y, _, v in steps[:2]] == [
        (0, tenth, 0),
        (0, Fraction(19, 100), Fraction(1, 100)),
    ]


@pytest.mark.parametrize(
    ("p", "budget", "steps"), [(2, 3, 2), (2, 4, 6), (2, 12, 14), (4, 5, 2), (4, 6, 7), (3, 6, 7)]
)
def test_the_steps_of_epoch_sgd(p, budget, steps):
    """T_1 = 2: epochs of 2, 4, 8 for p = 2, of 2, floor(5.66) = 5 for p = 4, of 2, 5 for p = 3."""
    q = hand_traces.Q1
    _, done = normalized.epoch_sgd(1.0, 0.0, budget, p, 2, 1.0, 0.1, lambda t: q)
    assert done == steps
