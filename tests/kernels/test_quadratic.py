"""Quadratic kernels: the Numba twins against the NumPy text, every buffer."""

import numpy as np
import pytest

import fastbilevel.kernels.cpu.quadratic as cpu
import fastbilevel.kernels.reference.quadratic as reference

RNG = np.random.default_rng(0)


def case(name, samples, p, q, rows):
    if name == "add_product":
        return [RNG.standard_normal((samples, p, q)), rows, RNG.standard_normal(q), 0.7,
                RNG.standard_normal(p)]  # fmt: skip
    if name == "add_transposed_product":
        return [RNG.standard_normal((samples, q, p)), rows, RNG.standard_normal(q), -1.3,
                RNG.standard_normal(p)]  # fmt: skip
    if name == "add_vector":
        return [RNG.standard_normal((samples, p)), rows, 0.4, RNG.standard_normal(p)]
    if name == "add_noise":
        return [rows, 2, 0.5, 11, 12, np.zeros(p), RNG.standard_normal(p)]
    return [RNG.standard_normal(p), RNG.standard_normal(p), 2.0, np.array([0.25])]


NAMES = ("add_product", "add_transposed_product", "add_vector", "add_noise", "add_dot")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("samples", "p", "q"), [(1, 1, 1), (1, 3, 5), (7, 4, 2)])
@pytest.mark.parametrize("rows", [[0], [2, 0, 2, 6]])
def test_twins_leave_the_same_buffers(name, samples, p, q, rows):
    arguments = case(name, samples, p, q, np.array(rows, np.int64) % samples)
    copies = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
    getattr(reference, name)(*arguments)
    getattr(cpu, name)(*copies)
    for ours, theirs in zip(copies, arguments, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("module", [cpu, reference])
def test_no_rows_stand_for_the_expectation(module):
    rows, out = np.empty(0, np.int64), np.ones(3)
    module.add_noise(rows, 0, 1.0, 1, 2, np.zeros(3), out)
    np.testing.assert_array_equal(out, 1.0)
    module.add_vector(np.full((1, 3), 2.0), rows, 1.0, out)
    np.testing.assert_array_equal(out, 3.0)
