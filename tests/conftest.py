"""Settings of all tests: Numba's disk cache, hypothesis, markers."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import pytest
from compiled_sources import source_hash
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]


# Before the first import of numba: a folder of its own for every state of the sources, so that a
# second run is quick and none is stale. A folder chosen by the caller is kept. The workers of a
# parallel run share it: what one has compiled the others load. `make boundscheck` compiles other
# code of the same sources.
CHECKED = "-boundscheck" * (os.environ.get("NUMBA_BOUNDSCHECK", "0") != "0")
FOLDER = ROOT / ".numba_cache" / f"{source_hash(ROOT)}{CHECKED}"
os.environ.setdefault("NUMBA_CACHE_DIR", str(FOLDER))

# Compiling takes seconds, so examples have no deadline; the same examples in every run.
settings.register_profile(
    "fastbilevel",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
# For a search that goes on for minutes: other examples in every run.
settings.register_profile(
    "long", settings.get_profile("fastbilevel"), max_examples=2_000, derandomize=False
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fastbilevel"))


@functools.cache
def _no_device() -> str:
    from backends import no_device

    return no_device()


def pytest_runtest_setup(item):
    """Skip what needs a device where there is none: here, so that one line says so for all."""
    if item.get_closest_marker("gpu") and _no_device():
        pytest.skip(_no_device())


def pytest_configure(config):
    # By their names, files that take long come early and the last ones are short. pytest-xdist
    # would begin with the files of many tests, and leave few that compile for minutes to the end.
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False
    config.addinivalue_line("markers", "slow: takes more than about five seconds")
    config.addinivalue_line("markers", "gpu: runs on a CUDA device; skipped where there is none")
