"""NVRTC takes every kernel as CuPy would hand it over, and the machine code is lean."""

from __future__ import annotations

import concurrent.futures
import functools
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("offline_compile.py")
ARCHITECTURES = ("75", "80", "90", "100", "120")
# Whose machine code is read, too.
READ = "90"
# What a thread may keep in registers: 64 leave room for 1,024 threads on a multiprocessor. Tiles of
# products live in registers; those kernels are launched with 256 threads, which may have all there
# are, 255. Blocks that work alone have 512 threads.
MOST_REGISTERS = 64
MORE_REGISTERS = {
    "dense.update": 128,
    "dense.residuals_of_logits": 104,
    "dense.residuals": 255,
    "dense.forward": 240,
    "dense.backward": 192,
    "dense_curvature.sweep": 255,
    "dense_curvature.sums": 184,
    "dense_curvature.linear_update": 176,
    "dense_descent.descend": 255,
    "barrier.dynamic_barrier": 80,
    "projection.project": 80,
    "proximal.proximal_step": 80,
    "vector.normalized_momentum": 80,
    "csr.residuals": 80,
    "csr_curvature.residuals": 104,
    "softmax.losses": 80,
    "softmax.residual": 96,
    "softmax.curvature": 88,
    "softmax.derivatives": 96,
}
# Kernels that compute in float only if their arrays are float, ...
WITHOUT_DOUBLE = (
    "csr.forward",
    "dense.forward",
    "dense.gather",
    "powers.subtract_targets",
    "projection.box",
    "softmax.residual",
    "softmax.curvature",
    "softmax.derivatives",
)
# ... and those that convert scalars, or the float64 scale of a feature, outside their inner loops.
FEW_DOUBLE = {
    "csr.backward": 4,
    "csr.update": 12,
    "csr_curvature.linear_step": 12,
    "csr_curvature.accumulate": 6,
    "dense.backward": 4,
    "dense.update": 8,
    "dense_curvature.sums": 6,
    "dense_curvature.linear_update": 8,
    "averages.moving_average": 6,
    "averages.saga": 4,
    "linear_system.joint_step": 6,
    "linear_system.scaled_axpy": 4,
    "proximal.smooth": 6,
    "vector.axpy": 4,
    "vector.perturbed_step": 6,
    "vector.scale": 4,
}


def compiled_for(architecture):
    """A process that compiles; the double of CuPy must not be in it."""
    command = [sys.executable, str(SCRIPT), architecture]
    if architecture == READ:
        command.append("--disassemble")
    return subprocess.run(command, capture_output=True, text=True, check=False)


@functools.cache
def processes():
    """All architectures, two at a time: these tests come late, when a worker has nothing to do."""
    pool = concurrent.futures.ThreadPoolExecutor(2)
    return {each: pool.submit(compiled_for, each) for each in ARCHITECTURES}


def report(architecture):
    """What `offline_compile.py` says."""
    for package, wanted in (("cupy", "CuPy"), ("nvidia", "nvidia-cuda-nvrtc")):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{wanted} is not installed: nothing can be compiled for a device")
    done = processes()[architecture].result()
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def family_of(name):
    return name.partition("<")[0]


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_instantiation_compiles_without_spills(architecture):
    kernels = report(architecture)
    assert len(kernels) > 200
    assert {name for name, found in kernels.items() if found["spills"] or found["stack"]} == set()
    allowed = {name: MORE_REGISTERS.get(family_of(name), MOST_REGISTERS) for name in kernels}
    assert {n: f["registers"] for n, f in kernels.items() if f["registers"] > allowed[n]} == {}


@pytest.mark.slow
def test_float_kernels_do_not_compute_in_double_precision():
    kernels = report(READ)
    if any(found["doubles"] is None for found in kernels.values()):
        pytest.skip("nvidia-cuda-nvdisasm is not installed: the machine code cannot be read")
    floats = {n: f["doubles"] for n, f in kernels.items() if "double" not in n}
    for family in (*WITHOUT_DOUBLE, *FEW_DOUBLE):
        counts = {n: c for n, c in floats.items() if family_of(n) == family}
        assert counts, family
        assert max(counts.values()) <= FEW_DOUBLE.get(family, 0), counts
    # The gate sees double precision where it is: these sum in it.
    assert floats["vector.square_sums<float>"] > 0
