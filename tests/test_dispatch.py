"""Kernels are chosen by the types of the arrays alone."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse as sp
from backends import array_library

import fastbilevel as fb
from fastbilevel._arrays.dispatch import backend_of, require_device
from fastbilevel.kernels import cpu, cuda


def array_of(library: str):
    """A stand-in for an array of a library that need not be installed."""
    kind = type("ndarray", (), {"__module__": f"{library}._core", "shape": (2,), "dtype": "f4"})
    return kind()


@pytest.mark.parametrize(
    "value",
    [
        np.zeros((2, 2)),
        np.zeros(2, np.float32),
        sp.csr_matrix((2, 2)),
        sp.coo_array((2, 2)),
        [[1.0, 2.0]],
        1.0,
        None,
    ],
    ids=lambda v: type(v).__name__,
)
def test_numpy_sparse_and_plain_values_get_the_numba_kernels(value):
    assert backend_of(value) is cpu
    assert backend_of(np.zeros(1), value) is cpu


NUMPY_JOB = """
import numpy as np, scipy.sparse as sp, fastbilevel as fb
rng = np.random.default_rng(0)
X, y = rng.standard_normal((40, 5)), np.arange(40) % 2
for rows in (X, sp.csr_matrix(X)):
    problem = fb.problems.LearnToRegularize(rows[:25], y[:25], rows[25:], y[25:])
    fb.minimize(problem, batch_size=8, val_batch_size=6, lr_y=0.5, maxiter=2)
    fb.solve_lower(problem, problem.x0)
"""


def libraries_imported_by(script, folder):
    """Which of cupy and cupyx, both there to be found in `folder`, a script imports."""
    for name in ("cupy", "cupyx"):
        package = folder / name
        package.mkdir(exist_ok=True)
        # Said even where the importer would catch an error or forget the module again.
        (package / "__init__.py").write_text(f"print('imported {name}', flush=True)\n")
    path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-c", script]
    environment = os.environ | {"PYTHONPATH": path}
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout.split("\n")[:-1]


def test_numpy_input_never_imports_cupy(tmp_path):
    assert libraries_imported_by(NUMPY_JOB, tmp_path) == []


@pytest.mark.parametrize("name", ["cupy", "cupyx"])
def test_an_import_of_cupy_would_be_noticed(name, tmp_path):
    script = f"{NUMPY_JOB}\ntry:\n    import {name}\nexcept ImportError:\n    pass\n"
    assert libraries_imported_by(script, tmp_path) == [f"imported {name}"]


def test_cupy_arrays_dense_and_sparse_get_the_cuda_kernels():
    with array_library("emulated") as cp:
        sparse = sys.modules["cupyx.scipy.sparse"].csr_matrix(sp.csr_matrix(np.eye(2)))
        assert backend_of(cp.zeros(1), sparse, [1.0], None) is cuda


class Broken:
    """CuPy on a machine whose driver is too old."""

    def zeros(self, n):
        raise OSError("cudaErrorInsufficientDriver")


def test_fault_62_a_broken_device_is_named_before_any_work():
    with pytest.raises(RuntimeError, match=r"InsufficientDriver.*cupy\.asnumpy"):
        require_device(Broken())


def test_fault_19_a_mixture_is_refused_with_advice():
    with pytest.raises(TypeError, match=r"mixture of arrays of CuPy and NumPy.*cupy\.asnumpy"):
        backend_of(np.zeros(2), array_of("cupy"))
    with pytest.raises(TypeError, match=r"mixture of arrays of CuPy and NumPy"):
        backend_of(array_of("cupyx"), sp.csr_matrix((2, 2)))


def test_fault_19_a_start_on_another_device_is_refused():
    host = fb.problems.Quadratic.random(2, 3)
    with array_library("emulated") as cp:
        device = fb.problems.Quadratic(*(cp.asarray(a[0]) for a in (host._H, host._B, host._F)))
        with pytest.raises(TypeError, match=r"holds CuPy arrays.*cupy\.asarray"):
            fb.minimize(device, x0=np.zeros(2))
        with pytest.raises(TypeError, match=r"holds NumPy arrays.*cupy\.asnumpy"):
            fb.minimize(host, x0=cp.zeros(2))
        with pytest.raises(TypeError, match=r"holds CuPy arrays"):
            device.grad_lower_y(np.zeros(2), np.zeros(3))


@pytest.mark.parametrize(
    ("library", "advice"), [("dask", r"\.compute\(\)"), ("jaxlib", "asarray"), ("torch", "detach")]
)
def test_arrays_of_other_libraries_are_not_converted_silently(library, advice):
    with pytest.raises(TypeError, match=advice):
        backend_of(array_of(library))


def test_a_subclass_of_a_foreign_array_is_foreign():
    kind = type("Mine", (type(array_of("torch")),), {"__module__": "mine"})
    with pytest.raises(TypeError, match="PyTorch"):
        backend_of(kind())


SCRIPT = """
import numpy as np, fastbilevel as fb
X, y = fb.datasets.load_digits()
problem = fb.problems.LearnToRegularize(X[:40], y[:40] % 2, X[40:70], y[40:70] % 2)
result = fb.minimize(problem, batch_size=8, val_batch_size=6, lr_y=0.5, maxiter=3)
print(result.backend, *result.x_last[:20:5])
"""


def test_without_compilation_the_reference_kernels_run():
    ends = {}
    for disabled in ("0", "1"):
        environment = {**os.environ, "NUMBA_DISABLE_JIT": disabled}
        run = subprocess.run(
            [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True
        )
        assert run.returncode == 0, run.stderr
        backend, *x = run.stdout.split()
        ends[backend] = [float(value) for value in x]
    assert ends["reference"] == pytest.approx(ends["cpu"], rel=1e-10, abs=1e-12)
