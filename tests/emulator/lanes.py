"""Run the tests of the emulated CUDA backend under several schedules and under the sanitizers.

    python tests/emulator/lanes.py [plain|address|thread|all] [-k EXPRESSION] [--seeds 0 1 2]

plain: the rules of the emulator alone, with threads and blocks in several orders. address: accesses
out of bounds and undefined arithmetic. thread: races within and between blocks, whatever the order.
Exits with 1 if a test fails or a sanitizer reports something.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import functools
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("EMULATOR_CACHE", Path(__file__).parent / ".cache"))
CORES = 2
# One thread, so that the sanitizers watch the kernels and not the libraries; the tests set threads.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
_FRAME = re.compile(r"#\d+ .*\((?:\S*/)?([0-9a-f]{24}\.so)\+(0x[0-9a-f]+)\)")
_SOURCE = re.compile(r"#\d+ 0x\w+ in (?:void )?([\w:]+).* \S*?([\w.]+\.cuh?:\d+)")
_ACCIDENT = re.compile(r"((?:AddressSanitizer: |runtime error: ).*)")
_COUNTS = re.compile(r"^(?:\d+ \w+, )*\d+ \w+ in [\d.]+s.*$", re.MULTILINE)


class Lane(NamedTuple):
    """What one run of pytest looks at, and how."""

    paths: tuple[str, ...]
    expression: str
    sanitizer: str = ""


# One type each, since what the lanes look for does not depend on it.
ORDERS = "(emulated or test_cuda) and not digits and not float32"
ONE_ORDER = "(emulated and test_parity or test_cuda) and not schedule and not any_order"
SMALL = "not ten_gigabytes and not large_sizes and not (several_blocks and dynamic_barrier)"
LANES = {
    "plain": Lane(("tests/kernels", "tests/methods"), ORDERS),
    "address": Lane(("tests/kernels",), f"{ONE_ORDER} and not float64", "address"),
    "thread": Lane(("tests/kernels",), f"{ONE_ORDER} and not float32 and {SMALL}", "thread"),
}


class Outcome(NamedTuple):
    """What a run has shown."""

    name: str
    seconds: float
    counts: str
    problems: list[str]


@functools.cache
def _library(name: str) -> str:
    command = ["g++", f"-print-file-name={name}"]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    if not os.path.isabs(found):
        raise SystemExit(f"{name} is not installed with g++: the lane cannot run")
    return found


@functools.cache
def _without_random_addresses() -> list[str]:
    """The thread sanitizer refuses some of the layouts that the kernel picks by chance."""
    command = ["setarch", "-R"]
    try:
        subprocess.run([*command, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return []
    return command


def _settings(sanitizer: str, log: str) -> dict[str, str]:
    if sanitizer == "address":
        options = f"log_path={log}:detect_leaks=0:allocator_may_return_null=1"
        return {"LD_PRELOAD": _library("libasan.so"), "ASAN_OPTIONS": options}
    if sanitizer == "thread":
        options = f"log_path={log}:exitcode=0:report_thread_leaks=0:history_size=1"
        return {"LD_PRELOAD": _library("libtsan.so"), "TSAN_OPTIONS": options}
    return {}


def _place(library: str, offset: str) -> str:
    command = ["addr2line", "-Cfe", str(CACHE / library), offset]
    lines = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split("\n")
    return f"{Path(lines[1]).name.split(' ')[0]} in {lines[0].split('(')[0]}"


def races(text: str) -> list[str]:
    """The pairs of accesses in the reports of the thread sanitizer that concern kernels."""
    found = []
    for report in text.split("WARNING: ThreadSanitizer: ")[1:]:
        accesses = report.partition("Location is")[0].strip().split("\n\n")
        frames = [match for access in accesses if (match := _FRAME.search(access))]
        if frames:
            places = sorted({_place(match[1], match[2]) for match in frames})
            found.append(f"{report.split(' (')[0]}: {' / '.join(places)}")
    return sorted(set(found))


def accidents(text: str) -> list[str]:
    """What the address sanitizer reports, which ends the process."""
    found = []
    for match in _ACCIDENT.finditer(text):
        frame = _SOURCE.search(text, match.end())
        where = f": {frame[2]} in {frame[1]}" if frame else ""
        found.append(f"{match[1].split(' on ')[0]}{where}")
    return found


def run(name: str, seed: int = 0, expression: str = "", extra: tuple[str, ...] = ()) -> Outcome:
    """One run of pytest."""
    lane = LANES[name]
    wanted = f"({lane.expression}) and ({expression})" if expression else lane.expression
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not gpu"]
    command += ["-k", wanted, *extra, *lane.paths]
    if lane.sanitizer:
        # Signals are the sanitizer's.
        command += ["-p", "no:faulthandler"]
    if lane.sanitizer == "thread":
        command = [*_without_random_addresses(), *command]
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        own = {"EMULATOR_SANITIZER": lane.sanitizer, "EMULATOR_SEED": str(seed)}
        settings = _settings(lane.sanitizer, f"{folder}/report")
        environment = {**os.environ, **ENVIRONMENT, **own, **settings}
        finished = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        reports = "".join(path.read_text() for path in Path(folder).iterdir())
    counts = _COUNTS.findall(finished.stdout)
    problems = races(reports) + accidents(reports)
    # A crash under the thread sanitizer exits with 0 too.
    if finished.returncode or not counts:
        problems += _reasons(finished.stdout + finished.stderr) or [
            f"pytest exits with {finished.returncode}"
        ]
    label = f"{name}, seed {seed}" if name == "plain" else name
    return Outcome(label, time.perf_counter() - started, counts[-1] if counts else "", problems)


def _reasons(output: str) -> list[str]:
    lines = [line.strip() for line in output.splitlines()]
    return [line for line in lines if line.startswith(("FAILED", "ERROR ", "E  "))][:12]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("lane", nargs="?", default="all", choices=[*LANES, "all"])
    parser.add_argument("-k", dest="expression", default="", help="of these tests only")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    chosen = parser.parse_args(arguments)
    names = [name for name in LANES if chosen.lane in (name, "all")]
    # The longest first.
    runs = [(name, 0) for name in reversed(names) if name != "plain"]
    runs += [("plain", seed) for seed in chosen.seeds if "plain" in names]
    with concurrent.futures.ThreadPoolExecutor(CORES) as pool:
        outcomes = list(pool.map(lambda one: run(*one, chosen.expression), runs))
    for name, seconds, counts, problems in outcomes:
        print(f"{name:16} {seconds:5.0f} s  {'FAILED' if problems else 'ok':6}  {counts}")
        for problem in problems:
            print(f"    {problem}")
    return int(any(outcome.problems for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
