"""Who may import whom: the contract of `pyproject.toml` holds, and would notice what it forbids."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
KEPT = "Contracts: 3 kept, 0 broken."
# A line that is added to a file, and the contract that it breaks.
FORBIDDEN = {
    "kernels import the package": (
        "kernels/cpu/vector.py",
        "from fastbilevel.projections import Box",
        "Imports run downwards",
    ),
    "arrays import problems": (
        "_arrays/memory.py",
        "from fastbilevel.problems.base import BilevelProblem",
        "Imports run downwards",
    ),
    "a problem imports a method": (
        "problems/quadratic.py",
        "from fastbilevel.methods.f2sa import F2SA",
        "Imports run downwards",
    ),
    "a method imports the loop, where it is used": (
        "methods/soba.py",
        "def late():\n    from fastbilevel._run.engine import Run",
        "Imports run downwards",
    ),
    "a text is compiled by a method": (
        "_texts/plan.py",
        "from fastbilevel.methods.soba import SOBA",
        "Imports run downwards",
    ),
    "a method imports a backend": (
        "methods/f2sa_p.py",
        "from fastbilevel.kernels.cuda.launch import TABLE_SIZE",
        "know no backend",
    ),
    "a problem imports a backend": (
        "problems/quadratic.py",
        "import fastbilevel.kernels.cpu",
        "know no backend",
    ),
    "estimates look into the room of the methods": (
        "estimation.py",
        "from fastbilevel.methods._options import Options",
        "private to a room",
    ),
    "the loop looks into the room of the problems": (
        "_run/engine.py",
        "from fastbilevel.problems._softmax_texts import Side",
        "private to a room",
    ),
    "a file in no room": ("oddments.py", "x = 1", "Imports run downwards"),
}


@pytest.fixture
def installed(tmp_path):
    """The package as it lies when it is installed, to be changed at will."""
    pytest.importorskip("importlinter", reason="import-linter comes with the extra dev")
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "fastbilevel", tmp_path / "fastbilevel", ignore=ignore)
    shutil.copytree(ROOT / "kernels", tmp_path / "fastbilevel" / "kernels", ignore=ignore)
    return tmp_path


def lint(folder):
    command = "from importlinter.cli import lint_imports_command as main; main()"
    done = subprocess.run(
        [sys.executable, "-c", command, "--no-cache", str(ROOT / "pyproject.toml")],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout + done.stderr


def test_the_contract_holds(installed):
    code, said = lint(installed)
    assert code == 0, said
    assert KEPT in said


@pytest.mark.parametrize("name", FORBIDDEN)
def test_a_forbidden_import_is_noticed(installed, name):
    file, line, contract = FORBIDDEN[name]
    path = installed / "fastbilevel" / file
    before = path.read_text() if path.exists() else ""
    path.write_text(f"{before}\n{line}\n")
    code, said = lint(installed)
    assert code == 1, said
    assert re.search(rf"{contract}.* BROKEN", said), said


def room_of(module):
    return module.split(".")[1] if "." in module else ""


def test_no_private_name_is_imported_from_another_room():
    for path in (ROOT / "fastbilevel").rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        for node in ast.walk(ast.parse(path.read_text())):
            module = getattr(node, "module", None) or ""
            if isinstance(node, ast.ImportFrom) and module.startswith("fastbilevel."):
                private = [a.name for a in node.names if a.name.startswith("_")]
                assert not private or room_of(module) == parts[1], f"{path}: {private}"
