"""The command `fastbilevel`, also `python -m fastbilevel`."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

EXTRAS = ("cupy-cuda12x", "cupy-cuda13x", "matplotlib", "tqdm", "scikit-learn", "torch", "jax")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words after the program's name; those of the process by default.
    """
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fastbilevel", description="Fast, tested solvers for stochastic bilevel optimization."
    )
    parser.add_argument("--version", action="version", version=metadata.version("fastbilevel"))
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="two real jobs on the data that ship with the package")
    demo.add_argument(
        "--figure",
        type=Path,
        default=Path("fastbilevel-demo.png"),
        help="file of the figure (default: %(default)s); drawn if Matplotlib is installed",
    )
    demo.set_defaults(run=_demo)

    info = commands.add_parser("info", help="versions, processor, threads, backend")
    info.set_defaults(run=_info)

    warmup = commands.add_parser(
        "warmup", help="compile every method on every built-in problem ahead of time"
    )
    warmup.set_defaults(run=_warmup)

    bench = commands.add_parser("bench", help="speed of the kernels beside this machine's limits")
    bench.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    bench.add_argument(
        "--seconds", type=float, default=0.2, help="time for each kernel (default: %(default)s)"
    )
    bench.set_defaults(run=_bench)
    return parser


def _demo(options: argparse.Namespace) -> None:
    from fastbilevel._command import demo

    demo.run(options.figure)


def _info(options: argparse.Namespace) -> None:
    import llvmlite.binding
    import numba

    from fastbilevel._run.result import versions

    layer = numba.config.THREADING_LAYER  # type: ignore[attr-defined]
    facts = {
        **versions(),
        **{name: _version_or_absent(name) for name in EXTRAS},
        "processor": _processor(),
        "target": llvmlite.binding.get_host_cpu_name(),
        "cores": os.cpu_count(),
        "threads": f"{numba.get_num_threads()} (threading layer: {layer})",
        "backends": "CPU, compiled by Numba; CUDA, if CuPy arrays are given",
    }
    for name, fact in facts.items():
        print(f"{name:<13} {fact}")


def _version_or_absent(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    """Model name of the processor, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or "unknown")


def _warmup(options: argparse.Namespace) -> None:
    from fastbilevel._command import warmup

    warmup.run()


def _bench(options: argparse.Namespace) -> None:
    import numpy as np

    from fastbilevel._command.table import table
    from fastbilevel._rates import measure as rates

    dtype = np.dtype(options.dtype)
    limits = rates.measure_limits(dtype)
    print(
        f"One thread, {dtype.name}. Copying memory: {limits.copy * 1e-9:.1f} GB/s; "
        f"NumPy's matrix product: {limits.gemm * 1e-9:.1f} GFLOP/s.\n"
    )
    rows = [rate.row(limits) for rate in rates.kernel_rates(dtype, options.seconds)]
    print(table(rates.COLUMNS, rows, left=2))
