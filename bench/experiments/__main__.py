"""Run experiments: `python -m bench.experiments [NAME ...] [--quick]`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from . import NAMES
from .figures import FOLDER, save


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.experiments", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; or all")
    parser.add_argument("--quick", action="store_true", help="a few seconds each, no measurement")
    parser.add_argument("--seed", type=int, default=0, help="of everything that is drawn")
    parser.add_argument("--results", default=FOLDER, type=Path, help="folder of the files")
    options = parser.parse_args(arguments)
    for name in options.names:
        if name not in NAMES:
            parser.error(f"there is no experiment {name!r}; choose from {', '.join(NAMES)}")
    for name in options.names or NAMES:
        experiment = import_module(f"{__package__}.{name}")
        findings = experiment.run(options.quick, options.seed)
        save(name, findings, experiment.draw, options.results, quick=options.quick)


if __name__ == "__main__":
    main()
