"""Iterates with minibatches of one row, which must be those of the rows drawn.

The trace gets the rows from the samplers of the run: the stream of every role, and the number of
the draw within it. That every estimate of a method takes its own rows, or the same at both points,
is thereby tested on real noise.
"""

import itertools
from fractions import Fraction

import pytest
from methods.hand_traces import Sample, at
from methods.second_order_values_memory import BLOCKS
from methods.test_iterates import quadratic
from methods.test_second_order_iterates import CASES, agree, run

from fastbilevel._texts.samplers import (
    LINEAR,
    LOWER,
    OUTER_LOWER,
    OUTER_UPPER,
    key_of,
    make_sampler,
)
from fastbilevel.kernels.reference.draw import draw_batch

STREAMS = {"lower": LOWER, "upper": OUTER_UPPER, "cross": OUTER_LOWER, "linear": LINEAR}


def numbers(case):
    """Lower gradients of outer iteration k as a function, and products with H of each estimate."""
    o = case.options
    if case.method in ("unibio", "bo-rep"):
        # Epoch-SGD in iterations 0 and 2: 2 + 4 steps, BO-REP's second time lower_budget.
        return (lambda k: (6, 0, 6 if case.method == "unibio" else 3)[k]), o["neumann_steps"]
    if case.method == "bsa" and "inner_steps" not in o:
        steps = (1, 2, 2).__getitem__
    else:
        steps = lambda k: at(o.get("inner_steps", 1), k)  # noqa: E731
    products = o.get("neumann_steps", o.get("linear_steps", 0))
    return steps, 2 * products if case.method == "galet" else products


def drawn_rows(case, seed, sampling, streams=STREAMS):
    """draws(role, k, t) of the trace, with the rows that the run draws."""
    lower, products = numbers(case)

    def row_number(role, k, t):
        if case.method == "vrbo":
            return spider_number(case.options, role, k, t)
        if role == "lower":
            return sum(lower(i) for i in range(k)) + t
        return k * products + t if role == "linear" else k

    def draws(role, k, t):
        number, stream = row_number(role, k, t), streams[role.removeprefix("fresh ")]
        sampler = make_sampler(3, 1, sampling, stream, key_of(seed), False).arrays()
        return BLOCKS[int(draw_batch(sampler, number, 0)[0][0])]

    return draws


def spider_number(options, role, k, t):
    """VRBO numbers its estimates, refreshing ones first; each has Q products with H."""
    period, refreshing, Q = (options[n] for n in ("period", "refresh_batches", "neumann_steps"))

    def refreshes(i):
        return refreshing if i % period == 0 else 0

    before = sum(refreshes(i) + options["inner_steps"] + 1 for i in range(k))
    before += 0 if role.startswith("fresh") else refreshes(k)
    return before * Q + t if role.endswith("linear") else before + t


METHODS = {
    "stocbio": "stocbio",
    "bsa": "bsa, Q = 1",
    "ttsa": "ttsa, Q = 1",
    "galet": "galet",
    "amigo": "amigo",
    "soba": "soba",
    "ma-soba": "ma-soba",
    "mrbo": "mrbo, two samples",
    "sustain": "sustain, two samples",
    "vrbo": "vrbo, two samples",
    "unibio": "unibio",
    "bo-rep": "bo-rep",
}


@pytest.mark.parametrize("sampling", ["blocks", "replacement", "epochs"])
@pytest.mark.parametrize("method", METHODS)
def test_iterates_are_those_of_the_rows_drawn(method, sampling):
    case, problem = CASES[METHODS[method]], quadratic(*BLOCKS)
    batches = {"batch_size": 1, "val_batch_size": 1, "sampling": sampling}
    different = set()
    for seed in range(3):
        steps = case.derived(draws=drawn_rows(case, seed, sampling))
        assert agree(run(case, problem, seed=seed, **batches), steps)
        different.add(steps[-1][0])
    assert len(different) > 1 or method in ("unibio", "bo-rep")


@pytest.mark.parametrize("name", ["bsa, Q = 3", "ttsa, Q = 3", "sustain, Q = 3"])
def test_every_factor_of_the_random_power_has_its_own_row(name):
    """Again exactly one sequence of P fits, the one that the count of products confirms."""
    case, problem = CASES[name], quadratic(*BLOCKS)
    points = 2 if case.method == "sustain" else 1
    for seed in range(3):
        draws, fitting = drawn_rows(case, seed, "replacement"), []
        seen = run(case, problem, seed=seed, batch_size=1, val_batch_size=1, sampling="replacement")
        for P in itertools.product(range(3), repeat=3):
            if agree(seen, case.derived(powers=P.__getitem__, draws=draws)):
                fitting.append(P)
        assert [points * sum(P) for P in fitting] == [seen[-1].calls["hvp"]]


@pytest.mark.parametrize(
    ("method", "role", "stream"),
    [
        # G_xy on a minibatch of the upper level, or on that of the lower steps.
        ("unibio", "cross", OUTER_UPPER),
        ("bo-rep", "cross", OUTER_UPPER),
        ("stocbio", "cross", LOWER),
        ("ttsa", "cross", LOWER),
        # Gradients of f on a minibatch of the lower level.
        ("mrbo", "upper", OUTER_LOWER),
        ("sustain", "upper", OUTER_LOWER),
        # Products with H on the minibatch of G_xy.
        ("amigo", "linear", OUTER_LOWER),
        ("galet", "linear", OUTER_LOWER),
    ],
)
def test_rows_of_another_stream_would_be_seen(method, role, stream):
    case, problem = CASES[METHODS[method]], quadratic(*BLOCKS)
    wrong = {**STREAMS, role: stream}
    batches = {"batch_size": 1, "val_batch_size": 1, "sampling": "replacement"}
    for seed in range(2):
        steps = case.derived(draws=drawn_rows(case, seed, "replacement", wrong))
        assert not agree(run(case, problem, seed=seed, **batches), steps)


def block_sampler(n, batch, stream, seed):
    return make_sampler(n, batch, "blocks", stream, key_of(seed), False).arrays()


def mean_of(rows):
    return Sample(
        *(sum(column) / len(rows) for column in zip(*(BLOCKS[i] for i in rows), strict=True))
    )


def level(sampler):
    """The blocks of a level as samples, and their shares of the rows."""
    order, batch = sampler[0], sampler[4]
    parts = [order[i : i + batch] for i in range(0, len(order), batch)]
    return [mean_of(part) for part in parts], [Fraction(len(part), len(order)) for part in parts]


@pytest.mark.parametrize("memory", ["zeros", "full"])
@pytest.mark.parametrize(("rows", "upper_rows"), [(1, 1), (2, 1), (1, 2), (2, 2)])
def test_the_tables_of_saba_belong_to_the_blocks_drawn(memory, rows, upper_rows):
    """Blocks of 1, 1, 1 or of 2, 1 rows: entries by block, and shares 2/3 and 1/3."""
    case, problem = CASES["saba"], quadratic(*BLOCKS)
    for seed in range(4):
        lower = block_sampler(3, rows, LOWER, seed)
        upper = block_sampler(3, upper_rows, OUTER_UPPER, seed)
        steps = case.derived(
            lower=level(lower),
            upper=level(upper),
            drawn=lambda k, lower=lower, upper=upper: (
                draw_batch(lower, k, 0)[1],
                draw_batch(upper, k, 0)[1],
            ),
            initial_memory=memory,
        )
        seen = run(
            case, problem, batch_size=rows, val_batch_size=upper_rows, seed=seed,
            initial_memory=memory,
        )  # fmt: skip
        assert agree(seen, steps)
