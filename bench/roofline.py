"""What the CUDA kernels must move and compute, from shapes alone, and the time that takes at least.

On paper: nothing here is measured. Run `python -m bench.roofline --device A100`, or with the peaks
of another device, `--device custom 900 80` (GB/s, TFLOP/s in float32 and, if given, in float64),
and `--shape` with names of settings, or `d,C,batch`, or `d,C,batch,entries per row`.

How it is counted:

* Bytes: every array that a kernel reads or writes moves once, between memory and chip. Scratch
  does not move. Of sparse iterates those rows move whose features occur in the minibatch.
* Operations: additions, multiplications, divisions, comparisons, exponentials count as one each.
  Sums of losses, of penalties and of norms are in float64 even where the data are in float32.
* A kernel takes as long as the slowest of memory, float32 and float64 units, and as its barriers
  between all blocks. An outer iteration takes as long as its kernels, or as the host needs to
  launch them if that is longer.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict, astuple

import numpy as np

from .gpu_floor import Peaks, floor_of_iteration
from .gpu_work import SETTINGS, Run, Shape
from .record import Table

# Peaks that manufacturers state. Devices that are the same but for memory or cooling differ.
DEVICES = {
    "H200": Peaks("H200 SXM", 4.8e12, 67e12, 34e12, "data sheet"),
    "H100": Peaks("H100 SXM", 3.35e12, 67e12, 34e12, "data sheet"),
    "A100": Peaks("A100 SXM 80 GB", 2.04e12, 19.5e12, 9.7e12, "data sheet"),
    "L40S": Peaks("L40S", 0.864e12, 91.6e12, 1.43e12, "data sheet; float64: estimate, 1/64"),
}
ORDERS = (2, 10)
COLUMNS = [
    *("kernel", "MB", "MFLOP", "in float64", "flop/byte", "memory: us"),
    *("float32: us", "float64: us", "barriers: us", "floor: us", "launches", "launching: us"),
]


def peaks_of(words: Sequence[str]) -> Peaks:
    """A device of the table, or ``custom GB/s TFLOP/s [TFLOP/s in float64]``."""
    name, *numbers = words
    if name == "custom" and len(numbers) in (2, 3):
        bandwidth, float32, *rest = map(float, numbers)
        if min(bandwidth, float32, *rest) > 0:
            float64 = rest[0] if rest else float32 / 2
            source = "given" if rest else "given; float64: taken as half of float32"
            return Peaks("custom", bandwidth * 1e9, float32 * 1e12, float64 * 1e12, source)
    elif name in DEVICES and not numbers:
        return DEVICES[name]
    raise ValueError(
        f"--device takes one of {', '.join(DEVICES)}, or: custom GB/s TFLOP/s [TFLOP/s in float64]"
    )


def shape_of(word: str) -> Shape:
    """A setting by name, or ``d,C,batch`` or ``d,C,batch,entries per row``."""
    if word in SETTINGS:
        return SETTINGS[word]
    numbers = word.split(",")
    if len(numbers) not in (3, 4) or not all(number.isdecimal() for number in numbers):
        raise ValueError(f"--shape takes d,C,batch[,entries], or one of {', '.join(SETTINGS)}")
    d, C, batch, *entries = map(int, numbers)
    if min(d, C, batch, *entries) < 1:
        raise ValueError(f"--shape takes positive numbers, not {word}")
    return Shape(word, 10 * batch, d, C, batch, *entries)


def number(value: float) -> str:
    """Three digits, but not more than two behind the point."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def kernel_table(run: Run, peaks: Peaks) -> Table:
    """Every kernel of interest on its own."""
    table = Table(f"{run.title}, {peaks.name}: kernels", COLUMNS)
    for work in run.kernels():
        floor = work.floor(peaks)
        table.add(
            f"{work.kernel}, {work.size}",
            number(work.bytes * 1e-6),
            number(work.operations * 1e-6),
            number(work.float64 * 1e-6),
            number(work.intensity),
            *(number(seconds * 1e6) for seconds in astuple(floor)[:4]),
            number(floor.device * 1e6),
            work.launches,
            number(floor.launching * 1e6),
        )
        table.raw[work.kernel] = {"work": asdict(work), "floor": asdict(floor)}
    return table


def iteration_table(runs: Sequence[Run], peaks: Peaks) -> Table:
    """Outer iterations of F2SA-p."""
    head = ["outer iteration", "MB", "GFLOP", "device: us", "launches", "launching: us"]
    table = Table(
        f"F2SA-p, one outer iteration, at least, {peaks.name} ({peaks.source}; not measured by us)",
        [*head, "floor: us", "bound by"],
        notes=[
            f"Estimates: {peaks.launch * 1e6:.2g} us for a launch, "
            f"{peaks.barrier * 1e6:.2g} us for a barrier between all blocks."
        ],
    )
    for run in runs:
        steps = run.iteration()
        device, launching = floor_of_iteration(steps, peaks)
        table.add(
            run.title,
            number(sum(times * work.bytes for times, work in steps) * 1e-6),
            number(sum(times * work.operations for times, work in steps) * 1e-9),
            number(device * 1e6),
            sum(times * work.launches for times, work in steps),
            number(launching * 1e6),
            number(max(device, launching) * 1e6),
            "launches" if launching > device else "the device",
        )
        table.raw[run.title] = {"device": device, "launching": launching}
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", nargs="+", default=["H100"], metavar="NAME")
    parser.add_argument("--shape", nargs="+", default=list(SETTINGS), help=", ".join(SETTINGS))
    parser.add_argument("--order", nargs="+", type=int, default=ORDERS, help="of F2SA-p, even")
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    options = parser.parse_args(arguments)
    if any(order < 2 or order % 2 for order in options.order):
        parser.error("--order takes positive even numbers")
    try:
        peaks = peaks_of(options.device)
        shapes = [shape_of(word) for word in options.shape]
    except ValueError as problem:
        parser.error(str(problem))
    dtype = np.dtype(options.dtype)
    runs = [Run(shape, order, dtype) for shape in shapes for order in options.order]
    for run in runs:
        print(f"{kernel_table(run, peaks)}\n")
    print(iteration_table(runs, peaks))


if __name__ == "__main__":
    main()
