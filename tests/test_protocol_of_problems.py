"""Data, work and oracles of a problem that are not what the protocol says are refused."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import fastbilevel as fb
from fastbilevel._texts.compile import texts_of
from fastbilevel.kernels import reference

X = np.random.default_rng(0).standard_normal((20, 4))
Y = np.arange(20) % 3

SWAPPED = {
    "labels and weights of a side": (
        lambda p: p._sides[0]._replace(labels=p._sides[0].weight),
        "train.labels must be an array of integer",
    ),
    "weights and labels of a side": (
        lambda p: p._sides[0]._replace(weight=p._sides[0].labels),
        "train.weight must be an array of floating",
    ),
    "a side as a tuple": (tuple, "The data of perturbed_descent.train must be"),
}


@pytest.mark.parametrize("name", SWAPPED)
def test_swapped_data_of_a_problem_are_refused(monkeypatch, name):
    change, sentence = SWAPPED[name]
    problem = fb.problems.LearnToRegularize(X[:12], Y[:12], X[12:], Y[12:])
    data = problem.fused_arguments

    def swapped(plan, names):
        side = tuple(problem._sides[0]) if change is tuple else change(problem)
        return {
            each: (given._replace(train=side), work)
            for each, (given, work) in data(plan, names).items()
        }

    monkeypatch.setattr(problem, "fused_arguments", swapped)
    monkeypatch.setattr(problem, "kernels", reference)
    with pytest.raises(TypeError, match=sentence):
        fb.minimize(problem, method="f2sa", lr_z=0.1)


def test_a_fused_oracle_without_data_is_not_composed_silently(monkeypatch):
    problem = fb.problems.LearnToRegularize(X[:12], Y[:12], X[12:], Y[12:])
    monkeypatch.setattr(problem, "fused_arguments", lambda plan, names: {})
    with pytest.raises(TypeError, match="must give data and work of perturbed_descent"):
        fb.minimize(problem, method="f2sa", lr_z=0.1)


def make_wrong_oracles(k):
    def value_upper(data, work, x, y, rows, out):
        out[0] = data.roh

    return {"value_upper": value_upper}


@pytest.mark.parametrize(
    ("where", "change", "sentence"),
    [
        ("texts", lambda given: texts_of(make_wrong_oracles), "value_upper .* does not fit .*roh"),
        ("evaluation_arguments", lambda given: (tuple(given[0]), given[1]), "data of .* record"),
        ("evaluation_arguments", lambda given: given[::-1], "does not fit"),
    ],
)
def test_mistakes_of_problems_are_said_in_a_sentence(monkeypatch, where, change, sentence):
    problem = fb.problems.Quadratic.random(2, 3)
    right = getattr(problem, where)
    monkeypatch.setattr(problem, where, lambda *given: change(right(*given)))
    with pytest.raises(TypeError, match=sentence) as caught:
        problem.value_upper(problem.x0, problem.y0)
    assert len(str(caught.value).splitlines()) < 5


def test_an_oracle_that_is_not_in_the_table_is_refused(monkeypatch):
    module = sys.modules[fb.problems.hard.SinePL.__module__]
    monkeypatch.setattr(module, "make_oracles", lambda k: {"value_lowr": make_wrong_oracles})
    with pytest.raises(TypeError, match=r"Unknown oracle of SinePL: .* Did you mean value_lower"):
        fb.problems.hard.SinePL().value_lower([1.0], [0.0])
    problem = fb.problems.Quadratic.random(2, 3)
    monkeypatch.setattr(problem, "fused_texts", lambda plan: {"perturbed_descend": (None,)})
    with pytest.raises(TypeError, match="Did you mean perturbed_descent"):
        fb.minimize(problem, lr_y=0.1)
