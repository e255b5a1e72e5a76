"""A whole run on real data: a device ends where the CPU does."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from backends import array_library
from methods.test_backends import DEVICES, placed

import fastbilevel as fb

OPTIONS = {
    "method": "f2sa-p",
    "order": 2,
    "batch_size": 64,
    "val_batch_size": 64,
    "maxiter": 60,
    "record_every": 30,
    "lr_y": 0.2,
    "lr_x": 0.35,
    "inner_steps": 5,
}


def digits(sparse):
    X, y = fb.datasets.load_digits()
    order = np.random.default_rng(0).permutation(len(y))
    X, y = X[order], y[order]
    parts = X[:600], y[:600], X[600:900], y[600:900]
    return [sp.csr_matrix(a) if sparse and a.ndim == 2 else a for a in parts]


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "csr"])
@pytest.mark.parametrize("backend", DEVICES)
def test_a_run_on_the_digits_ends_at_the_answer_of_the_cpu(backend, sparse):
    ours = fb.minimize(fb.problems.LearnToRegularize(*digits(sparse)), **OPTIONS)
    with array_library(backend) as xp:
        problem = fb.problems.LearnToRegularize(*placed(xp, digits(sparse)))
        theirs = fb.minimize(problem, **OPTIONS)
        assert isinstance(theirs.x, xp.ndarray)
        x, y = theirs.x_last.get(), theirs.y_last.get()
    assert ours.nit == theirs.nit == 60
    # Penalties have moved, and the model has been trained.
    assert np.abs(ours.x_last).max() > 1
    assert ours.fun < 0.5 < np.log(10)
    np.testing.assert_allclose(x, ours.x_last, rtol=0, atol=1e-8)
    np.testing.assert_allclose(y, ours.y_last, rtol=0, atol=1e-8)
    assert theirs.fun == pytest.approx(ours.fun, rel=1e-9)
