"""Seed small bugs into copies of the Python sources and count those that tests catch.

    python tests/mutation/python_mutants.py [--seed N] [--minutes M] [--only PART OF A PATH]

The bugs are drawn, evenly over the rooms; the same seed draws the same ones in the same order, and
less time only fewer of them. Exits with 1 if a bug survives.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from emulator.lanes import CACHE, ROOT
from emulator.mutants import copies

from mutation.edits import Edit, edits_of
from mutation.equivalents import reason_for
from mutation.rooms import ROOMS, Chosen, chosen_for

# A run that takes this many times as long as without the bug, and so many seconds more, hangs.
PATIENCE, GRACE = 3.0, 30.0
LONGEST = 900.0
FAILED = "FAILED "


class Mutant(NamedTuple):
    """A bug, and where it lies."""

    room: str
    file: str
    edit: Edit

    def told(self, source: str) -> str:
        """Where it is and what changes, in a line."""
        old = source.encode()[self.edit.start : self.edit.stop].decode()
        change = " ".join(f"{old} -> {self.edit.new}".split())
        at = f"{self.file}:{self.edit.line(source)}"
        return f"{at}: {change}   in: {self.edit.statement(source)}"


def drawn(seed: int, only: str = "") -> Iterator[Mutant]:
    """The bugs of all rooms, one of each room in turn."""
    orders = []
    for room, patterns in ROOMS.items():
        files = sorted({path for pattern in patterns for path in ROOT.glob(pattern)})
        found = [
            Mutant(room, str(path.relative_to(ROOT)), edit)
            for path in files
            if only in str(path.relative_to(ROOT))
            for edit in edits_of(path.read_text())
        ]
        random.Random(f"{seed} {room}").shuffle(found)
        orders.append(found)
    for turn in itertools.zip_longest(*orders):
        yield from (mutant for mutant in turn if mutant is not None)


class Bench:
    """A copy of the tree, on which tests run with and without bugs."""

    def __init__(self, copy: Path):
        self._copy = copy
        self._seconds: dict[Chosen, float] = {}

    def caught(self, mutant: Mutant) -> str:
        """What catches a bug, nothing if it survives."""
        plan = chosen_for(mutant.room, mutant.file)
        path = self._copy / mutant.file
        original = path.read_text()
        machine_code = tempfile.mkdtemp(dir=self._copy)
        try:
            for tests in plan:
                limit = PATIENCE * self._without_bug(tests) + GRACE
                path.write_text(mutant.edit.of(original))
                code, output = self._run(tests, machine_code, limit)
                path.write_text(original)
                if code:
                    return _telling(output) or f"pytest exits with {code}"
            return ""
        finally:
            path.write_text(original)
            shutil.rmtree(machine_code, ignore_errors=True)

    def _without_bug(self, tests: Chosen) -> float:
        """Seconds that the tests take without a bug; if they fail there is nothing to find out."""
        if tests not in self._seconds:
            machine_code = tempfile.mkdtemp(dir=self._copy)
            started = time.perf_counter()
            code, output = self._run(tests, machine_code, LONGEST)
            self._seconds[tests] = time.perf_counter() - started
            shutil.rmtree(machine_code, ignore_errors=True)
            if code:
                raise SystemExit(
                    f"Without a bug, {tests} must pass; pytest says:\n{output[-3000:]}"
                )
        return self._seconds[tests]

    def _run(self, tests: Chosen, machine_code: str, limit: float) -> tuple[int, str]:
        """Exit status of pytest and what it prints; a run that hangs ends with a status too."""
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
        command += ["-m", "not gpu", *(f"tests/{path}" for path in tests.paths)]
        command += ["-k", tests.which] if tests.which else []
        own = {
            "EMULATOR_CACHE": str(CACHE),
            "PYTHONPATH": str(self._copy),
            # A file may be edited twice in a second, which byte code would not notice.
            "PYTHONDONTWRITEBYTECODE": "1",
            "NUMBA_CACHE_DIR": machine_code,
            "NUMBA_DISABLE_JIT": str(int(not tests.compiled)),
        }
        try:
            done = subprocess.run(
                command,
                cwd=self._copy,
                env={**os.environ, **own},
                capture_output=True,
                text=True,
                check=False,
                timeout=limit,
            )
        except subprocess.TimeoutExpired:
            return 1, f"{FAILED}to end within {limit:.0f} s"
        return done.returncode, done.stdout + done.stderr


def _telling(output: str) -> str:
    lines = [line.strip() for line in output.splitlines()]
    found = [line for line in lines if line.startswith((FAILED, "ERROR ", "E  "))]
    return found[-1] if found else ""


def table(caught: Counter[str], survived: Counter[str], alike: Counter[str]) -> Iterator[str]:
    """The lines of the table at the end."""
    yield f"{'room':20} {'caught':>7} {'survived':>9} {'share':>6} {'equivalent':>11}"
    for room in (*ROOMS, "all"):
        one, two, three = (
            c.total() if room == "all" else c[room] for c in (caught, survived, alike)
        )
        share = f"{100 * one / (one + two):.0f} %" if one + two else "-"
        yield f"{room:20} {one:7} {two:9} {share:>6} {three:11}"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=20.0, help="no bug is begun after these")
    parser.add_argument("--skip", type=int, default=0, help="bugs drawn before, to be left out")
    parser.add_argument("--most", type=int, help="number of bugs; by default as many as fit")
    parser.add_argument("--only", default="", help="part of the paths wanted")
    asked = parser.parse_args(arguments)
    end = time.monotonic() + 60 * asked.minutes
    caught, survived, alike = Counter[str](), Counter[str](), Counter[str]()
    survivors = []
    stop = None if asked.most is None else asked.skip + asked.most
    with copies(1) as free:
        bench = Bench(free.get())
        for mutant in itertools.islice(drawn(asked.seed, asked.only), asked.skip, stop):
            if time.monotonic() > end:
                break
            source = (ROOT / mutant.file).read_text()
            told = mutant.told(source)
            if reason_for(mutant.file, mutant.edit.statement(source), mutant.edit.new):
                alike[mutant.room] += 1
                continue
            started = time.monotonic()
            what = bench.caught(mutant)
            (caught if what else survived)[mutant.room] += 1
            if not what:
                survivors.append(told)
            verdict = "caught" if what else "SURVIVES"
            print(f"{verdict:8} {time.monotonic() - started:4.0f} s  {told[:150]}", flush=True)
            print(f"                 {what[:140]}" if what else "", flush=True)
    print("\n".join(table(caught, survived, alike)))
    print("\n".join(["", "Survivors:", *survivors] if survivors else ["", "No bug survives."]))
    return int(bool(survivors))


if __name__ == "__main__":
    sys.exit(main())
