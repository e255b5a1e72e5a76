"""Gaussian noise of the draws: distribution, independence, Numba against the NumPy text."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import fastbilevel.kernels.cpu.draw as cpu
import fastbilevel.kernels.reference.draw as reference

KEY = (0xDEADBEEF, 0x12345678)
# All random numbers here are fixed by their keys, so a law that holds once holds always.
SIGNIFICANCE = 1e-3


def noise(k, m, sample=3, lane=1, key=KEY, dtype=np.float64):
    out = np.full(m, np.nan, dtype)
    k.normals(sample, lane, *key, out)
    return out


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("m", [0, 1, 2, 3, 64, 65])
def test_noise_twins(m, dtype):
    for sample, lane in ((0, 0), (2**53 - 1, 3), (77, 2**14 - 1)):
        ours, theirs = (noise(k, m, sample, lane, dtype=dtype) for k in (cpu, reference))
        np.testing.assert_allclose(ours, theirs, rtol=4 * np.finfo(dtype).eps, atol=1e-15)


def test_a_longer_vector_begins_with_the_shorter_one():
    np.testing.assert_array_equal(noise(cpu, 9)[:4], noise(cpu, 4))


def test_noise_is_standard_normal():
    m = 40_000
    z = noise(cpu, m)
    assert stats.kstest(z, "norm").pvalue > SIGNIFICANCE
    # Moments 1 to 4 are 0, 1, 0, 3 with standard errors sqrt((1, 2, 15, 96) / m).
    for power, mean, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs(np.mean(z**power) - mean) < 4 * np.sqrt(variance / m)
    assert abs(np.corrcoef(z[::2], z[1::2])[0, 1]) < 4 / np.sqrt(m / 2)


def test_samples_lanes_and_keys_have_independent_noise():
    m = 4000
    vectors = [
        noise(cpu, m),
        noise(cpu, m, sample=4),
        noise(cpu, m, sample=3 + 2**32),
        noise(cpu, m, lane=0),
        noise(cpu, m, lane=2),
        noise(cpu, m, key=(KEY[0] + 1, KEY[1])),
    ]
    correlation = np.corrcoef(vectors)[np.triu_indices(len(vectors), 1)]
    assert np.abs(correlation).max() < 4 / np.sqrt(m)


def test_coordinates_across_samples_are_independent():
    z = np.array([noise(cpu, 4, sample=s) for s in range(5000)])
    covariance = z.T @ z / len(z)
    np.testing.assert_allclose(covariance, np.eye(4), atol=4 * np.sqrt(2 / len(z)))
    assert stats.kstest(z[:, 3], "norm").pvalue > SIGNIFICANCE
