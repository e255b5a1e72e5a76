"""What is installed is what is on disk, under one top-level name."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import fastbilevel

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
BASE_DEPENDENCIES = {"numpy", "scipy", "numba"}


def _installed_name(path: Path) -> str:
    """Where a source file is in the installed package: kernels/ lies inside fastbilevel/."""
    relative = path.relative_to(ROOT).as_posix()
    return re.sub("^kernels/", "fastbilevel/kernels/", relative)


def _sources(pattern: str) -> list[Path]:
    return [path for top in ("fastbilevel", "kernels") for path in (ROOT / top).rglob(pattern)]


def _python(code: str, *flags: str, cwd: Path, path: Path | None = None) -> str:
    """Output of `code` in a fresh process that starts in `cwd` and finds modules under `path`."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    done = subprocess.run(
        [sys.executable, *flags, "-c", code],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# ------------------------------------------------------------------------------- pyproject.toml


def test_package_list_equals_the_folders_on_disk():
    folders = {Path(_installed_name(path)).parent for path in _sources("*.py")}
    listed = PROJECT["tool"]["setuptools"]["packages"]
    assert sorted(listed) == sorted(folder.as_posix().replace("/", ".") for folder in folders)


def test_every_folder_of_sources_is_a_package():
    folders = {path.parent for path in _sources("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_changelog_knows_the_version():
    assert re.search(
        rf"^## {re.escape(fastbilevel.__version__)}\b", (ROOT / "CHANGELOG.md").read_text(), re.M
    )


def test_only_base_dependencies_are_imported_at_module_level():
    allowed = BASE_DEPENDENCIES | set(sys.stdlib_module_names) | {"fastbilevel", "llvmlite"}
    foreign = []
    for path in _sources("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module]
            else:
                continue
            foreign += [(path.name, name) for name in names if name.split(".")[0] not in allowed]
    assert foreign == []


# --------------------------------------------------------------------------------------- import


def test_import_is_light(tmp_path):
    loaded = _python("import fastbilevel, sys; print(*sys.modules)", cwd=tmp_path).split()
    assert {"numba", "scipy", "sklearn", "matplotlib", "torch", "jax"}.isdisjoint(loaded)


def test_import_takes_less_than_three_tenths_of_a_second(tmp_path):
    code = "from time import perf_counter as t; a = t(); import fastbilevel; print(t() - a)"
    seconds = [float(_python(code, cwd=tmp_path)) for _ in range(5)]
    assert min(seconds) < 0.3


# --------------------------------------------------------------------------------- distributions


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of what the distributions are built from, so that building leaves no trace here."""
    copy = tmp_path_factory.mktemp("tree")
    for folder in ("fastbilevel", "kernels"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy / name)
    return copy


def _build(kind: str, tree: Path, out: Path) -> Path:
    """Build with the backend that pyproject.toml names; the newest file in `out` is the result."""
    out.mkdir(exist_ok=True)
    _python(f"from setuptools import build_meta; build_meta.build_{kind}({str(out)!r})", cwd=tree)
    (built,) = out.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tree, tmp_path_factory):
    pytest.importorskip("setuptools", minversion="77")
    return _build("wheel", tree, tmp_path_factory.mktemp("wheel"))


def _expected_files() -> set[str]:
    patterns = ("*.npz", "*.md", "py.typed", "*.cu", "*.cuh")
    data = [path for pattern in patterns for path in _sources(pattern)]
    return {_installed_name(path) for path in [*_sources("*.py"), *data]}


def _package_files(archive: Path) -> set[str]:
    names = zipfile.ZipFile(archive).namelist()
    return {name for name in names if ".dist-info/" not in name}


def test_wheel_holds_every_source_and_nothing_else(wheel):
    assert wheel.name == f"fastbilevel-{fastbilevel.__version__}-py3-none-any.whl"
    assert _package_files(wheel) == _expected_files()


def test_wheel_has_one_top_level_name_and_the_licence(wheel):
    archive = zipfile.ZipFile(wheel)
    info = f"fastbilevel-{fastbilevel.__version__}.dist-info"
    assert archive.read(f"{info}/top_level.txt").split() == [b"fastbilevel"]
    assert archive.read(f"{info}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()


def test_sdist_builds_the_same_wheel(tree, wheel, tmp_path):
    source = _build("sdist", tree, tmp_path / "sdist")
    with tarfile.open(source) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    again = _build("wheel", unpacked, tmp_path / "wheel")
    assert _package_files(again) == _package_files(wheel)


WHERE = (
    "import importlib.util as u, fastbilevel, fastbilevel.kernels as k;"
    "print(fastbilevel.__file__, k.__file__, u.find_spec('kernels'), sep='\\n')"
)


def test_installed_wheel_imports_its_kernels(wheel, tmp_path):
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    package, kernels, stray = _python(WHERE, "-S", cwd=tmp_path, path=site).splitlines()
    assert Path(package).parent == site / "fastbilevel"
    assert Path(kernels).parent == site / "fastbilevel" / "kernels"
    assert stray == "None"


def test_editable_install_imports_the_kernels_of_the_tree(tree, wheel, tmp_path):
    site = tmp_path / "site"
    editable = _build("editable", tree, tmp_path / "editable")
    zipfile.ZipFile(editable).extractall(site)
    code = f"import site; site.addsitedir({str(site)!r}); " + WHERE
    package, kernels, stray = _python(code, "-S", cwd=tmp_path).splitlines()
    assert Path(package).parent == tree / "fastbilevel"
    assert Path(kernels).parent == tree / "kernels"
    assert stray == "None"


def test_source_tree_without_installation_says_what_to_do(tree):
    code = "try:\n import fastbilevel\nexcept ImportError as error:\n print(error)"
    assert "pip install" in _python(code, "-S", cwd=tree)


def test_two_trees_mixed_are_named(tree, wheel, tmp_path):
    """Run in one checkout while another is installed editable."""
    site, other = tmp_path / "site", tmp_path / "other"
    zipfile.ZipFile(_build("editable", tree, tmp_path / "editable")).extractall(site)
    shutil.copytree(tree / "fastbilevel", other / "fastbilevel")
    code = (
        f"import site; site.addsitedir({str(site)!r})\n"
        "try:\n import fastbilevel\nexcept ImportError as error:\n print(error)"
    )
    said = _python(code, "-S", cwd=other)
    assert f"imported from {other / 'fastbilevel'}" in said
    assert f"kernels come from {tree / 'kernels'}" in said
    assert "two checkouts are mixed" in said
