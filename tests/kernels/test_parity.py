"""Every twin against the NumPy text; and that the comparison would notice a difference."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
from backends import BACKENDS, array_library, kernels_of
from compiled_calls import compiled
from kernel_cases import CASES, DTYPES, assert_same, changed, outcome

EACH = pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if "descent_step" in name else [])
        for name in sorted(CASES)
    ],
)
EACH_DTYPE = pytest.mark.parametrize("dtype", DTYPES, ids=["float32", "float64"])
# Dense iterates have no scale to bring in, and dense linear steps leave nothing to do.
DO_NOTHING = ("dense.flush", "dense_curvature.finish")


def kernel(backend, name):
    family, function = name.split(".")
    home = importlib.import_module(f"{kernels_of(backend).__name__}.{family}")
    return compiled(getattr(home, function))


@EACH
@EACH_DTYPE
@pytest.mark.parametrize("backend", [name for name in BACKENDS if name not in ("reference", "cpu")])
def test_twins_leave_the_same_buffers(name, dtype, backend):
    compare(name, dtype, backend)


# Compiling takes most of the time. The loop with threads differs from the one without by the name
# of the step that it calls, whose threads are tested in both types elsewhere.
@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        pytest.param(name, dtype, id=f"cpu-{np.dtype(dtype)}-{name}")
        for name in sorted(CASES)
        for dtype in DTYPES
        if dtype is np.float64 or not name.endswith(".descend_threaded")
    ],
)
def test_compiled_twins_leave_the_same_buffers(name, dtype):
    compare(name, dtype, "cpu")


def compare(name, dtype, backend):
    with array_library(backend) as xp:
        twin = kernel(backend, name)
        for case in CASES[name](dtype):
            theirs = outcome(kernel("reference", name), case, wide=True)
            assert_same(outcome(twin, case, xp=xp), theirs, case)


@EACH
@EACH_DTYPE
def test_a_twin_that_does_nothing_would_be_noticed(name, dtype):
    noticed = []
    for case in CASES[name](dtype):
        theirs = outcome(kernel("reference", name), case, wide=True)
        noticed.append(bool(changed(case, theirs)))
        if noticed[-1]:
            with pytest.raises(AssertionError):
                assert_same(outcome(lambda *arguments: None, case), theirs, case)
    assert any(noticed) == (name not in DO_NOTHING)


@EACH
@EACH_DTYPE
def test_a_twin_that_is_wrong_in_one_element_would_be_noticed(name, dtype):
    for case in CASES[name](dtype):
        theirs = outcome(kernel("reference", name), case, wide=True)
        for item, element in changed(case, theirs):
            wrong = outcome(kernel("reference", name), case)
            if element >= 0 and np.isfinite(wrong[item].reshape(-1)[element]):
                part = wrong[item].reshape(-1)
                part[element] += 1 if part.dtype.kind == "i" else 1e-3 * abs(part[element]) + 1e-30
                with pytest.raises(AssertionError):
                    assert_same(wrong, theirs, case)
