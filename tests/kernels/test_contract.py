"""`KERNELS` names every kernel; each exists in every backend, with one signature, and is tested."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil

import pytest
from kernel_cases import CASES

from fastbilevel.kernels import KERNELS, cpu, cuda, reference

FAMILIES = [info.name for info in pkgutil.iter_modules(reference.__path__)]
THREADED = "_threaded"
BACKENDS = ("reference", "cpu", "cuda")


def module(backend, family):
    return importlib.import_module(f"fastbilevel.kernels.{backend}.{family}")


def python_function(kernel):
    return getattr(kernel, "py_func", kernel)


def public_functions(backend):
    """Kernels that a backend defines under a public name, aliases included.

    The CUDA backend takes those that are functions of numbers, not of arrays, from the reference:
    they run on the host, and have twins for other kernels in its headers.
    """
    names = set()
    for family in FAMILIES:
        home = module(backend, family)
        homes = {home.__name__}
        if backend == "cuda":
            homes.add(module("reference", family).__name__)
        names |= {
            f"{family}.{name}"
            for name, value in vars(home).items()
            if not name.startswith("_")
            and inspect.isfunction(python_function(value))
            and python_function(value).__module__ in homes
        }
    return names


def without_threads(names):
    """The names less those of kernels that only run another one on several threads."""
    return {name for name in names if name.removesuffix(THREADED) not in set(names) - {name}}


EACH = pytest.mark.parametrize("name", sorted(public_functions("reference")))


def test_names_are_distinct():
    assert len(set(KERNELS)) == len(KERNELS)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_list_is_complete(backend):
    assert without_threads(public_functions(backend)) == set(KERNELS)


def test_backends_have_the_same_threaded_kernels():
    assert public_functions("cpu") == public_functions("cuda") == public_functions("reference")


def test_only_functions_of_numbers_are_taken_from_the_reference():
    taken = {
        name
        for name in KERNELS
        if getattr(module("cuda", name.split(".")[0]), name.split(".")[1]).__module__
        == module("reference", name.split(".")[0]).__name__
    }
    assert taken == {
        "draw.philox",
        "draw.uniform",
        "draw.draw_index",
        "draw.permute",
        "weights.row_weight",
        "weights.row_slope",
        "powers.absolute_power",
        "sine.signed_power",
        "chain.coin",
    }


def test_every_family_can_be_reached_from_its_backend():
    assert {name.split(".")[0] for name in KERNELS} == set(FAMILIES)
    for backend, name in ((reference, "reference"), (cpu, "cpu"), (cuda, "cuda")):
        assert set(FAMILIES) <= set(backend.__all__)
        for family in FAMILIES:
            assert getattr(backend, family) is module(name, family)


@EACH
def test_twins_have_one_signature(name):
    family, function = name.split(".")
    signatures = [
        inspect.signature(python_function(getattr(module(backend, family), function)))
        for backend in BACKENDS
    ]
    assert signatures[0] == signatures[1] == signatures[2]


@EACH
def test_the_specification_is_written_down(name):
    family, function = name.split(".")
    assert inspect.getdoc(getattr(module("reference", family), function))


@EACH
def test_every_kernel_has_a_parity_case(name):
    # `test_parity` shows that the cases would notice a kernel that is wrong or does nothing.
    assert name in CASES


def test_no_case_is_left_over():
    assert set(CASES) <= public_functions("reference")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_kernels_do_not_handle_errors(backend, family):
    tree = ast.parse(inspect.getsource(module(backend, family)))
    assert not {type(node) for node in ast.walk(tree)} & {ast.Raise, ast.Assert, ast.Try}
