"""The compile cache is kept as long as nothing that is compiled has changed, and no longer."""

import ast
import functools
import gc
import os
import shutil
import sys
from pathlib import Path

import pytest
from compiled_sources import compiled_sources, source_hash
from numba import types
from numba.core.registry import CPUDispatcher

import fastbilevel as fb

ROOT = Path(__file__).resolve().parents[1]
SOURCES = [
    str(path.relative_to(ROOT))
    for folder in ("fastbilevel", "kernels")
    for path in sorted((ROOT / folder).rglob("*.py"))
]
# Rooms and files that hold sentences, plans and measurements, but nothing that is compiled.
INTERPRETED = (
    *("cli.py", "estimation.py", "testing.py", "_checks", "_command", "_run", "_testing"),
    *("_numerics", "datasets", "methods/_options.py", "methods/_theory.py"),
)


def has_a_text(path):
    return any(makers_in(ast.parse((ROOT / path).read_text())))


def makers_in(tree):
    """Functions called make_... that take the kernels `k` first and hold functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("make_"):
            inner = [n for n in ast.walk(node) if isinstance(n, ast.FunctionDef) and n is not node]
            if inner and node.args.args and node.args.args[0].arg == "k":
                yield node


@functools.cache
def source_hash_of_all():
    return source_hash(ROOT)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    root = tmp_path_factory.mktemp("sources")
    for path in SOURCES:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, root / path)
    return root


def changes_the_hash(root, path):
    text = (root / path).read_text()
    (root / path).write_text(text + "\n# A sentence.\n")
    after = source_hash(root)
    (root / path).write_text(text)
    # Of the same files elsewhere.
    return after != source_hash_of_all()


@pytest.mark.parametrize("path", SOURCES)
def test_a_change_of_what_is_compiled_changes_the_hash_and_of_a_sentence_does_not(copy, path):
    compiled = path.startswith("kernels/") or has_a_text(path)
    interpreted = path.startswith(tuple(f"fastbilevel/{name}" for name in INTERPRETED))
    assert not (compiled and interpreted)
    if compiled or interpreted:
        assert changes_the_hash(copy, path) is compiled


def imported_from(tree):
    """Names of a module that are imported from the package, and the modules they come from."""
    return {
        name.asname or name.name: node.module
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fastbilevel")
        for name in node.names
    }


def test_what_a_text_takes_from_another_file_is_in_the_hash():
    """Constants, for example: Numba puts their values into the machine code."""
    hashed = {str(path.relative_to(ROOT)) for path in compiled_sources(ROOT)}
    found = set()
    for path in filter(has_a_text, SOURCES):
        tree = ast.parse((ROOT / path).read_text())
        origins = imported_from(tree)
        for maker in makers_in(tree):
            # What annotates an argument is no part of the text.
            bodies = (node for statement in maker.body for node in ast.walk(statement))
            names = [node for node in bodies if isinstance(node, ast.Name)]
            own = {node.id for node in names if isinstance(node.ctx, ast.Store)}
            for name in {node.id for node in names} & origins.keys() - own:
                found.add((path, name, origins[name]))
    assert ("fastbilevel/_oracles/products.py", "SOLVE") in {each[:2] for each in found}
    for path, name, module in found:
        file = module.replace(".", "/").replace("fastbilevel/kernels", "kernels")
        assert {f"{file}.py", f"{file}/__init__.py"} & hashed, f"{path} takes {name} of {module}"


def classes_in(kind):
    """Classes of the named tuples inside a Numba type."""
    if isinstance(kind, types.BaseNamedTuple):
        yield kind.instance_class
    if isinstance(kind, types.BaseTuple):
        for each in kind:
            yield from classes_in(each)


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT", "0") != "0", reason="nothing is compiled")
def test_every_function_and_record_that_numba_was_given_is_in_the_hash():
    """Whatever this process has compiled so far, a run of the default method at least."""
    fb.minimize(fb.problems.Quadratic.random(), maxiter=1)
    dispatchers = [each for each in gc.get_objects() if issubclass(type(each), CPUDispatcher)]
    files = {each.py_func.__code__.co_filename for each in dispatchers}
    kinds = [kind for each in dispatchers for signature in each.overloads for kind in signature]
    records = {each for kind in kinds for each in classes_in(kind)}
    files |= {getattr(sys.modules[each.__module__], "__file__", "") for each in records}
    ours = {str(Path(f).relative_to(ROOT)) for f in files if Path(f).is_relative_to(ROOT)}
    ours = {path for path in ours if path.startswith(("fastbilevel/", "kernels/"))}
    # The loop, an oracle and a kernel; of records the types tell all that is compiled for them.
    some = ("methods/_penalty", "problems/_quadratic_texts")
    assert {"kernels/cpu/vector.py", *(f"fastbilevel/{each}.py" for each in some)} <= ours
    assert ours <= {str(path.relative_to(ROOT)) for path in compiled_sources(ROOT)}
