"""Names, not places: what a contributor can swap is refused in a sentence, before any work."""

from __future__ import annotations

import copy
import pickle
from typing import NamedTuple

import numpy as np
import pytest
from backends import array_library
from small_problems import every_problem

import fastbilevel as fb
from fastbilevel._run.engine import Run
from fastbilevel._schedules import grown
from fastbilevel._texts.protocol import Domain, Oracle, Samplers, record
from fastbilevel.methods import _penalty
from fastbilevel.problems import _softmax_texts
from fastbilevel.problems.oracle_table import FUSED, SIMPLE

PROBLEM = fb.problems.Quadratic.random(3, 4, n=12)
X = np.random.default_rng(0).standard_normal((20, 4))
Y = np.arange(20) % 3


@record
class Other(NamedTuple):
    """The bundle of F2SA in another order."""

    perturbed_gradient: Oracle
    perturbed_descent: Oracle


@record
class Misspelt(NamedTuple):
    perturbed_descend: Oracle
    perturbed_gradient: Oracle


@record
class TooMany(NamedTuple):
    hypergradient: Oracle


class Changed(fb.F2SA):
    """F2SA whose contributor made a mistake: `change` spoils what `where` returns."""

    def __init__(self, where, change):
        super().__init__(lr_z=0.1, lr_x=0.1)
        object.__setattr__(
            self, where, lambda *given: change(getattr(fb.F2SA, where)(self, *given))
        )


def spoilt(where, **fields):
    """`where` with fields that take the values of others."""

    def change(given):
        value, rest = (given[0], given[1:]) if where == "schedules" else (given, None)
        taken = value._replace(**{a: getattr(value, b) for a, b in fields.items()})
        return taken if rest is None else (taken, *rest)

    return Changed(where, change)


def shorter(given):
    schedules, progress = given
    return schedules._replace(lr_x=schedules.lr_x[:1]), progress


def drawing(**fields):
    """Schedules whose first minibatches are counted under other names."""

    def change(given):
        schedules, progress = given
        first, *others = progress.draws
        return schedules, progress._replace(draws=(first._replace(**fields), *others))

    return Changed("schedules", change)


def asking_for(bundle):
    return type("Asking", (fb.F2SA,), {"oracles": bundle})(lr_z=0.1)


def make_reading(k):
    """A text that reads a field that is not there."""

    def chunk(oracles, samplers, state, memory, domain, schedules, fixed, n):
        for t in range(n):
            k.vector.scale(schedules.nu_of_t[t], fixed.offsets, state.weights)

    return chunk


def make_calling(k):
    """A text that calls a kernel that is not there."""

    def chunk(oracles, samplers, state, memory, domain, schedules, fixed, n):
        for t in range(n):
            k.vector.scal(schedules.nu[t], fixed.offsets, state.weights)

    return chunk


def make_swapping(k):
    """A text that hands x and Y to an oracle the wrong way round."""

    def chunk(oracles, samplers, state, memory, domain, schedules, fixed, n):
        descent = oracles.perturbed_descent
        for t in range(n):
            descent.function(
                descent.data, samplers, descent.work, state.Y, state.x, state.weights,
                schedules.lr[t], schedules.steps[t], schedules.first_step[t],
            )  # fmt: skip

    return chunk


def with_text(make):
    return type("Wrong", (fb.F2SA,), {"chunk_text": lambda self: (make,)})(lr_z=0.1)


MISTAKES = {
    "two schedules swapped": (
        spoilt("schedules", steps="lr_x", lr_x="steps"),
        "schedules of f2sa.lr_x must be an array of float64",
    ),
    "a schedule of groups for one of iterations": (
        spoilt("schedules", nu="lr", lr="nu"),
        "schedules of f2sa.nu must be .* with 1 axes; got float64 with 2",
    ),
    "a count for a number": (spoilt("schedules", first_step="lr_x"), "first_step must be .* int64"),
    "a schedule too short": (
        Changed("schedules", shorter),
        "lr_x must have a row for each of 2 iterations",
    ),
    "schedules as a tuple": (
        Changed("schedules", lambda given: (tuple(given[0]), given[1])),
        "schedules of f2sa must be a record",
    ),
    "schedules without their progress": (
        Changed("schedules", lambda given: given[0]),
        "schedules of f2sa must be a pair",
    ),
    "progress first": (Changed("schedules", lambda given: given[::-1]), "must be a pair"),
    "a sampler misspelt": (drawing(sampler="uper"), "Unknown sampler of f2sa: 'uper'. Did you"),
    "a count misspelt": (drawing(calls={"fy": 1}), "Unknown oracle counted by f2sa: 'fy'. Did you"),
    "growth that is no dict": (
        Changed("schedules", lambda given: (given[0], given[1]._replace(growth=None))),
        "progress of f2sa needs a dict of growth",
    ),
    "a number of draws": (drawing(numbers=3), "draws of f2sa.numbers must be an array"),
    "an array for a number": (
        Changed("fixed", lambda given: given._replace(momentum=np.zeros(1))),
        "fixed numbers of f2sa.momentum must be of type float",
    ),
    "a number for an array": (
        Changed("fixed", lambda given: given._replace(alpha=1)),
        "fixed numbers of f2sa.alpha must be an array",
    ),
    "memory as a tuple": (Changed("memory", lambda given: (1.0,)), "memory of f2sa must be a rec"),
    "fixed numbers as a list": (Changed("fixed", list), "fixed numbers of f2sa must be a record"),
    "an oracle misspelt": (
        asking_for(Misspelt),
        "Unknown oracle in Misspelt: 'perturbed_descend'. Did you mean perturbed_descent",
    ),
    "an estimate that the method does not name": (
        asking_for(TooMany),
        "'hypergradient' is asked for, but the method names none",
    ),
    "a field that is not there": (with_text(make_reading), "does not fit .*nu_of_t"),
    "a kernel that is not there": (with_text(make_calling), "does not fit .*no attribute 'scal'"),
    "x and Y swapped in a call": (with_text(make_swapping), "does not fit what it is given"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_of_methods_are_refused_before_any_work(monkeypatch, name):
    method, sentence = MISTAKES[name]
    monkeypatch.setattr(Run, "advance", lambda *given: pytest.fail("the run began"))
    with pytest.raises((TypeError, ValueError), match=sentence) as caught:
        fb.minimize(PROBLEM, method=method)
    assert len(str(caught.value).splitlines()) < 5
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "make",
    [
        lambda: _penalty.Schedules(*[np.ones(1)] * 6),
        lambda: _penalty.Oracles(None, None),
        lambda: _penalty.Fixed(*[1] * 7),
        lambda: Domain(0, X[0], X[0]),
        lambda: Samplers(*[None] * 5),
        lambda: _softmax_texts.Side((X,), Y, X[:, 0], ()),
    ],
)
def test_records_are_not_made_by_place(make):
    with pytest.raises(TypeError, match="takes its fields by name"):
        make()


def test_a_record_names_what_is_missing_and_what_it_does_not_know():
    with pytest.raises(TypeError, match="Domain lacks b; its fields are kind, a, b"):
        Domain(kind=0, a=X[0])
    with pytest.raises(TypeError, match="Domain lacks b and has no field c"):
        Domain(kind=0, a=X[0], c=X[0])


def test_the_order_of_the_oracles_cannot_matter():
    options = {"lr_z": 0.1, "batch_size": 5, "val_batch_size": 4}
    other = type("Ordered", (fb.F2SA,), {"oracles": Other})(**options)
    runs = [fb.minimize(PROBLEM, method=m, maxiter=5) for m in (fb.F2SA(**options), other)]
    np.testing.assert_array_equal(runs[0].x_last, runs[1].x_last)


def test_an_array_that_is_too_short_later_is_not_read_beyond_its_end():
    def late(given):
        return given if given[0].lr_x.size < 3 else shorter(given)

    with pytest.raises(ValueError, match="lr_x must have a row for each of"):
        fb.minimize(PROBLEM, method=Changed("schedules", late), maxiter=10**6)


def test_records_are_values():
    domain = Domain(kind=1, a=np.zeros(2), b=np.ones(2))
    for other in (copy.deepcopy(domain), pickle.loads(pickle.dumps(domain))):
        assert type(other) is Domain
        np.testing.assert_array_equal(other.b, domain.b)


@pytest.mark.parametrize("name", SIMPLE)
def test_the_table_says_what_the_oracles_of_a_problem_answer(name):
    entry = SIMPLE[name]
    vectors = [np.ones(PROBLEM.n_y) for _ in entry.vectors]
    answer = getattr(PROBLEM, name)(np.ones(PROBLEM.n_x), *vectors)
    assert np.size(answer) == entry.size(PROBLEM)
    assert entry.level in name
    assert (entry.answer == "value") == isinstance(answer, float)
    assert [a.size for a in entry.arguments(PROBLEM)[1:-2]] == [PROBLEM.n_y] * len(vectors)


def test_every_fused_oracle_can_be_composed_or_is_an_estimate():
    from fastbilevel._oracles.binding import COMPOSITIONS

    estimates = {name for name, entry in FUSED.items() if entry.kind == "estimate"}
    assert set(COMPOSITIONS) == set(FUSED) - estimates


@pytest.mark.parametrize("name", fb.methods.list())
def test_asking_for_schedules_changes_nothing(name):
    """Asked twice, or for later iterations first, a method answers the same."""
    with array_library("reference"):
        problem = fb.problems.Quadratic.random(3, 4, n=12)
        method = fb.methods.METHODS[name](batch_size=5, val_batch_size=4)
        method = method.complete(problem, problem.x0, problem.y0)
    plan = method.plan(problem, (1, 2), 1)
    totals = {}
    first, progress = method.schedules(plan, 0, 3, totals)
    method.schedules(plan, 3, 2, grown(totals, progress.growth))
    again, _ = method.schedules(plan, 0, 3, totals)
    assert totals == {}
    assert pickle.dumps(first) == pickle.dumps(again)


def test_iterations_in_two_parts_are_those_in_one():
    """Draws and totals do not depend on where a chunk ends, also where every step counts anew."""
    method = fb.ProxF2SA(lr_y=0.1, inner_steps=fb.schedules.Linear(1.0, 1.0))
    plan = method.plan(PROBLEM, (1, 2), 1)
    whole = method.schedules(plan, 0, 5, {})[1]
    one = method.schedules(plan, 0, 2, {})[1]
    two = method.schedules(plan, 2, 3, grown({}, one.growth))[1]
    for draws, a, b in zip(whole.draws, one.draws, two.draws, strict=True):
        np.testing.assert_array_equal(draws.numbers, np.concatenate([a.numbers, b.numbers]))
    assert grown(grown({}, one.growth), two.growth) == grown({}, whole.growth)


@pytest.mark.parametrize("name", every_problem())
def test_every_problem_that_is_registered_answers_as_the_table_says(name):
    with array_library("reference"):
        report = fb.testing.check_problem(every_problem()[name]())
    assert report.errors
