"""Compiled functions call each other by address: compiled when first called, for all callers."""

import os
import subprocess
import sys

import numpy as np
import pytest
from numba import types

from fastbilevel.kernels.compiling import listening, seconds_compiling
from fastbilevel.kernels.cpu import cells, linked
from fastbilevel.kernels.cpu.jit import build

pytestmark = pytest.mark.skipif(
    os.environ.get("NUMBA_DISABLE_JIT", "0") != "0", reason="nothing is compiled"
)


def make_store(number):
    def store(out, value):
        out[0] = value + number

    return store


def make_power(number):
    def power(out, x, exponent):
        out[0] = x**exponent + number

    return power


def make_caller(callee, number):
    def caller(out, value, really):
        out[1] = number
        if really:
            callee(out, value)

    return caller


def make_caller_with_constant(callee, number):
    def caller(out, x, exponent):
        out[1] = number
        callee(out, x, exponent)

    return caller


def make_failing(number):
    def failing(out, value):
        out[0] = value.no_such_attribute + number

    return failing


def test_a_callee_is_compiled_when_it_is_first_called():
    store = build(make_store(1), cache=False)
    caller = build(make_caller(store, 1), cache=False)
    out = np.zeros(2)
    caller(out, 5.0, False)
    assert not store.callee.overloads
    assert out.tolist() == [0.0, 1.0]
    caller(out, 5.0, True)
    assert len(store.callee.overloads) == 1
    assert out.tolist() == [6.0, 1.0]


def test_constants_of_callers_do_not_make_versions():
    store = build(make_store(2), cache=False)

    def caller(out):
        store(out, 3)
        store(out, 4)

    out = np.zeros(1)
    build(caller, cache=False)(out)
    assert out[0] == 6
    assert [tuple(kinds)[1] for kinds in store.callee.overloads] == [types.int64]


def test_one_caller_reaches_a_version_for_every_value():
    power = build(make_power(3), cache=False, constants=("exponent",))
    caller = build(make_caller_with_constant(power, 1), cache=False)
    out = np.zeros(2)
    for exponent in (2, 3, 2, 0, 3):
        caller(out, 2.0, exponent)
        assert out[0] == 2.0**exponent + 3
    assert len(caller.overloads) == 1
    values = {kinds[2].literal_value for kinds in power.callee.overloads}
    assert values == {0, 2, 3}


def test_more_versions_than_a_cell_holds(monkeypatch):
    monkeypatch.setattr(cells, "MOST_VERSIONS", 2)
    power = build(make_power(4), cache=False, constants=("exponent",))
    caller = build(make_caller_with_constant(power, 2), cache=False)
    out = np.zeros(2)
    for exponent in (1, 2, 3, 4, 3, 1):
        caller(out, 2.0, exponent)
        assert out[0] == 2.0**exponent + 4


def make_store_constant(number):
    def store(out, first, second):
        out[0] = first * 1000 + second + number

    return store


def test_large_values_stay_apart():
    store = build(make_store_constant(0.5), cache=False, constants=("first", "second"))
    caller = build(make_caller_with_constant(store, 5), cache=False)
    out = np.zeros(2)
    largest = 2**31 - 1
    for first, second in ((0, 1), (1, 0), (largest, 2), (2, largest), (0, largest), (1, 1)):
        caller(out, first, second)
        assert out[0] == first * 1000 + second + 0.5
    one = build(make_power(9), cache=False, constants=("exponent",))
    build(make_caller_with_constant(one, 6), cache=False)(out, 1.0, 2**40 + 1)
    assert out[0] == 10.0


def test_from_python_constants_are_found_too():
    power = build(make_power(5), cache=False, constants=("exponent",))
    out = np.zeros(1)
    power(out, 3.0, 2)
    assert out[0] == 14.0


def test_what_cannot_be_compiled_is_told_to_the_caller():
    failing = build(make_failing(1), cache=False)
    caller = build(make_caller(failing, 2), cache=False)
    out = np.zeros(2)
    caller(out, 1.0, False)
    with pytest.raises(cells.NotCompiledError, match="failing could not be compiled"):
        caller(out, 1.0, True)
    assert "no_such_attribute" in str(cells.failure())
    # What is swallowed on the way is an interrupt.
    assert isinstance(cells.failure(), KeyboardInterrupt)


def test_a_procedure_must_not_return_anything():
    def doubled(out, value):
        out[0] = value
        return

    assert not linked.returns_something(doubled)
    assert not linked.returns_something(make_store(1))
    assert linked.returns_something(lambda x: x)
    assert linked.returns_something(lambda: 3)


def test_waiting_is_counted_and_heard():
    heard, before = [], seconds_compiling()
    store = build(make_store(6), cache=False)
    with listening(heard.append):
        build(make_caller(store, 3), cache=False)(np.zeros(2), 1.0, True)
    assert seconds_compiling() > before
    assert heard
    assert heard[-1] == seconds_compiling()


MODULE = """
from fastbilevel.kernels.cpu.jit import kernel

@kernel(constants=("times",))
def multiply(out, x, times):
    out[0] = x * times

@kernel(inline=True)
def merged(out, x, times):
    multiply(out, x, times)
"""

CALLERS = """
from fastbilevel.kernels.cpu.jit import kernel
from made import merged, multiply

@kernel
def direct(out, x, times):
    multiply(out, x, times)

@kernel
def indirect(out, x, times):
    merged(out, x, times)
"""

PROCESS = """
import sys
import numpy as np
import callers
from numba.core import compiler

compiled = []
original = compiler.CompilerBase._compile_core
compiler.CompilerBase._compile_core = lambda self: (
    compiled.append(self.state.func_id.func_name) or original(self)
)
caller, out = getattr(callers, sys.argv[1]), np.zeros(2)
for times in map(int, sys.argv[2:]):
    caller(out, 2.0, times)
    assert out[0] == 2 * times
print(*(name.partition("_")[0] for name in compiled))
"""


def test_other_processes_find_callers_and_versions(tmp_path):
    """Whatever others have left in the cache: what links it in also finds what that calls."""
    (tmp_path / "made.py").write_text(MODULE)
    (tmp_path / "callers.py").write_text(CALLERS)
    (tmp_path / "process.py").write_text(PROCESS)
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}

    def compiled(*arguments):
        done = subprocess.run(
            [sys.executable, str(tmp_path / "process.py"), *map(str, arguments)],
            env=environment, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    assert compiled("indirect", 2) == ["indirect", "merged", "multiply"]
    assert compiled("direct", 2, 3) == ["direct", "multiply"]
    assert compiled("direct", 3, 2) == []
    assert compiled("indirect", 3) == []
    # A new caller that copies the code of `merged` from the cache.
    (tmp_path / "callers.py").write_text(CALLERS.replace("indirect", "another"))
    assert compiled("another", 4) == ["another", "multiply"]
    assert compiled("another", 4) == []
    # What the code calls is gone: it is as if it were not on disk.
    renamed = MODULE.replace("def multiply", "def product").replace(
        "@kernel(inline", "multiply = product\n\n@kernel(inline"
    )
    (tmp_path / "made.py").write_text(renamed)
    assert compiled("direct", 2) == ["direct", "product"]
