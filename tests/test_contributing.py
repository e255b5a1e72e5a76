"""CONTRIBUTING is true: what it quotes is there, the way it shows is taken, its examples run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from backends import array_library

import fastbilevel as fb
from fastbilevel._oracles import binding
from fastbilevel._run import engine
from fastbilevel._texts.compile import compile_text
from fastbilevel.problems import base

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
# (what is done, path, language, code) of every block but that of the commands.
BLOCKS = re.findall(
    r"^(From|New file|End of|Change) `(\S+)`:\n\n```(\w+)\n(.*?)^```$", PAGE, re.DOTALL | re.M
)
ROOMS = re.findall(r"^\| `(\w+)` \|", PAGE.partition("## 3.")[0], re.M)


def section(number: int) -> str:
    return PAGE.partition(f"\n## {number}. ")[2].partition("\n## ")[0]


# -- what is quoted ----------------------------------------------------------------------------


def test_every_block_says_where_it_belongs():
    assert len(re.findall("^```$", PAGE, re.M)) == len(BLOCKS) + 2
    assert {done for done, *_ in BLOCKS} == {"From", "New file", "End of", "Change"}


@pytest.mark.parametrize(
    ("path", "code"),
    [pytest.param(path, code, id=path) for done, path, _, code in BLOCKS if done == "From"],
)
def test_quoted_lines_are_those_of_the_file(path, code):
    """Between two lines of dots they follow each other there."""
    text, end = "\n" + (ROOT / path).read_text(encoding="utf-8"), 0
    for part in re.split(r"^\.\.\.\n", code, flags=re.M):
        found = text.find("\n" + part, end)
        assert found >= 0, f"not in {path} any more, or in another order:\n{part}"
        end = found + len(part)


def test_paths_that_are_named_exist():
    added = {path for done, path, *_ in BLOCKS if done == "New file"}
    named = set(re.findall(r"`((?:fastbilevel|kernels|tests|bench|\.ci)/[\w./]*)`", PAGE)) - added
    assert len(named) > 15
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_commands_are_there():
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    commands = re.findall(r"\bmake (\w+)(?=`|\s+#)", PAGE)
    assert {"check", "test", "lanes", "mutants"} <= set(commands) <= set(targets)


# -- the rooms, and the way through them -------------------------------------------------------


def test_the_table_of_rooms_is_complete_and_in_the_order_of_imports():
    folders = {path.parent.name for path in (ROOT / "fastbilevel").glob("*/__init__.py")}
    assert set(ROOMS) == folders | {"kernels"}
    assert len(ROOMS) == len(set(ROOMS))
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contract = settings["tool"]["importlinter"]["contracts"][0]
    layer = {room: i for i, rooms in enumerate(contract["layers"]) for room in rooms.split(" | ")}
    assert [layer[room] for room in ROOMS] == sorted(layer[room] for room in ROOMS)


def way() -> list[tuple[str, list[str]]]:
    """Every stop: its room, and the functions there as room/file.py:name."""
    stops = re.findall(r"^\d+\. \*\*`(\w+)`\*\*(.*?)(?=^\d+\. |\Z)", section(3), re.DOTALL | re.M)
    found = []
    for room, text in stops:
        calls = re.findall(r"`([\w/]+\.py)`:((?:,?\s`\w+`)+)", text)
        names = [f"{room}/{file}:{n}" for file, ns in calls for n in re.findall(r"\w+", ns)]
        found.append((room, names))
    return found


def test_the_way_has_at_most_eight_rooms_and_none_three_times():
    rooms = [room for room, _ in way()]
    assert len(set(rooms)) <= 8
    assert max(map(rooms.count, rooms)) <= 2
    assert (rooms[0], rooms[-1]) == ("_run", "kernels")
    assert all(names for _, names in way())


def test_a_run_takes_the_way(monkeypatch):
    """The functions are called in this order, among others; on the kernels that Python sees."""
    for module in (binding, engine, base):
        monkeypatch.setattr(module, "compile_text", compile_text.__wrapped__)
    called = []

    def follow(frame, event, argument):
        if event == "call":
            called.append(f"{frame.f_code.co_filename}:{frame.f_code.co_name}")

    with array_library("reference"):
        problem = fb.problems.hard.SinePL()
        before = sys.getprofile()
        sys.setprofile(follow)
        try:
            fb.minimize(problem, method="pbgd", maxiter=1)
        finally:
            sys.setprofile(before)
    rest = iter([name.replace(os.sep, "/") for name in called])
    for stop in (name for _, names in way() for name in names):
        assert any(name.endswith(f"/{stop}") for name in rest), f"{stop} is not called in turn"


# -- what is added, in a copy of the sources ---------------------------------------------------


def changed(text: str, difference: str) -> str:
    lines = difference.splitlines(keepends=True)
    old, new = ("".join(line[1:] for line in lines if line[0] != sign) for sign in "+-")
    assert text.count(old) == 1, old
    return text.replace(old, new)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """The sources and tests after the examples of the page were followed."""
    home = tmp_path_factory.mktemp("followed")
    left_out = shutil.ignore_patterns("__pycache__", ".cache", ".hypothesis")
    installed = {"fastbilevel": "fastbilevel", "kernels": "fastbilevel/kernels", "tests": "tests"}
    for source, target in installed.items():
        shutil.copytree(ROOT / source, home / target, ignore=left_out)
    shutil.copy(ROOT / "pyproject.toml", home)
    for done, path, _, code in BLOCKS:
        file = home / re.sub("^kernels/", "fastbilevel/kernels/", path)
        if done == "New file":
            assert not file.exists()
            file.write_text(code, encoding="utf-8")
        elif done != "From":
            text = file.read_text(encoding="utf-8")
            text = changed(text, code) if done == "Change" else f"{text}\n\n{code}"
            file.write_text(text, encoding="utf-8")
    return home


@pytest.fixture(scope="module")
def report(tree):
    """What pytest says there about the new kernel and the new problem, test by test.

    A process and a cache of its own: the index of Numba's disk cache can only be read where all
    record classes in it can be imported.
    """
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("PYTEST_", "NUMBA_CACHE"))}
    environment = {
        "EMULATOR_CACHE": str(ROOT / "tests" / "emulator" / ".cache"),
        **kept,
        "NUMBA_CACHE_DIR": str(tree / "cache"),
        "PYTHONPATH": str(tree),
    }
    files = ("kernels/test_contract.py", "kernels/test_parity.py", "test_texts.py")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-p", "no:xdist", "-p", "no:cacheprovider",
         *(f"tests/{file}" for file in (*files, "contributing_shift.py")),
         "-k", "test_contract or contributing_shift or vector.clip or Shift."],
        cwd=tree, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("test", "count"),
    [
        # On the CPU and on the emulator, in both types; where there is g++.
        (r"test_compiled_twins_leave_the_same_buffers\[cpu-float(32|64)-vector\.clip\]", 2),
        (r"test_twins_leave_the_same_buffers\[emulated-float(32|64)-vector\.clip\]", 2),
        (r"test_a_twin_that_does_nothing_would_be_noticed\[float(32|64)-vector\.clip\]", 2),
        (r"test_twins_have_one_signature\[vector\.clip\]", 1),
        (r"test_the_specification_is_written_down\[vector\.clip\]", 1),
        (r"test_every_kernel_has_a_parity_case\[vector\.clip\]", 1),
        (r"test_the_list_is_complete\[\w+\]", 3),
    ],
)
def test_the_new_kernel_passes_the_tests_of_all_kernels(report, test, count):
    passed = re.findall(rf"::{test} (PASSED|SKIPPED)", report)
    assert len(passed) == count
    assert "emulated" in test or "SKIPPED" not in str(passed)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("test", "count"),
    [
        (r"test_only_loops_scalars_slices_and_calls\[Shift\.\w+\]", 6),
        ("test_the_oracles_are_consistent", 1),
        ("test_the_fused_text_keeps_to_the_language", 1),
        (r"test_the_fused_oracle_gives_\w+\[[\w-]+-(reference|cpu)\]", 5),
        (r"test_the_fused_oracle_gives_\w+\[[\w-]+-emulated\]", 3),
        (r"test_the_text_that_runs_is_the_one_that_is_meant\[\w+-\w+\]", 2),
    ],
)
def test_the_new_problem_passes_the_tests_of_its_kind(report, test, count):
    assert len(re.findall(rf"::{test} (?:PASSED|SKIPPED)", report)) == count


# -- the method --------------------------------------------------------------------------------


def test_two_iterates_of_pbgd_worked_out_by_hand():
    """g = y^2 - x y, f = y^2/2 - y + x^2/4, gamma = 4, T = 2, from x = 1/2, w = y = -1/2.

    First w: g_y = 2w - x = -3/2, so w = -1/2 + 3/8 = -1/8; -3/4, so w = -1/8 + 3/16 = 1/16.
    Phi = f_x + 4 (g_x(y) - g_x(w)) = 1/4 + 4 (1/2 + 1/16) = 5/2, so x = 1/2 - 5/16 = 3/16.
    y at the old x: f_y + 4 g_y = -3/2 - 6 = -15/2, so y = -1/2 + 15/32 = -1/32.
    Second w: g_y = -1/16, so w = 5/64; -1/32, so w = 11/128.
    Phi = 3/32 + 4 (1/32 + 11/128) = 9/16, so x = 3/16 - 9/128 = 15/128.
    All are sums of powers of two: floats have them exactly.
    """
    problem = fb.problems.Quadratic([[2.0]], [[1.0]], [[1.0]], c=[-1.0], R=[[0.5]])
    rates = {"lr_z": 1 / 4, "lr_y": 1 / 16, "lr_x": 1 / 8, "penalty": 4.0, "inner_steps": 2}
    runs = [fb.minimize(problem, [0.5], [-0.5], method="pbgd", maxiter=n, **rates) for n in (1, 2)]
    assert [(r.x_last[0], r.y_last[0]) for r in runs] == [(3 / 16, 1 / 16), (15 / 128, 11 / 128)]


def penalty_term(x):
    """f_y^2 / (2 g_yy) of SinePL at y*(x): gamma times what the penalised value is below phi.

    f_y(x, -x) = 4 q sin u with u = 4x - 2 and q = 1 / (1 + exp(-u)), and g_yy = 2 + 2x.
    """
    u = 4.0 * x - 2.0
    return (4.0 * np.sin(u) / (1.0 + np.exp(-u))) ** 2 / (2.0 * (2.0 + 2.0 * x))


@pytest.mark.parametrize(("start", "end"), [(0.0, 0.382), (0.9, 1.215), (1.6, 1.215), (3.0, 2.83)])
def test_pbgd_ends_near_a_stationary_point_of_the_sine_problem(start, end):
    """The penalised value is phi - term / gamma + O(gamma^-2), so there phi' = term' / gamma + ...

    L = 16 bounds the joint curvature of g, 40 that of f; phi'' is at least 7 at all three ends.
    """
    problem, slopes = fb.problems.hard.SinePL(), []
    for penalty in (80.0, 160.0):
        rate = 1.0 / (40.0 + 16.0 * penalty)
        run = fb.minimize(
            problem, [start], [-start], method="pbgd", penalty=penalty, lr_z=1 / 8, lr_y=rate,
            lr_x=rate, maxiter=round(12 / rate), record_every=10**6,
        )  # fmt: skip
        (x,), h = run.x_last, 1e-5
        assert abs(x - end) < 0.5 / penalty
        slopes.append(problem.hypergradient([x])[0])
        expected = (penalty_term(x + h) - penalty_term(x - h)) / (2 * h * penalty)
        assert abs(slopes[-1] - expected) < 20 / penalty**2
    np.testing.assert_allclose(slopes[0] / slopes[1], 2.0, rtol=0.01)


def test_pbgd_on_a_quadratic_problem_approaches_its_solution():
    """It ends where its own equations hold, and the distance to the solution falls like 1/gamma."""
    problem, distances = fb.problems.Quadratic.random(), []
    for penalty in (100.0, 200.0):
        rate = 1.0 / (1.0 + 4.0 * penalty)
        run = fb.minimize(
            problem, method="pbgd", penalty=penalty, lr_z=0.5, lr_y=1 / (1 + 2 * penalty),
            lr_x=rate, maxiter=round(60 / rate), record_every=10**6,
        )  # fmt: skip
        x = run.x_last
        w, y = problem.lower_solution(x), problem.lower_solution(x, 1.0 / penalty)
        gap = problem.grad_lower_x(x, y) - problem.grad_lower_x(x, w)
        np.testing.assert_allclose(problem.grad_upper_x(x, y) + penalty * gap, 0.0, atol=1e-11)
        np.testing.assert_allclose(run.y_last, w, atol=1e-11)
        distances.append(np.linalg.norm(x - problem.solution()))
    assert distances[1] < 2e-3 * np.linalg.norm(problem.solution())
    np.testing.assert_allclose(distances[0] / distances[1], 2.0, rtol=0.01)


def test_x_takes_the_step_of_y_by_default():
    problem = fb.problems.Quadratic.random(3, 4, n=12)
    rates = {"lr_z": fb.schedules.Power(0.3, 0.5), "penalty": fb.schedules.Linear(2.0, 1.0)}
    default = fb.minimize(problem, method="pbgd", maxiter=5, lr_y=0.02, **rates)
    same = fb.minimize(problem, method="pbgd", maxiter=5, lr_y=0.02, lr_x=0.02, **rates)
    np.testing.assert_allclose(default.x_last, same.x_last, rtol=1e-12)
    assert np.any(default.x_last != problem.x0)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"x0": 4.0}, r"x0 must lie in \[0, 3\]"),
        ({"x0": "a"}, "x0 must hold real numbers"),
        ({"y0": [1.0, 2.0]}, "y0 must have 1 elements"),
        ({"y0": np.nan}, "y0 must be finite"),
    ],
)
def test_starting_points_of_the_sine_problem(given, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        fb.problems.hard.SinePL(**given)
