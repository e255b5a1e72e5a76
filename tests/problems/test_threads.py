"""The number of threads changes nothing but the time."""

from __future__ import annotations

import numpy as np
import pytest
from softmax_formulas import designs, make_data, run

import fastbilevel as fb
from fastbilevel.methods import F2SAp
from fastbilevel.problems import _softmax_regression


def build(design, C, dtype):
    X, y, Xv, yv = make_data(C, dtype, n=300, m=200, d=40)
    X, Xv = designs(X, Xv)[design]
    return fb.problems.LearnToRegularize(X, y, Xv, yv, reduction="sum")


@pytest.mark.slow
@pytest.mark.parametrize("design", ["dense", "csr"])
def test_two_threads_give_the_bits_of_one(design, monkeypatch):
    monkeypatch.setattr(_softmax_regression, "THREADED_FROM", 0)
    options = {"batch_size": 150, "val_batch_size": 100, "order": 4, "maxiter": 10}
    problem = build(design, 3, np.float32)
    one = run(problem, n_threads=1, **options)
    for _ in range(5):
        two = run(problem, n_threads=2, **options)
        for a, b in zip(one, two, strict=True):
            np.testing.assert_array_equal(a, b)


def test_small_steps_stay_on_one_thread(monkeypatch):
    problem = build("dense", 3, np.float64)
    # 40 features, 10 rows of each level, 2 offsets, 3 classes.
    work = 40 * (10 + 10) * 2 * 3

    def is_threaded(n_threads, threshold):
        monkeypatch.setattr(_softmax_regression, "THREADED_FROM", threshold)
        plan = F2SAp(batch_size=10, val_batch_size=10).plan(problem, (0, 0), n_threads)
        return problem._is_threaded(plan)

    assert is_threaded(2, work)
    assert not is_threaded(2, work + 1)
    assert not is_threaded(1, work)
