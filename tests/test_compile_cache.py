"""Machine code that different processes have left on disk is not mixed up."""

import fcntl
import os
import subprocess
import sys
import threading

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
    function = compile_text(namespace["make_number"], cpu, 20)
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
