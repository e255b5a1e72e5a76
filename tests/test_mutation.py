"""The seeds of `make mutants-python`: what an edit changes, and that it is still a program."""

from __future__ import annotations

import ast

import pytest
from emulator.lanes import ROOT
from emulator.mutants import copies
from mutation import python_mutants
from mutation.edits import Edit, edits_of
from mutation.equivalents import EQUIVALENTS, reason_for
from mutation.python_mutants import Bench, Mutant, drawn
from mutation.rooms import ROOMS, Chosen, chosen_for


@pytest.mark.parametrize(
    ("source", "edited"),
    [
        ("a < b <= 2", ["a <= b <= 2", "a < b < 2", "a < b <= 3"]),
        ("x is not None", ["x is None"]),
        ("a and b or c", ["a or b or c", "a and b and c"]),
        ("y = not a", ["y = a"]),
        ("y = a // 2", ["y = a * 2", "y = a // 3"]),
        ("y = 0.25 + 0.0", ["y = 0.5 + 0.0", "y = 0.25 - 0.0", "y = 0.25 + 1.0"]),
        ("y -= f(x)", ["pass", "y += f(x)"]),
        ("f(x)", ["pass"]),
        ("y = np.minimum(a, b)", ["y = np.maximum(a, b)"]),
        ("f = True", ["f = False"]),
        ("if a:\n    b = c", ["if (not (a)):\n    b = c"]),
        ("if a == b:\n    c", ["if a != b:\n    c"]),
        ("while a:\n    break", ["while a:\n    pass"]),
        ("é = ((a)  # * é\n  * b)", ["é = ((a)  # * é\n  + b)"]),
    ],
)
def test_edits_are_made_in_the_text(source, edited):
    assert [edit.of(source) for edit in edits_of(source)] == edited


def test_what_is_not_edited():
    source = '''"""1 < 2"""
from a import b
if TYPE_CHECKING:
    limit = 1
@cache(1)
def f(x: A[1]) -> B[2]:
    """A text."""
    raise ValueError("a" + f"{1 + x}", 3)
def g(x):
    y: A[1] = x
    return "a" + x
'''
    assert edits_of(source) == []


def test_an_edit_knows_its_line():
    source = "a = b\nif (a\n    and b):\n    c"
    first, second = edits_of(source)
    assert (first.line(source), first.statement(source)) == (2, "if (a and b):")
    assert (second.line(source), second.statement(source)) == (3, "and b):")


@pytest.mark.parametrize("file", ["fastbilevel/_schedules.py", "kernels/reference/csr.py"])
def test_every_edit_of_a_source_is_another_program(file):
    source = (ROOT / file).read_text(encoding="utf-8")
    edits = edits_of(source)
    programs = {ast.dump(ast.parse(edit.of(source))) for edit in edits}
    assert len(edits) > 30
    assert len(programs | {ast.dump(ast.parse(source))}) > 0.9 * len(edits)
    assert ast.dump(ast.parse(source)) not in programs


def test_the_same_seed_draws_the_same_bugs_and_begins_with_one_of_each_room():
    once, again, other = (list(drawn(seed, "ar")) for seed in (3, 3, 4))
    assert once == again
    assert sorted(once) == sorted(other)
    assert once != other
    rooms = {mutant.room for mutant in once}
    assert len(rooms) > 3
    assert {mutant.room for mutant in once[: len(rooms)]} == rooms


def test_every_source_has_tests():
    for room, patterns in ROOMS.items():
        for path in (path for pattern in patterns for path in ROOT.glob(pattern)):
            chosen = {name for each in chosen_for(room, path.name) for name in each.paths}
            assert chosen
            assert [name for name in chosen if not (ROOT / "tests" / name).exists()] == [], path


def test_every_equivalent_is_in_the_sources():
    """One that nothing matches would stay on the list after its code is gone."""
    for each in EQUIVALENTS:
        sources = {str(path.relative_to(ROOT)): path for path in ROOT.glob(each.glob)}
        assert any(
            reason_for(file, edit.statement(source), edit.new) == each.reason
            for file, path in sources.items()
            for source in [path.read_text(encoding="utf-8")]
            for edit in edits_of(source)
        ), each


@pytest.mark.slow
def test_a_bug_is_caught_a_comment_is_not_and_tests_must_be_there(monkeypatch):
    chosen = Chosen(("test_schedules.py",))
    monkeypatch.setattr(python_mutants, "chosen_for", lambda room, file: (chosen,))
    file, text = "fastbilevel/_schedules.py", "self.c + self.slope"
    at = (ROOT / file).read_text(encoding="utf-8").encode().index(text.encode())
    with copies(1) as free:
        bench = Bench(free.get())
        bug = Edit(at, at + len(text), "self.c - self.slope")
        assert "test_values_are_those" in bench.caught(Mutant("_schedules", file, bug))
        assert bench.caught(Mutant("_schedules", file, Edit(0, 0, "# A comment.\n"))) == ""
        chosen = Chosen(("test_schedules.py",), "no_such_test")
        with pytest.raises(SystemExit, match=r"Without a bug, .* must pass"):
            bench.caught(Mutant("_schedules", file, bug))
