"""What a user waits for before any speed of ours: import, compiling, setup, the next call.

Run `python -m bench.startup`; with `--before PYTHON`, an interpreter that imports another version
of the package, every table has a column for that one, measured in alternation.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from .record import Table, arguments, publish
from .timing import spread

IMPORT = """
import time
start = time.perf_counter()
import fastbilevel
print(time.perf_counter() - start)
"""
JOBS = Path(__file__).with_name("startup_jobs.py")
# What the yardstick takes on the machine for which the bars are stated, an idle Zen 4.
REFERENCE = 1.7
BARS = {"first call": 6.0, "another method": 2.0, "f2sa-p, 5 classes": 1.0, "f2sa-p, int64": 1.0}
NONZEROS = (1_500_000, 35_000_000)


def run(python: str, *command: str, **environment: str) -> Any:
    """The last line that an interpreter prints, read as JSON."""
    done = subprocess.run(
        [python, "-W", "ignore", *command],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        # No copy of the package but the interpreter's own.
        cwd=tempfile.gettempdir(),
        env={**os.environ, "NUMBA_NUM_THREADS": "1", **environment},
    )
    return json.loads(done.stdout.splitlines()[-1])


def rounds_of(pythons: list[str], rounds: int, *command: str, fresh: bool = False) -> list[Any]:
    """What every interpreter finds in each round, with a cache of its own, anew if `fresh`."""
    found: list[Any] = [[] for _ in pythons]
    with tempfile.TemporaryDirectory() as folder:
        for k in range(rounds):
            for number, python in enumerate(pythons):
                cache = os.path.join(folder, f"{number}-{k if fresh else 0}")
                found[number].append(run(python, *command, NUMBA_CACHE_DIR=cache))
    return found


def bar_of(name: str, yardstick: float) -> str:
    """The bar for a call, on this machine."""
    bars = [bar for start, bar in BARS.items() if name.startswith(start)]
    return f"{bars[0] * yardstick / REFERENCE:.1f}" if bars else ""


def compile_table(pythons: list[str], names: list[str], rounds: int) -> Table:
    table = Table(
        "Compiling: two outer iterations in one process, empty cache, CPU seconds",
        ["", *names, "bar"],
        notes=[
            "One call after another. Median (least–greatest) over fresh processes and caches. "
            f"The bars are scaled by the yardstick, {REFERENCE} s on an idle Zen 4."
        ],
    )
    found = rounds_of(pythons, rounds, str(JOBS), "compiling", fresh=True)
    yardstick = statistics.median(each["yardstick"] for each in found[-1])
    for name in found[-1][0]:
        cells = [spread([each[name] for each in one]) for one in found]
        table.add(name, *cells, bar_of(name, yardstick))
    table.raw = dict(zip(names, found, strict=True))
    return table


def functions_table(pythons: list[str], names: list[str]) -> Table:
    table = Table(
        "What is compiled in these calls: functions, one of several types counted for each",
        ["", *names],
        notes=["Which, and for which types, is in the JSON file."],
    )
    found = rounds_of(pythons, 1, str(JOBS), "functions", fresh=True)
    for name in found[-1][0]:
        table.add(name, *(len(one[0][name]) for one in found))
    table.raw = dict(zip(names, found, strict=True))
    return table


def start_table(pythons: list[str], names: list[str], rounds: int) -> Table:
    table = Table(
        "Start of a process",
        ["", *names],
        notes=["Wall time. Median (least–greatest) over fresh processes."],
    )
    imports = rounds_of(pythons, rounds, "-c", IMPORT)
    table.add("import fastbilevel, s", *map(spread, imports))
    warm = rounds_of(pythons, rounds + 1, str(JOBS), "first")
    seconds = [[each["seconds"] for each in one[1:]] for one in warm]
    table.add("first call, machine code on disk, s", *map(spread, seconds))
    again = rounds_of(pythons, rounds, str(JOBS), "again")
    milliseconds = [[each["milliseconds"] for each in one] for one in again]
    table.add("second call, smallest problem, ms", *map(spread, milliseconds))
    table.raw = {"imports": imports, "warm": warm, "again": again}
    return table


def setup_table(pythons: list[str], names: list[str], nonzeros: int, rounds: int) -> Table:
    found = rounds_of(pythons, rounds, str(JOBS), "setup", str(nonzeros))
    size = found[-1][0]["nonzeros"] / 1e6
    table = Table(
        f"Setup: CSR of {size:.1f} million nonzeros, 20 classes, F2SA-2, batch 200",
        ["", *names],
        notes=[
            "Wall time, one thread. Calls of one iteration, without that; both evaluate the upper "
            "level at the end. Default step: what a call without lr_y takes longer. Memory: beyond "
            "the caller's arrays, in sizes of these; of the whole process, the lower iterates and "
            "the machine code included."
        ],
    )

    def row(name: str, value: Any) -> None:
        table.add(name, *(spread([value(each) for each in one]) for one in found))

    row("one iteration, ms", lambda each: 1e3 * each["iteration"])
    row("two tocsc(), ms", lambda each: 1e3 * each["tocsc"])
    row("first call, lr_y given, ms", lambda each: 1e3 * each["first"])
    row("second call, lr_y given, ms", lambda each: 1e3 * each["again"])
    row("second call, iterations", lambda each: each["again"] / each["iteration"])
    row("default step, ms", lambda each: 1e3 * each["step"])
    row("default step, iterations", lambda each: each["step"] / each["iteration"])
    row("default step, second time, ms", lambda each: 1e3 * each["step again"])
    row("peak memory / data", lambda each: each["memory"])
    table.raw = dict(zip(names, found, strict=True))
    return table


def every_table() -> Table:
    """Every built-in problem with every method, in the order of `fastbilevel warmup`."""
    from fastbilevel.problems.typical import built_in

    table = Table(
        "Compiling every method on every built-in problem, one process each, one cache",
        ["", "methods", "do not fit", "seconds"],
        notes=["Wall time; what an earlier line has compiled is loaded."],
    )
    code = (
        "import json, sys; from fastbilevel._command.warmup import compile_for; "
        "print(json.dumps(compile_for(sys.argv[1])))"
    )
    with tempfile.TemporaryDirectory() as folder:
        for name in built_in():
            line = run(sys.executable, "-c", code, name, NUMBA_CACHE_DIR=folder)
            table.add(*line[:3], f"{line[3]:.1f}")
            table.raw[name] = line
    table.add("together", "", "", f"{sum(line[3] for line in table.raw.values()):.0f}")
    return table


def more(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--before", metavar="PYTHON", help="interpreter with another version")


def main() -> None:
    options = arguments(__doc__, more)
    pythons, names = [sys.executable], ["now"]
    if options.before:
        pythons, names = [options.before, *pythons], ["before", *names]
    if options.quick:
        publish("startup", [start_table(pythons, names, 1)], options)
        return
    tables = [compile_table(pythons, names, 3), functions_table(pythons, names)]
    tables.append(start_table(pythons, names, 5))
    tables += [setup_table(pythons, names, size, 3 if size < 1e7 else 1) for size in NONZEROS]
    publish("startup", [*tables, every_table()], options)


if __name__ == "__main__":
    main()
