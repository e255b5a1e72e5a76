"""The dense kernels for CPUs with other vector registers."""

from __future__ import annotations

import pytest
from other_cpus import assert_tests_pass, host_can_run, run_python

# Bytes and number of the vector registers: AVX2, which has fused multiply-add, and SSE2 without.
REGISTERS = {"haswell": (32, 16), "generic": (16, 16)}
# Compiling takes seconds, so one case of every kind.
SELECTION = (
    "test_dense.py::test_step_parity[2-2-float32]",
    "test_dense.py::test_step_parity[11-2-float64]",
    "test_dense.py::test_product_parity[10-float32]",
    "test_dense.py::test_transposed_blocks_parity[65-float32]",
)
# As in `test_cpu_targets`, on the other CPU.
THREADS = {
    "haswell": (),
    "generic": ("test_dense_threads.py::test_threads_do_not_change_a_bit[panels-float32]",),
}


@pytest.mark.parametrize("target", REGISTERS)
def test_registers_are_those_of_the_target(target):
    if not host_can_run(target):
        pytest.skip(f"this machine cannot run code for {target}")
    program = "from fastbilevel.kernels.cpu import tiles; print(*tiles.registers())"
    done = run_python(target, "-c", program)
    assert tuple(int(word) for word in done.stdout.split()) == REGISTERS[target]


@pytest.mark.slow
@pytest.mark.parametrize("target", REGISTERS)
def test_parity_on_other_cpus(target):
    if not host_can_run(target):
        pytest.skip(f"this machine cannot run code for {target}")
    assert_tests_pass(target, SELECTION + THREADS[target])
