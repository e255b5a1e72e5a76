"""What every benchmark leaves behind: a table on screen and a JSON file under `bench/results`."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
LIBRARIES = (
    "fastbilevel", "numpy", "scipy", "numba", "llvmlite", "torch", "jax", "jaxlib",
    "cupy-cuda12x", "cupy-cuda13x",
)  # fmt: skip


@dataclass
class Table:
    """Cells are text, ready to print; `raw` keeps the measured numbers behind them."""

    title: str
    columns: list[str]
    rows: list[list[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    raw: dict[str, Any] = field(default_factory=dict)

    def add(self, *cells: object) -> None:
        """Append a row."""
        self.rows.append([str(cell) for cell in cells])

    def __str__(self) -> str:
        lines = [self.columns, *self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.columns))]
        shown = [
            "  ".join(
                cell.rjust(width) if i else cell.ljust(width)
                for i, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        ]
        return "\n".join([self.title, shown[0], "-" * len(shown[0]), *shown[1:], *self.notes])


def arguments(
    description: str | None, extend: Callable[[argparse.ArgumentParser], Any] | None = None
) -> argparse.Namespace:
    """The options that all benchmarks have, `--quick`, `--cache`, `--results`, and others."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="a smoke test of at most 20 s")
    parser.add_argument("--cache", help="folder of the prepared data (default: bench/cache)")
    parser.add_argument("--results", default=RESULTS, type=Path, help="folder of the JSON files")
    if extend is not None:
        extend(parser)
    return parser.parse_args()


def publish(name: str, tables: Iterable[Table], options: argparse.Namespace) -> None:
    """Print the tables and write `name`.json."""
    tables = list(tables)
    for table in tables:
        print(f"\n{table}", flush=True)
    options.results.mkdir(parents=True, exist_ok=True)
    content = {
        "name": name,
        "quick": options.quick,
        "when": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "machine": machine(),
        "versions": versions(),
        "tables": [asdict(table) for table in tables],
    }
    text = json.dumps(content, indent=1, ensure_ascii=False, default=float)
    (options.results / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def machine() -> dict[str, Any]:
    """Processor, usable cores, memory, system."""
    return {
        "processor": _proc_field("/proc/cpuinfo", "model name") or platform.processor(),
        "cores": os.cpu_count(),
        "memory": _proc_field("/proc/meminfo", "MemTotal"),
        "system": f"{platform.system()} {platform.machine()}",
    }


def versions() -> dict[str, str]:
    """Python and the libraries that are installed here."""
    found = {"python": platform.python_version()}
    for library in LIBRARIES:
        try:
            found[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            continue
    return found


def _proc_field(file: str, name: str) -> str:
    try:
        lines = Path(file).read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), "")


def _commit() -> str:
    try:
        command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
