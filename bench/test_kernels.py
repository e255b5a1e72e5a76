"""Micro-benchmarks of the kernels with pytest-benchmark, for comparing two commits.

Run `pytest bench/test_kernels.py --benchmark-autosave`, then with `--benchmark-compare`.
"""

from __future__ import annotations

import numpy as np
import pytest

from fastbilevel._rates.data_cases import cases


def _name(case):
    return f"{case.kernel} {case.size}"


@pytest.mark.parametrize("case", [*cases(np.dtype(np.float32))], ids=_name)
def test_kernel(benchmark, case):
    case.run(1)
    benchmark(case.run, 1)
    each = benchmark.stats.stats.median / case.calls
    benchmark.extra_info["GB/s"] = case.touched / each * 1e-9
    benchmark.extra_info["GFLOP/s"] = case.operations / each * 1e-9
