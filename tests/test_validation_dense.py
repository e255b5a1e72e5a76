"""Dtypes and memory layouts of dense data, by the numbers of the list of faults."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given as examples
from hypothesis import strategies as st
from small_data import XV, C, D, M, N, X, Y, data, problem, same


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint16, bool])
def test_fault_13_integers_become_float64(dtype):
    got = data(X=(np.abs(X) > 1).astype(dtype))
    assert got.dtype == got.X.dtype == got.Xv.dtype == np.float64
    np.testing.assert_array_equal(got.X, np.abs(X) > 1)


def test_fault_14_half_precision_becomes_float32_with_a_note(caplog):
    caplog.set_level(logging.INFO, "fastbilevel")
    got = data(X=X.astype(np.float16), Xv=XV.astype(np.float32))
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got.X, X.astype(np.float16))
    assert "X is float16 and is computed in float32." in caplog.messages


def test_fault_14_bfloat16_becomes_float32():
    bfloat16 = pytest.importorskip("ml_dtypes").bfloat16
    got = data(X=X.astype(bfloat16), Xv=XV.astype(bfloat16))
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got.X, X.astype(bfloat16).astype(np.float32))


@pytest.mark.skipif(np.dtype(np.longdouble).itemsize == 8, reason="long double is double here")
def test_fault_14_longdouble_becomes_float64_with_a_warning():
    with pytest.warns(UserWarning, match="X is .* and is computed in float64"):
        got = data(X=X.astype(np.longdouble))
    assert got.dtype == np.float64


@pytest.mark.parametrize("convert", [np.asarray, sp.csr_array])
def test_fault_14_complex_is_refused(convert):
    with pytest.raises(TypeError, match="X must hold real numbers"):
        data(X=convert(X.astype(complex)), Xv=convert(XV))


@pytest.mark.parametrize(
    ("convert", "what"),
    [
        (lambda a: a.astype(object), "got dtype object"),
        (lambda a: a.astype(str), "got dtype <U"),
        (np.ma.masked_array, "masked array"),
        (np.matrix, r"numpy\.matrix"),
    ],
    ids=["object", "strings", "masked", "matrix"],
)
@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_fault_15_arrays_that_do_not_mean_what_they_hold(convert, what):
    with pytest.raises(TypeError, match=what):
        data(X=convert(X))
    with pytest.raises(TypeError, match=what):
        data(Xv=convert(XV))


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_fault_15_labels_and_weights_too():
    with pytest.raises(TypeError, match="masked"):
        data(y=np.ma.masked_array(Y))
    with pytest.raises(TypeError, match="masked"):
        data(sample_weight=np.ma.masked_array(np.ones(N)))


@pytest.mark.parametrize("dtype", [">f8", ">f4", ">i4", ">f2"])
def test_fault_16_big_endian(dtype):
    native = np.dtype(dtype).newbyteorder("=")
    got = data(X=X.astype(dtype), Xv=XV.astype(dtype))
    assert got.X.dtype.isnative
    same(got[:2], data(X=X.astype(native), Xv=XV.astype(native))[:2])


def shapes_of_memory():
    wide = np.zeros((N, 2 * D))
    wide[:, ::2] = X
    backwards = np.ascontiguousarray(X[::-1, ::-1])[::-1, ::-1]
    buffer = np.zeros(X.nbytes + 1, np.uint8)
    unaligned = buffer[1:].view(np.float64).reshape(X.shape)
    unaligned[:] = X
    return {
        "Fortran": np.asfortranarray(X),
        "strided": wide[:, ::2],
        "negative strides": backwards,
        "transposed": np.ascontiguousarray(X.T).T,
        "unaligned": unaligned,
        "list": X.tolist(),
    }


@pytest.mark.parametrize("layout", shapes_of_memory())
def test_fault_17_any_memory_layout_gives_the_same_data(layout):
    given = shapes_of_memory()[layout]
    got = data(X=given).X
    np.testing.assert_array_equal(got, X)
    assert got.flags.c_contiguous
    assert got.flags.aligned


@examples(
    dtype=st.sampled_from(["f2", "f4", "f8", ">f4", ">f8", "i1", "u2", "<i8", ">i4", "?"]),
    steps=st.tuples(*[st.sampled_from([-3, -2, -1, 1, 2, 3])] * 2),
    order=st.sampled_from("CF"),
    frozen=st.booleans(),
)
def test_fault_17_any_view_of_any_dtype_gives_the_same_data(dtype, steps, order, frozen):
    bits = np.random.default_rng(0).integers(0, 2, (3 * N, 3 * D))
    base = np.asarray(bits, dtype=dtype, order=order)
    view = base[:: steps[0], :: steps[1]][:N, :D]
    view.flags.writeable = not frozen
    before = base.copy()
    got = data(X=view, Xv=np.zeros((M, D), view.dtype)).X
    np.testing.assert_array_equal(got, view)
    np.testing.assert_array_equal(base, before)
    assert got.dtype in (np.float32, np.float64)
    assert got.dtype.isnative
    assert got.flags.c_contiguous
    assert not got.flags.writeable


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fault_18_canonical_arrays_are_used_without_a_copy(dtype, tmp_path):
    plain, frozen = X.astype(dtype), XV.astype(dtype)
    frozen.flags.writeable = False
    got = data(X=plain, Xv=frozen)
    assert np.shares_memory(got.X, plain)
    assert np.shares_memory(got.Xv, frozen)
    assert plain.flags.writeable
    assert not got.X.flags.writeable

    mapped = np.memmap(tmp_path / "X", dtype, "w+", shape=X.shape)
    mapped[:] = X
    got = data(X=mapped, Xv=frozen)
    assert np.shares_memory(got.X, mapped)
    assert type(got.X) is np.ndarray


def test_fault_19_arrays_of_another_device():
    gpu = type("ndarray", (), {"__module__": "cupy._core", "shape": X.shape})()
    for name in ("X", "y", "Xv", "yv", "sample_weight"):
        with pytest.raises(TypeError, match="mixture of arrays of CuPy and NumPy"):
            data(**{name: gpu})


@pytest.mark.parametrize("convert", [np.asarray, sp.csr_array])
@pytest.mark.parametrize(
    ("left", "right", "requested", "expected"),
    [
        (np.float32, np.float32, None, np.float32),
        (np.float32, np.float64, None, np.float64),
        (np.float32, np.int64, None, np.float64),
        (np.float64, np.float64, np.float32, np.float32),
        (np.float32, np.float32, "float64", np.float64),
    ],
)
def test_fault_20_one_dtype_for_everything(convert, left, right, requested, expected):
    weight = np.ones(N, np.float16)
    got = data(
        X=convert(X.astype(left)),
        Xv=convert(XV.astype(right)),
        sample_weight=weight,
        dtype=requested,
    )
    for array in (got.X, got.Xv, got.weight, got.weight_v):
        assert array.dtype == expected
    assert got.dtype == expected


def test_fault_20_the_starting_point_is_cast_to_the_dtype_of_the_data():
    p = problem(X.astype(np.float32), XV.astype(np.float32))
    assert p.x0.dtype == p.y0.dtype == np.float32
    assert p.grad_lower_y(np.zeros(D), np.zeros(D * C)).dtype == np.float32


@pytest.mark.parametrize("dtype", [np.float16, int, "complex", "f9"])
def test_fault_20_other_dtypes_cannot_be_requested(dtype):
    with pytest.raises(TypeError, match="dtype must be float32 or float64"):
        data(dtype=dtype)
