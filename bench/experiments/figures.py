"""What an experiment returns, and the files that are made of it."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..record import RESULTS, Table, publish

FOLDER = RESULTS / "experiments"
DPI = 120


@dataclass
class Findings:
    """Measured rows, and the tables that sum them up.

    Attributes
    ----------
    rows : sequence of mappings
        One per measurement, all with the same keys: the columns of the CSV file. Everything that
        is drawn or fitted is in here.
    tables : sequence of Table
    """

    rows: Sequence[Mapping[str, Any]]
    tables: Sequence[Table] = field(default_factory=list)

    def where(self, **values: object) -> list[Mapping[str, Any]]:
        """The rows that have these values, in order."""
        return [row for row in self.rows if all(row[key] == v for key, v in values.items())]

    def column(self, name: str, **values: object) -> list[Any]:
        """One column of the rows that have these values."""
        return [row[name] for row in self.where(**values)]

    def different(self, name: str) -> list[Any]:
        """The different values of a column, in order of appearance."""
        return list(dict.fromkeys(row[name] for row in self.rows))


def save(
    name: str,
    findings: Findings,
    draw: Callable[[Findings, Any], None],
    folder: Path = FOLDER,
    *,
    quick: bool = False,
) -> None:
    """Print the tables; write `name`.csv, `name`.json and, with Matplotlib, `name`.png."""
    publish(name, findings.tables, argparse.Namespace(quick=quick, results=folder))
    written = [write_rows(findings.rows, folder / f"{name}.csv"), folder / f"{name}.json"]
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        print('No figure without Matplotlib: pip install "fastbilevel[plot]"')
    else:
        # Without pyplot there is no window and no state: savefig renders with Agg.
        figure = Figure(figsize=(10, 4), layout="constrained")
        draw(findings, figure)
        figure.savefig(folder / f"{name}.png", dpi=DPI)
        written.append(folder / f"{name}.png")
    print("Written: " + ", ".join(str(file) for file in written), flush=True)


def write_rows(rows: Sequence[Mapping[str, Any]], file: Path) -> Path:
    """Write rows with the same keys as CSV."""
    if not rows:
        raise ValueError(f"rows must not be empty; an experiment has nothing for {file.name}.")
    with file.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.DictWriter(opened, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return file
