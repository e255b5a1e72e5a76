"""NUMBA_BOUNDSCHECK=1, as in `make boundscheck`, makes an index out of range an IndexError."""

import os
import subprocess
import sys

import pytest

# Every way in which the package compiles a function, each with a read beyond the end of an array;
# there is something behind the end, so that a process without checks reads it in peace.
SCRIPT = """
import numba, numpy as np
from fastbilevel._texts.compile import compile_text, pointer_to, specialize
from fastbilevel.kernels import cpu
from fastbilevel.kernels.cpu.jit import build

def make_read(k, index):
    def read(out, x):
        out[0] = x[index]

    return read

def make_caller(k, number):
    def call(oracle, out, x):
        oracle(out, x)
        out[0] += number

    return call

def make_loop(number):
    def loop(out, x, n):
        for i in numba.prange(n):
            out[0] = x[i]

    return loop

def caller():
    read = pointer_to(compile_text(make_read, cpu, 2), (out, x))
    call = specialize(compile_text(make_caller, cpu, 1), (read, out, x))
    return lambda: call(read, out, x)

x, out = np.zeros(8)[:2], np.zeros(1)
functions = {
    "kernel": lambda: build(make_read(cpu, 3))(out, x),
    "fast": lambda: build(make_read(cpu, 4), fastmath=True, inline=True)(out, x),
    "text": lambda: compile_text(make_read, cpu, 5)(out, x),
    "oracle": caller(),
    "threads": lambda: build(make_loop(1), threaded=True)(out, x, 3),
    "package": lambda: cpu.vector.axpy(1.0, x, np.zeros(3)),
}
for name, function in functions.items():
    try:
        function()
        print(name, "read on")
    except IndexError as error:
        print(name, error)
"""
WAYS = ("kernel", "fast", "text", "oracle", "threads", "package")


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT", "0") != "0", reason="nothing is compiled")
@pytest.mark.parametrize(
    ("checked", "said"), [("1", "index is out of bounds"), ("0", "read on")], ids=["on", "off"]
)
def test_an_index_out_of_range_is_an_error_where_bounds_are_checked(checked, said, tmp_path):
    environment = os.environ | {"NUMBA_BOUNDSCHECK": checked, "NUMBA_CACHE_DIR": str(tmp_path)}
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"{way} {said}" for way in WAYS]
