"""The dense step gives the same bits for any number of threads."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from dense_cases import BINARY, SMALL, Case

from fastbilevel.kernels import layout_dense
from fastbilevel.kernels.cpu import dense

# Fewer strips than threads; several panels; several groups of panels between barriers.
SIZES = {
    "little": {"d": 15, "batch": 5, "val_batch": 3, "steps": 30},
    "panels": {"d": 150, "batch": 200, "val_batch": 77, "steps": 20},
    "groups": {"d": 90, "batch": 1500, "val_batch": 1100, "steps": 10, "n": 1600, "n_val": 1200},
}
dtypes = pytest.mark.parametrize("dtype", SMALL, ids=["float32", "float64"])


@dtypes
@pytest.mark.parametrize("size", SIZES)
def test_threads_do_not_change_a_bit(size, dtype):
    serial = Case(*SMALL[dtype], **SIZES[size]).run()
    assert np.isfinite(serial.V).all()
    for repetition in range(10):
        threaded = Case(*SMALL[dtype], **SIZES[size]).run(threads=1 + repetition % 5)
        np.testing.assert_array_equal(threaded.V, serial.V)


def test_the_sizes_are_what_they_are_called():
    together = layout_dense.GROUP * layout_dense.PANEL
    assert sum(SIZES["panels"][k] for k in ("batch", "val_batch")) < together
    assert sum(SIZES["groups"][k] for k in ("batch", "val_batch")) > 2 * together


def test_threads_do_not_change_a_bit_of_transposed_blocks():
    options = {"d": 22, "batch": 64, "steps": 10, "fixed": True}
    serial = Case(*BINARY[np.float32], **options).run()
    for threads in (1, 2, 3):
        threaded = Case(*BINARY[np.float32], **options).run(threads=threads)
        np.testing.assert_array_equal(threaded.V, serial.V)


def test_more_threads_than_work_is_fine():
    one, many = (Case(*SMALL[np.float64], d=2, batch=1, val_batch=1) for _ in range(2))
    many.run(threads=numba.config.NUMBA_NUM_THREADS + 20)
    np.testing.assert_array_equal(many.V, one.run().V)


def test_parallel_loops_are_not_joined():
    """Numba would join two loops of equal length, but the second one needs all of the first."""
    # Compiled anew: code from the disk cache has no diagnostics.
    function = dense.descent_step_threaded.py_func
    step = numba.njit(parallel=True, error_model="numpy")(function)
    case = Case(*SMALL[np.float32])
    (rows_g, block_g), (rows_f, block_f) = (level[0] for level in case.plan)
    work = layout_dense.workspace(case.d, 40, 40, case.g, case.C, case.dtype)
    step(
        case.sides[0], rows_g, block_g, case.sides[1], rows_f, block_f, case.x, case.weights,
        case.penalty, case.lr, case.V, np.ones(1), work, case.g, case.C, case.kind, 0.0, 2,
    )  # fmt: skip
    (signature,) = step.signatures
    diagnostics = step.get_metadata(signature)["parfor_diagnostics"]
    assert not diagnostics.fusion_info
    assert diagnostics.count_parfors() == 3
