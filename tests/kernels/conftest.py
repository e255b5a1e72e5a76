"""Tests of one kernel family run on both backends and at both precisions."""

from __future__ import annotations

import numpy as np
import pytest

from fastbilevel.kernels import cpu, reference


@pytest.fixture(params=[reference, cpu], ids=["reference", "cpu"])
def k(request):
    """The family after which the test file is named."""
    return getattr(request.param, request.module.__name__.rpartition("test_")[2])


@pytest.fixture(params=[np.float32, np.float64], ids=["float32", "float64"])
def dtype(request):
    return request.param
