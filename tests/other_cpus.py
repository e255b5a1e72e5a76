"""Running tests with code for other CPUs than this one."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

from llvmlite import binding

TESTS = Path(__file__).parent


def host_can_run(target):
    """Whether this machine has the instructions of the target."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return False
    features = binding.get_host_cpu_features()
    return target == "generic" or all(features.get(f) for f in ("avx2", "fma", "bmi2", "lzcnt"))


def run_python(target, *arguments):
    """Run Python with Numba compiling for `target`, in a cache folder of its own.

    Without an own list of features Numba would keep those of this machine, AVX-512 included.
    """
    here = os.environ["NUMBA_CACHE_DIR"]
    environment = os.environ | {
        "NUMBA_CPU_NAME": target,
        "NUMBA_CPU_FEATURES": "",
        "NUMBA_CACHE_DIR": f"{here}-{target}",
    }
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=TESTS.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def assert_tests_pass(target, selection):
    """Run the tests named in `selection`, relative to the folder of the kernel tests."""
    pytest = "-m", "pytest", "-q", "-p", "no:cacheprovider"
    done = run_python(target, *pytest, *(str(TESTS / "kernels" / name) for name in selection))
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout
