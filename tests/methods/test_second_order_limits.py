"""Where the second-order methods end: Q1 and Qn, PL1, and the chain along which x cannot move.

At rest y = y*(x), v solves its linear system (or is its Neumann estimate M f_y), and x is where
f_x - J M f_y vanishes: with M = H^-1 the solution, else another point in closed form.
"""

import numpy as np
import pytest
from methods.second_order_runs import Quadratics, moments

import fastbilevel as fb

PROBLEM = fb.problems.Quadratic.random(3, 4)
EXACT = Quadratics.of(PROBLEM)
LR, Q = 0.3, 2
RATES = {"lr_y": 0.5, "lr_x": 0.3}
NEUMANN = {**RATES, "neumann_lr": LR, "neumann_steps": Q}
SINGLE = {**RATES, "neumann_lr": LR, "neumann_steps": 1}
STORM = {"momentum": 0.5, "lower_momentum": 0.5}
SOLVE = {
    "galet": {**RATES, "inner_steps": 8, "linear_steps": 120, "lr_v": 0.25},
    "soba": {**RATES, "lr_v": 0.4, "lr_x": 0.15},
    "saba": {**RATES, "lr_v": 0.4, "lr_x": 0.15},
    "ma-soba": {**RATES, "lr_v": 0.4, "lr_x": 0.1, "momentum": 0.5},
    "amigo": {**RATES, "inner_steps": 5, "linear_steps": 5, "lr_v": 0.4},
}
# With Q = 1 the power is P = 0: v = eta f_y.
BIASED = {
    "stocbio": ({**NEUMANN, "inner_steps": 8}, Q),
    "mrbo": ({**NEUMANN, **STORM}, Q),
    "vrbo": ({**NEUMANN, "inner_steps": 4, "period": 3, "refresh_batches": 1}, Q),
    "bsa": ({**SINGLE, "inner_steps": 8}, 0),
    "ttsa": ({**SINGLE, "inner_steps": 2}, 0),
    "sustain": ({**SINGLE, **STORM}, 0),
}


def end(method, maxiter=400, problem=PROBLEM, **options):
    return fb.minimize(problem, method=method, maxiter=maxiter, record_every=maxiter, **options)


@pytest.mark.parametrize("method", SOLVE)
def test_methods_that_solve_the_linear_system_end_at_the_solution(method):
    found = end(method, **SOLVE[method])
    np.testing.assert_allclose(found.x_last, PROBLEM.solution(), rtol=1e-11)
    np.testing.assert_allclose(found.y_last, PROBLEM.lower_solution(PROBLEM.solution()), rtol=1e-11)
    np.testing.assert_allclose(found.jac, 0.0, atol=1e-11)


@pytest.mark.parametrize("method", BIASED)
def test_neumann_methods_end_at_the_biased_point(method):
    options, terms = BIASED[method]
    found = end(method, **options)
    rest = EXACT.rest(EXACT.neumann(LR, terms))
    np.testing.assert_allclose(found.x_last, rest, rtol=1e-11)
    np.testing.assert_allclose(found.y_last, PROBLEM.lower_solution(rest), rtol=1e-11)
    assert np.linalg.norm(rest - PROBLEM.solution()) > 0.05


def test_galet_with_few_linear_steps_ends_at_a_biased_point():
    """T' steps from v = 0 leave v = (I - (I - rho H^2)^T') H^-1 f_y; a v that went on from step to
    step would end at the solution."""
    rho, T = 0.2, 2
    H = EXACT.H
    shrink = np.linalg.matrix_power(np.eye(4) - rho * H @ H, T)
    rest = EXACT.rest(np.linalg.solve(H, np.eye(4) - shrink))
    found = end("galet", **{**SOLVE["galet"], "linear_steps": T, "lr_v": rho})
    np.testing.assert_allclose(found.x_last, rest, rtol=1e-11)
    assert np.linalg.norm(rest - PROBLEM.solution()) > 0.01


@pytest.mark.parametrize("method", ["unibio", "bo-rep"])
def test_normalized_methods_approach_the_biased_point(method):
    """Steps of lengths 0.2 0.97^k: their sum reaches any point, and what is left of it bounds the
    distance."""
    options = {
        **NEUMANN,
        "lr_x": fb.schedules.Geometric(0.2, 0.97),
        "period": 1,
        "lower_budget": 12,
        "epoch_steps": 4,
        "radius": 10.0,
        "momentum": 0.3,
        "maxiter": 500,
    }
    found = end(method, **options)
    rest = EXACT.rest(EXACT.neumann(LR, Q))
    np.testing.assert_allclose(found.x_last, rest, atol=1e-5)
    np.testing.assert_allclose(found.y_last, PROBLEM.lower_solution(rest), atol=1e-4)


on_pl1 = pytest.mark.filterwarnings("ignore:The lower objective is not strongly convex")


@on_pl1
def test_galet_and_the_penalty_end_at_different_points_of_pl1():
    """g = (y_1 - x)^2/2, f = (y_1 - 1)^2/2 + (y_2 - x)^2/2: GALET keeps y_2 where it began, and
    f_x - J H^+ f_y = x - y_2 + x - 1 vanishes at (1 + y_2)/2; the penalty moves y_2 to x."""
    problem, y0 = fb.problems.hard.PolyakLojasiewicz(), [0.6, -0.3]
    problem.compiled = False
    arguments = {"problem": problem, "x0": [-0.5], "y0": y0}
    exact = {"inner_steps": 1, "linear_steps": 1, "lr_y": 1.0, "lr_v": 1.0, "lr_x": 0.3}
    galet = end("galet", 60, **arguments, **exact)
    np.testing.assert_allclose(galet.x_last, (1 + y0[1]) / 2, rtol=1e-12)
    np.testing.assert_allclose(galet.y_last, [(1 + y0[1]) / 2, y0[1]], rtol=1e-12)
    penalty = {"inner_steps": 20, "lr_x": 0.3, "penalty": 1.0, "lr_z": 1.0, "lr_y": 0.6}
    np.testing.assert_allclose(end("f2ba", 150, **arguments, **penalty).x_last, 1.0, rtol=1e-10)


CHAIN = 40
SHORT = {"lr_y": 0.9, "lr_x": 0.5}
TERMS = {**SHORT, "neumann_lr": 0.9, "neumann_steps": 3}
# Options and the lower gradients (or products with H, whichever reach further along the chain) of
# one outer iteration.
FROZEN = {
    "galet": ({**SHORT, "inner_steps": 3, "linear_steps": 3, "lr_v": 0.9}, 3),
    "bsa": ({**TERMS, "inner_steps": 2}, 2),
    "ttsa": (TERMS, 1),
    "stocbio": ({**TERMS, "inner_steps": 3}, 3),
    "mrbo": ({**TERMS, **STORM}, 1),
    "sustain": ({**TERMS, **STORM}, 1),
    "vrbo": ({**TERMS, "inner_steps": 3, "period": 2, "refresh_batches": 1}, 3),
    "soba": ({**SHORT, "lr_v": 0.9}, 1),
    "saba": ({**SHORT, "lr_v": 0.9}, 1),
    "ma-soba": ({**SHORT, "lr_v": 0.9, "momentum": 0.5}, 1),
    "amigo": ({**SHORT, "inner_steps": 3, "linear_steps": 3, "lr_v": 0.9}, 3),
    "unibio": (
        {**TERMS, "period": 1, "lower_budget": 4, "epoch_steps": 4, "radius": 1.0, "momentum": 0.5},
        4,
    ),
    "bo-rep": (
        {**TERMS, "period": 1, "lower_budget": 4, "epoch_steps": 4, "radius": 1.0, "momentum": 0.5},
        4,
    ),
}


@on_pl1
@pytest.mark.parametrize("method", FROZEN)
def test_x_does_not_move_before_y_is_half_way_along_the_chain(method):
    """While fewer than q/2 lower gradients have been used, f_y and f_x are exactly 0 and products
    with H keep v at 0; with many more x moves."""
    problem = fb.problems.hard.ZeroChain(CHAIN)
    problem.compiled = False
    options, lower_steps = FROZEN[method]
    still = (CHAIN // 2 - 1) // lower_steps
    seen = moments(problem, method=method, maxiter=still + CHAIN, **options)
    assert all(m.x[0] == 0.0 and m.direction[0] == 0.0 for m in seen[:still])
    assert np.count_nonzero(seen[still - 1].y) == still * lower_steps
    assert seen[-1].x[0] != 0.0
