"""Tests of one kernel family run on all backends and at both precisions."""

from __future__ import annotations

import numpy as np
import pytest
from backends import BACKENDS, HostCalls, array_library, kernels_of
from compiled_calls import CompiledCalls


@pytest.fixture(params=BACKENDS)
def k(request):
    """The family after which the test file is named."""
    family = request.module.__name__.rpartition("test_")[2]
    home = getattr(kernels_of(request.param), family)
    with array_library(request.param) as xp:
        yield CompiledCalls(home) if xp is np else HostCalls(xp, home)


@pytest.fixture(params=[np.float32, np.float64], ids=["float32", "float64"])
def dtype(request):
    return request.param
