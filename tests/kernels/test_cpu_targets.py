"""The same kernels for other CPUs, and how those that contain intrinsics are compiled."""

from __future__ import annotations

import importlib
import os
import pkgutil
import platform
import subprocess
import sys
from pathlib import Path

import numba
import pytest
from llvmlite import binding
from numba.core.extending import _Intrinsic

import fastbilevel.kernels.cpu as kernels

TESTS = Path(__file__).parent
PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
# Compiling takes seconds, so one case of every kind.
SELECTION = (
    "test_vector_exp.py",
    "test_softmax.py::test_residual_parity[20-float32]",
    "test_softmax.py::test_residual_parity[5-float64]",
    "test_softmax.py::test_losses_parity[17-float32]",
    "test_csr.py::test_product_parity[52-int32-float32]",
    "test_csr.py::test_product_parity[17-int64-float64]",
    "test_csr.py::test_step_parity[C3]",
)
# Threads cost as much as all of these. Without fast-math flags a CPU has no say in what they do, so
# one is enough; `test_dense_targets` takes the other.
THREADS = {
    "haswell": ("test_csr_threads.py::test_threads_do_not_change_a_bit[blocks-lazy-float32]",),
    "generic": (),
}


def host_can_run(target):
    """Whether this machine has the instructions of the target."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return False
    features = binding.get_host_cpu_features()
    return target == "generic" or all(features.get(f) for f in ("avx2", "fma", "bmi2", "lzcnt"))


@pytest.mark.slow
@pytest.mark.parametrize("target", ["haswell", "generic"])
def test_parity_on_other_cpus(target):
    """AVX2 with fused multiply-add, and plain SSE2 without."""
    if not host_can_run(target):
        pytest.skip(f"this machine cannot run code for {target}")
    here = os.environ["NUMBA_CACHE_DIR"]
    environment = os.environ | {"NUMBA_CPU_NAME": target, "NUMBA_CACHE_DIR": f"{here}-{target}"}
    tests = [str(TESTS / name) for name in SELECTION + THREADS[target]]
    done = subprocess.run(
        [*PYTEST, *tests],
        cwd=TESTS.parents[1],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout


def kernels_with_intrinsics():
    """Compiled functions that call an intrinsic, by name."""
    found = {}
    for module_info in pkgutil.iter_modules(kernels.__path__):
        module = importlib.import_module(f"{kernels.__name__}.{module_info.name}")
        for value in vars(module).values():
            if not isinstance(value, numba.core.registry.CPUDispatcher):
                continue
            function = value.py_func
            called = (function.__globals__.get(name) for name in function.__code__.co_names)
            if any(isinstance(v, _Intrinsic) for v in called):
                found[f"{module_info.name}.{function.__name__}"] = value
    return found


def test_kernels_with_intrinsics_are_compiled_without_fastmath():
    found = kernels_with_intrinsics()
    assert {"csr._residuals", "csr._step_by_features", "softmax.residual"} <= found.keys()
    assert [n for n, kernel in found.items() if kernel.targetoptions.get("fastmath")] == []
