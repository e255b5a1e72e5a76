"""In one variable a normalised step makes the order in p, not the lower level."""

from __future__ import annotations

import math

import pytest
from scipy.optimize import brentq

from bench.experiments.figures import Findings
from bench.experiments.uniform_convexity import GOAL, RULES, follow, later_with_p


def goal() -> float:
    """Where |phi'| is 0.1, between -pi/2 and 0."""
    return brentq(lambda x: math.cos(x) * math.cos(math.sin(x)) - GOAL, -math.pi / 2, 0)


@pytest.mark.parametrize("p", [2, 8])
def test_the_first_iteration_is_the_distance_over_the_step(p):
    # cos x cos w is positive all the way, whatever w is, so every step goes the right way. Noise of
    # f_x can turn it only where the estimate is near 0: w near pi/2, for a step or two.
    lr_x = 0.04
    first = follow(p, lr_x, 1.0, seed=3)["first"]
    assert first == pytest.approx((1.0 - goal()) / lr_x, abs=4)


def test_the_rules_share_the_published_step_of_the_strongly_convex_case():
    assert RULES["published list"][2] == RULES["theory"][2] == 0.05
    assert len(set(RULES["one step"].values())) == 1
    assert RULES["theory"][8] / RULES["theory"][2] == pytest.approx(0.9**18)


def test_an_order_is_one_only_if_every_run_has_it():
    rows = [
        {"rule": "one step", "p": p, "run": i, "first": first}
        for p, firsts in zip((2, 4, 6, 8), ([1, 1], [2, 2], [3, 2], [4, 4]), strict=True)
        for i, first in enumerate(firsts)
    ]
    assert not later_with_p(Findings(rows), "one step")
    assert later_with_p(Findings([row for row in rows if row["run"] == 0]), "one step")
