"""Seed bugs into a copy of the CUDA backend and show which lane catches each.

    python tests/emulator/mutants.py [PART OF A KIND ...]

Exits with 1 if a bug survives, or if a lane complains about the sources as they are.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from emulator.lanes import CACHE, CORES, ROOT
from emulator.mutations import MUTANTS, Mutant

COPIED = ("docs", "fastbilevel", "kernels", "tests", "pyproject.toml")
LANES = {
    "plain": ("tests/emulator/lanes.py", "plain", "--seeds", "0"),
    "orders": ("tests/emulator/lanes.py", "plain", "--seeds", "1", "2"),
    "address": ("tests/emulator/lanes.py", "address"),
    "thread": ("tests/emulator/lanes.py", "thread"),
    "chunks": ("-m", "pytest", "-q", "tests/methods/test_launches.py"),
    "offline": ("-m", "pytest", "-q", "tests/cuda"),
    "surface": ("-m", "pytest", "-q", "tests/emulated/test_surface.py"),
}
NOTHING_RAN = re.compile(
    r"pytest exits with 5|no tests ran|^\d+ (skipped|deselected)\b", re.MULTILINE
)
TELLING = re.compile(r"^(E  |data race|.*AddressSanitizer|.*runtime error|pytest exits)")


@contextlib.contextmanager
def copies(number: int) -> Iterator[queue.Queue[Path]]:
    """Copies of the tree, to be taken from the queue and put back."""
    with tempfile.TemporaryDirectory() as folder:
        free: queue.Queue[Path] = queue.Queue()
        ignored = shutil.ignore_patterns(".cache", "__pycache__", "*.egg-info")
        for n in range(number):
            copy = Path(folder) / str(n)
            copy.mkdir()
            for name in COPIED:
                if (ROOT / name).is_dir():
                    shutil.copytree(ROOT / name, copy / name, ignore=ignored)
                else:
                    shutil.copy(ROOT / name, copy / name)
            # As the installation maps it; this one would be that of the original.
            (copy / "fastbilevel/kernels").symlink_to("../kernels")
            free.put(copy)
        yield free


def complaint(copy: Path, lane: str, tests: str) -> str:
    """What the lane says about a copy: nothing if it finds nothing."""
    command = [sys.executable, *LANES[lane], "-k", tests]
    own = {"EMULATOR_CACHE": str(CACHE), "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    environment = {**os.environ, **own}
    done = subprocess.run(
        command, cwd=copy, env=environment, capture_output=True, text=True, check=False
    )
    output = done.stdout + done.stderr
    lines = [line.strip() for line in output.splitlines()]
    if NOTHING_RAN.search(output):
        raise SystemExit(f"no test of {tests!r} has run in lane {lane}:\n{output}")
    if not done.returncode:
        return ""
    telling = [line for line in lines if TELLING.match(line)]
    return (telling or lines)[0].removeprefix("E").strip()


def try_out(mutant: Mutant, free: queue.Queue[Path]) -> tuple[str, str, float]:
    """The lane that catches a mutant, what it says, and the seconds that it took."""
    started = time.perf_counter()
    copy = free.get()
    path = copy / mutant.file
    original = path.read_text()
    if mutant.old not in original:
        raise SystemExit(f"{mutant.kind}: {mutant.file} has no {mutant.old!r}")
    path.write_text(original.replace(mutant.old, mutant.new, 1))
    try:
        for lane in mutant.lanes:
            if found := complaint(copy, lane, mutant.tests):
                return lane, found, time.perf_counter() - started
        return "", "", time.perf_counter() - started
    finally:
        path.write_text(original)
        free.put(copy)


def as_they_are(mutants: list[Mutant], free: queue.Queue[Path]) -> list[str]:
    """What the lanes say about the sources without a bug; nothing, or the table means nothing."""
    copy = free.get()
    chosen: dict[str, set[str]] = {}
    for mutant in mutants:
        for lane in mutant.lanes:
            chosen.setdefault(lane, set()).add(f"({mutant.tests})")
    found = [(lane, complaint(copy, lane, " or ".join(sorted(t)))) for lane, t in chosen.items()]
    free.put(copy)
    return [f"{lane}: {what}" for lane, what in found if what]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("kinds", nargs="*", help="parts of the kinds wanted; all by default")
    kinds = parser.parse_args(arguments).kinds
    mutants = [m for m in MUTANTS if not kinds or any(kind in m.kind for kind in kinds)]
    with copies(CORES) as free, concurrent.futures.ThreadPoolExecutor(CORES) as pool:
        wrong = as_they_are(mutants, free)
        for what in wrong:
            print(f"without a bug, {what}")
        survivors = 0
        for mutant, (lane, what, seconds) in zip(
            mutants, pool.map(lambda m: try_out(m, free), mutants), strict=True
        ):
            survivors += not lane
            caught = f"{lane or 'SURVIVES':9} {seconds:4.0f} s"
            print(f"{mutant.kind:50} {caught}  {what[:110]}", flush=True)
    print(f"{len(mutants) - survivors} of {len(mutants)} caught")
    return int(survivors > 0 or bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
