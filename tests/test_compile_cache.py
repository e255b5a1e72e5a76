"""Machine code that different processes have left on disk is not mixed up."""

import fcntl
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from fastbilevel._texts.compile import compile_text, pointer_to
from fastbilevel.kernels import cpu

TEXTS = """
def make_number(k, number):
    def write(out):
        out[0] = number

    return write


def make_loop(k, number):
    def loop(oracles, out):
        first, second = oracles
        first(out[1:2])
        second(out[2:3])
        out[0] = number

    return loop
"""

PROCESS = """
import sys
import numpy as np
from texts import make_loop, make_number
from fastbilevel._texts.compile import compile_text, pointer_to, specialize
from fastbilevel.kernels import cpu

first, second, last = (int(word) for word in sys.argv[1:])
out = np.zeros(4)
numbers = (compile_text(make_number, cpu, n) for n in (first, second))
oracles = tuple(pointer_to(number, (out,)) for number in numbers)
loop = specialize(compile_text(make_loop, cpu, last), (oracles, out))
loop(oracles, out)
print(*out[[1, 2, 0]].astype(int))
"""


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT", "0") != "0", reason="nothing is compiled")
def test_texts_of_one_maker_compiled_by_different_processes_stay_apart(tmp_path):
    """The third process loads texts that the first two have compiled as their first ones."""
    (tmp_path / "texts.py").write_text(TEXTS)
    (tmp_path / "process.py").write_text(PROCESS)
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}

    def numbers(*wanted):
        done = subprocess.run(
            [sys.executable, str(tmp_path / "process.py"), *map(str, wanted)],
            env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return [int(word) for word in done.stdout.split()]

    for wanted in ([1, 2, 3], [4, 5, 6], [7, 1, 8], [4, 1, 3], [2, 5, 8]):
        assert numbers(*wanted) == wanted


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT", "0") != "0", reason="nothing is compiled")
def test_a_process_that_saves_code_waits_for_the_others():
    namespace = {}
    exec(compile(TEXTS, __file__, "exec"), namespace)
    # One that no earlier run has left on disk.
    function = compile_text(namespace["make_number"], cpu, time.time_ns())
    index = function.callee._cache._cache_file._index_path
    os.makedirs(os.path.dirname(index), exist_ok=True)
    with open(f"{index}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        saving = threading.Thread(target=pointer_to, args=(function, (np.zeros(1),)))
        saving.start()
        saving.join(timeout=3)
        assert saving.is_alive()
        assert not os.path.exists(index)
    saving.join(timeout=60)
    assert not saving.is_alive()
    assert os.path.exists(index)


READER = """
def make_reader(k):
    def read(record):
        record[0][0] += 1.0

    return read
"""

READING = """
import sys
import numpy as np
from reader import make_reader
from fastbilevel._texts.compile import compile_text
from fastbilevel.kernels import cpu

out = np.zeros(1)
record = (out,)
if len(sys.argv) > 1:
    from theirs import Theirs

    record = Theirs(out)
compile_text(make_reader, cpu)(record)
print(int(out[0]))
"""


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT", "0") != "0", reason="nothing is compiled")
def test_a_record_of_a_module_that_is_gone_does_not_spoil_the_cache(tmp_path):
    """The index of a text holds the classes of all records it was compiled for, a caller's too."""
    (tmp_path / "reader.py").write_text(READER)
    (tmp_path / "reading.py").write_text(READING)
    theirs = tmp_path / "theirs.py"
    theirs.write_text("from typing import NamedTuple\n\nclass Theirs(NamedTuple):\n    a: object\n")
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}

    def run(*arguments):
        command = [sys.executable, str(tmp_path / "reading.py"), *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    assert run("theirs") == "1"
    theirs.unlink()
    assert run() == "1"
    assert run() == "1"


COUNTING = """
import re
import sys
import numba
import numpy as np
import scipy.sparse as sp
import fastbilevel as fb
from numba.core import compiler

compiled = []
original = compiler.CompilerBase._compile_core
compiler.CompilerBase._compile_core = lambda self: (
    compiled.append(self.state.func_id.func_name) or original(self)
)


def text(classes, index=np.int32):
    X = sp.random(60, 20, 0.3, format="csr", random_state=0)
    X.indices, X.indptr = X.indices.astype(index), X.indptr.astype(index)
    y = np.arange(60) % classes
    return fb.problems.LearnToRegularize(X[:30], y[:30], X[30:], y[30:])


ORACLES = {
    "grad_lower_y": numba.njit(lambda data, x, y, rows: data[0] * y - x),
    "grad_upper_y": numba.njit(lambda data, x, y, rows: y - 1.0),
    "grad_lower_x": numba.njit(lambda data, x, y, rows: -y),
    "value_upper": numba.njit(lambda data, x, y, rows: 0.5 * np.sum((y - 1.0) ** 2)),
}


def own():
    return fb.problems.Problem((2.0, 3), x0=np.zeros(2), y0=np.zeros(2), **ORACLES)


def run(problem, **options):
    compiled.clear()
    batches = {"batch_size": 5, "val_batch_size": 5} if problem.n_lower > 5 else {}
    fb.minimize(problem, maxiter=2, inner_steps=2, n_threads=1, **batches, **options)
    print(*sorted(re.sub("_0_[0-9a-f]{12}", "", name) for name in compiled), sep=",")


for word in sys.argv[1:]:
    eval(word)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT", "0") != "0", reason="nothing is compiled")
def test_what_is_compiled_again(tmp_path):
    (tmp_path / "counting.py").write_text(COUNTING)
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONWARNINGS": ""}

    def compiled(*calls):
        command = [sys.executable, str(tmp_path / "counting.py"), *calls]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return [set(line.split(",")) - {""} for line in done.stdout.split("\n")[:-1]]

    calls = [
        "run(text(3))", "run(text(4))", "run(text(3, np.int64))", "run(text(3), order=3)",
        "run(text(3), method='stocbio')", "run(own())",
    ]  # fmt: skip
    first, classes, index, order, second_order, own = compiled(*calls)
    loop = {"chunk_cpu_1_0", "descent_step_False_callee"}
    assert loop <= first
    # For another number of classes, what adds up rows and what knows the columns.
    kernels = {"forward", "backward", "residual", "losses", "_loss", "_residuals"}
    kernels |= {"_step_by_features", "flush", "penalty_gradient"}
    assert {name.removesuffix("_callee") for name in classes} <= kernels
    assert index == set()
    assert not loop & order
    assert not {*loop, "draw_batch_callee"} & second_order
    assert not loop & own
    # Nothing in the next process; the functions of its own were called before.
    assert compiled(*calls) == [set()] * 6
