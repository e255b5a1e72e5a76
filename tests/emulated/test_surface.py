"""What the package uses of CuPy, and what the double offers, exists in the real CuPy.

CuPy can be imported without a driver. A process of its own does it: the double is installed here.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
from emulator.fake_cupy import modules

ROOT = Path(__file__).resolve().parents[2]
# The last is what the package calls either NumPy or CuPy.
NAMES = ("cupy", "cupyx", "xp")
CLASSES = {
    "cupy": ("ndarray", "RawKernel", "RawModule"),
    "cupy.cuda": ("Device", "Graph", "Stream"),
    "cupyx.scipy.sparse": ("coo_matrix", "csc_matrix", "csr_matrix"),
}
LOOK_UP = """
import functools, importlib, json, sys
def exists(dotted):
    found = importlib.import_module(dotted.partition(".")[0])
    for name in dotted.split(".")[1:]:
        if not hasattr(found, name):
            try:
                importlib.import_module(f"{found.__name__}.{name}")
            except (AttributeError, ImportError):
                return False
        found = getattr(found, name)
    return True
print(json.dumps([name for name in json.load(sys.stdin) if not exists(name)]))
"""


def missing_in_cupy(names):
    if importlib.util.find_spec("cupy") is None:
        pytest.skip("CuPy is not installed")
    finished = subprocess.run(
        [sys.executable, "-c", LOOK_UP], input=json.dumps(names), capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


def used_names(text):
    """Dotted names that begin with CuPy, as far as they are written down."""
    for node in ast.walk(ast.parse(text)):
        parts = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if parts and isinstance(node, ast.Name) and node.id in NAMES:
            root = "cupy" if node.id == "xp" else node.id
            yield ".".join((root, *reversed(parts)))


def test_all_that_the_package_uses_exists_in_cupy():
    folders = "fastbilevel", "kernels/cuda"
    texts = [path.read_text() for f in folders for path in sorted((ROOT / f).rglob("*.py"))]
    names = sorted({name for text in texts for name in used_names(text)})
    assert "cupy.RawModule" in names
    assert missing_in_cupy(names) == []


def test_the_double_offers_nothing_that_cupy_lacks():
    names = [f"{home}.{name}" for home in modules() for name in public(modules()[home])]
    for home, kinds in CLASSES.items():
        for kind in kinds:
            members = public(getattr(modules()[home], kind))
            names += [f"{home}.{kind}.{member}" for member in members]
    assert len(names) > 150
    assert missing_in_cupy(names) == []


def test_a_name_that_cupy_lacks_is_found():
    assert missing_in_cupy(["cupy.zeros", "cupy.nothing", "cupyx.scipy.nothing.at_all"]) == [
        "cupy.nothing",
        "cupyx.scipy.nothing.at_all",
    ]


def public(home):
    return [name for name in dir(home) if not name.startswith("_")]
