"""What is said once, in Python: numbers of the CUDA sources, and the facts of a backend."""

from __future__ import annotations

import ast
import re

import pytest

from fastbilevel.kernels import cpu, cuda, reference
from fastbilevel.kernels.cuda import constants, launch

FAMILIES = sorted(path.stem for path in launch.SOURCES.glob("*.cu"))
FILES = sorted(launch.SOURCES.glob("*.cu*"))
SHARED = {
    prefix + name: (module, name)
    for module, prefix, names in constants.SHARED
    for name in names.split()
}
# Bounds and sizes of blocks, in which launches have a say.
NUMBERS = re.compile(r"__launch_bounds__\(\d|__shared__[^;]*\[\d|Team\(\d|double v\[\d")


def definitions(text):
    """The constants that a text defines, and what it says they are."""
    found = {}
    for declared in re.findall(r"^constexpr [^;]+;", text, re.MULTILINE):
        found.update(re.findall(r"(\w+) = ([^,;]+)", declared))
    return found


def written(value):
    return value.hex() if isinstance(value, float) else str(value)


def constants_of(package):
    """Names of the constants that the modules of a package define."""
    return {
        node.id
        for path in package.glob("*.py")
        for statement in ast.parse(path.read_text()).body
        if isinstance(statement, ast.Assign)
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id.isupper()
    }


@pytest.fixture(scope="module")
def sources():
    return {family: launch.source_of(family) for family in FAMILIES}


@pytest.mark.parametrize("name", SHARED)
def test_sources_have_the_number_that_python_has(sources, name, monkeypatch):
    module, python_name = SHARED[name]
    value = getattr(module, python_name)
    before = {family: definitions(text) for family, text in sources.items()}
    readers = [family for family, numbers in before.items() if name in numbers]
    assert readers
    assert {before[family][name] for family in readers} == {written(value)}
    other = type(value)(77)
    monkeypatch.setattr(module, python_name, other)
    for family, numbers in before.items():
        expected = numbers | ({name: written(other)} if name in numbers else {})
        assert definitions(launch.source_of(family)) == expected


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_source_repeats_a_number_of_python(path):
    text = path.read_text()
    defined = {*definitions(text), *re.findall(r"^#define (\w+)", text, re.MULTILINE)}
    said = {*SHARED, *constants_of(launch.SOURCES), *constants_of(launch.SOURCES / "../reference")}
    assert defined & said == set()
    assert not re.search(r"\benum\b", text)
    assert not NUMBERS.findall(text)


@pytest.mark.parametrize("family", FAMILIES)
def test_messages_of_the_compiler_name_the_line_that_was_written(sources, family):
    name, number, files = "", 0, {path.name: path.read_text().splitlines() for path in FILES}
    for line in sources[family].splitlines():
        if place := re.fullmatch(r'#line (\d+) "(.+)"', line):
            number, name = int(place[1]), place[2]
            continue
        if name == "constants":
            assert line.startswith("constexpr ")
        elif line:
            assert line == files[name][number - 1]
        number += 1


@pytest.mark.parametrize(
    ("backend", "facts"),
    [
        (reference, ("reference", False, False, None)),
        (cpu, ("cpu", False, True, None)),
        (cuda, ("cuda", True, False, launch.TABLE_SIZE)),
    ],
    ids=["reference", "cpu", "cuda"],
)
def test_backends_state_their_facts(backend, facts):
    assert facts == (backend.NAME, backend.ON_DEVICE, backend.COMPILED, backend.MOST_OFFSETS)
    assert {"NAME", "ON_DEVICE", "COMPILED", "MOST_OFFSETS"} <= set(backend.__all__)


def test_a_table_holds_as_many_numbers_as_a_device_takes_offsets():
    assert launch.table(range(cuda.MOST_OFFSETS))["v"][0].tolist() == list(range(64))
