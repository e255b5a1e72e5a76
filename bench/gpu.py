"""The CUDA backend on a device: parity with the reference, speed of kernels and of whole runs.

Run `python -m bench.gpu` where there is a device, in a checkout with its tests. Parity is that of
`pytest -m gpu tests/kernels/test_parity.py`. Kernels are timed by events of the device, after
warming up, both called from Python and in CUDA graphs, beside the floors of `bench.roofline` with
the peaks that the device reaches here. Whole runs take turns with the CPU backend.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .gpu_floor import Peaks, floor_of_iteration
from .gpu_work import SETTINGS, Run, Shape
from .record import Table, arguments, publish
from .timing import Task, interleave, spread

ROOT = Path(__file__).resolve().parents[1]
PARITY = "tests/kernels/test_parity.py"
NEEDS = (
    "An NVIDIA GPU with its driver is needed, and CuPy for the driver's version of CUDA: "
    "pip install 'fastbilevel[cuda13]' or 'fastbilevel[cuda12]'."
)
# One of each path of the kernels, small enough for a device that a CPU plays.
TINY = (
    Shape("tiny text", 40, 60, 3, 16, 4, steps=2),
    Shape("tiny images", 32, 6, 2, 8, cleaning=True, steps=2),
    Shape("tiny full batch", 4100, 3, 2, 4100, cleaning=True, steps=1),
    Shape("tiny narrow", 24, 4, 2, 8, steps=2),
)


class Effort(NamedTuple):
    """How much is measured.

    `operations`: of one turn of a run, about; it ends with an evaluation on the validation rows.
    """

    shapes: Sequence[Shape]
    orders: Sequence[int]
    dtypes: Sequence[type]
    calls: int
    rounds: int
    copied: int
    columns: int
    turns: int
    operations: float


FULL = Effort(
    tuple(SETTINGS.values()), (2, 10), (np.float32, np.float64), 50, 11, 1 << 28, 4096, 7, 1e11
)
QUICK = Effort(TINY, (2,), (np.float32,), 2, 2, 1 << 12, 8, 2, 0.0)
MOST_ITERATIONS = 500
KERNEL_COLUMNS = [
    *("kernel", "first call: s", "called: us", "in a graph: us", "GB/s", "GFLOP/s"),
    *("floor: us", "floor / time"),
]
FLOOR_COLUMNS = ("floor: ms", "floor / time")


def missing() -> str:
    """Why nothing can be measured, in a sentence; empty if there is a device."""
    try:
        import cupy

        if float((cupy.zeros(1) + 1.0).get()[0]) == 1.0:
            return ""
        problem = "a kernel of CuPy gives a wrong result"
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
    return f"bench.gpu: no CUDA device can be used ({problem}). {NEEDS}"


def device_table(cupy: Any, peaks: Peaks) -> Table:
    """Name, compute capability, memory, versions, measured peaks."""
    device, runtime = cupy.cuda.Device(), cupy.cuda.runtime
    name = runtime.getDeviceProperties(device.id)["name"]
    capability = device.compute_capability
    facts = {
        "name": name.decode() if isinstance(name, bytes) else name,
        "compute capability": f"{capability[:-1]}.{capability[-1]}",
        "multiprocessors": device.attributes["MultiProcessorCount"],
        "memory": f"{device.mem_info[1] * 1e-9:.1f} GB",
        "CUDA of the driver, of the runtime": f"{runtime.driverGetVersion()}, "
        f"{runtime.runtimeGetVersion()}",
        "CuPy": cupy.__version__,
        "copy": f"{peaks.bandwidth * 1e-9:.4g} GB/s",
        "matrix product": f"{peaks.float32 * 1e-12:.3g} TFLOP/s in float32, "
        f"{peaks.float64 * 1e-12:.3g} in float64",
        "launch from Python": f"{peaks.launch * 1e6:.3g} us",
    }
    table = Table("Device", ["", "found or measured"], raw={"peaks": asdict(peaks), **facts})
    for fact, value in facts.items():
        table.add(fact, value)
    return table


def parity_table(quick: bool) -> tuple[Table, bool]:
    """What pytest says about the kernels on the device, and whether all is well."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "--tb=short", PARITY]
    command += ["-k", "vector"] if quick else []
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    summary = (done.stdout.strip().splitlines() or ["pytest said nothing"])[-1].strip("= ")
    well = done.returncode == 0 and " passed" in summary and " skipped" not in summary
    if not well:
        print(done.stdout, file=sys.stderr)
    table = Table("Parity of the kernels with the reference", ["tests", "outcome"])
    table.add(PARITY, summary)
    table.raw = {"summary": summary, "passed": well}
    return table, well


def kernel_tables(cupy: Any, effort: Effort, peaks: Peaks) -> list[Table]:
    """Every kernel of interest at every shape, order and dtype."""
    from .gpu_cases import Cases
    from .gpu_data import rows_of
    from .gpu_timing import Clock

    clock, tables = Clock(cupy, effort.calls, effort.rounds), []
    for shape in effort.shapes:
        rows = rows_of(shape)
        for order in effort.orders:
            for dtype in effort.dtypes:
                run = Run(rows.shape, order, np.dtype(dtype))
                table = Table(
                    f"{run.title}: kernels",
                    KERNEL_COLUMNS,
                )
                for case in Cases(cupy, rows, run).all():
                    _add_kernel(table, case.work, clock.measure(case), peaks)
                tables.append(table)
    tables[-1].notes = [
        "Called from Python one after the other, or replayed as a CUDA graph, which the host does "
        "not slow down; rates and shares are those of the shorter time. The floor is that of the "
        "device with the measured peaks; what stays in caches can be faster. First calls compile, "
        "unless CuPy's cache on disk has the kernel."
    ]
    return tables


def _add_kernel(table: Table, work: Any, measured: Any, peaks: Peaks) -> None:
    floor, seconds = work.floor(peaks).device, measured.seconds
    replayed = measured.replayed
    table.add(
        f"{work.kernel}, {work.size}",
        f"{measured.first:.2f}",
        f"{measured.called * 1e6:.4g}",
        "" if replayed is None else f"{replayed * 1e6:.4g}",
        f"{work.bytes / seconds * 1e-9:.3g}",
        f"{work.operations / seconds * 1e-9:.3g}",
        f"{floor * 1e6:.3g}",
        f"{floor / seconds:.1%}",
    )
    table.raw[work.kernel] = {
        "work": asdict(work),
        **measured._asdict(),
        "floor": floor,
        "share": floor / seconds,
    }


def iteration_table(cupy: Any, effort: Effort, peaks: Peaks) -> Table:
    """Outer iterations of F2SA-p on the device and on the CPU, float32, in turns."""
    from .gpu_data import problem_of, rows_of, stepper

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    threads = {"one thread": 1, f"{cores} threads": cores}
    table = Table(
        "F2SA-p, one outer iteration, float32",
        ["", "device: ms", *(f"CPU, {label}: ms" for label in threads), *FLOOR_COLUMNS],
        notes=[
            "Wall time, median (least–greatest) over rounds in which all take turns. A turn ends "
            "with an evaluation on the validation rows."
        ],
    )
    for shape in effort.shapes:
        rows = rows_of(shape)
        problems = {"device": problem_of(rows, cupy), "CPU": problem_of(rows)}
        for order in effort.orders:
            run = Run(rows.shape, order, np.dtype(np.float32))
            steps = run.iteration()
            operations = sum(times * work.operations for times, work in steps)
            count = max(2, min(MOST_ITERATIONS, int(effort.operations / operations)))
            runs = {"device": stepper(problems["device"], run, count)}
            for label, n_threads in threads.items():
                runs[label] = stepper(problems["CPU"], run, count, n_threads)
            tasks = {label: Task(each.advance, count) for label, each in runs.items()}
            times = {label: t.wall for label, t in interleave(tasks, effort.turns).items()}
            for each in runs.values():
                each.close()
            floor = max(floor_of_iteration(steps, peaks))
            share = floor / float(np.median(times["device"]))
            walls = [spread(wall, 1e-3) for wall in times.values()]
            table.add(run.title, *walls, f"{floor * 1e3:.3g}", f"{share:.1%}")
            table.raw[run.title] = {**times, "floor": floor, "share": share, "count": count}
    return table


def main() -> int:
    options = arguments(__doc__)
    reason = missing()
    if reason:
        print(reason, file=sys.stderr)
        return 1
    import cupy

    from .gpu_timing import Clock, measured_peaks

    effort = QUICK if options.quick else FULL
    clock = Clock(cupy, effort.calls, effort.rounds)
    peaks = measured_peaks(clock, "this device", effort.copied, effort.columns)
    parity, well = parity_table(options.quick)
    tables = [device_table(cupy, peaks), parity, *kernel_tables(cupy, effort, peaks)]
    publish("gpu", [*tables, iteration_table(cupy, effort, peaks)], options)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
