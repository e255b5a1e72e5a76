"""Render the JSON files under `bench/results` as Markdown and put it between a file's markers.

Files in folders inside it count too. The block between ``<!-- bench:NAME -->`` and
``<!-- /bench:NAME -->`` is replaced by the tables of NAME.json. Run
`python -m bench.report README.md bench/README.md`; without files it prints all.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

from .record import RESULTS

MARKED = re.compile(r"(<!-- bench:(\w+) -->\n).*?(<!-- /bench:\2 -->)", re.DOTALL)


def markdown(result: dict[str, Any]) -> str:
    """Tables of one result, and a line that says where the figures come from."""
    parts = []
    for table in result["tables"]:
        lines = [f"**{table['title']}**", "", _row(table["columns"])]
        lines.append(_row(["---"] + ["---:"] * (len(table["columns"]) - 1)))
        lines += [_row(row) for row in table["rows"]]
        parts.append("\n".join(lines))
        parts += table["notes"]
    machine, versions = result["machine"], result["versions"]
    names = ", ".join(f"{name} {version}" for name, version in versions.items())
    mode = " Quick mode: a smoke test, not a measurement." if result["quick"] else ""
    parts.append(
        f"<sub>{machine['processor']}, {machine['cores']} cores, {machine['system']}; {names}; "
        f"{result['when'][:10]}.{mode}</sub>"
    )
    return "\n\n".join(parts) + "\n"


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def fill(text: str, results: dict[str, str]) -> tuple[str, list[str]]:
    """`text` with every marked block replaced, and the names for which there is no result."""
    missing = [name for _, name, _ in MARKED.findall(text) if name not in results]

    def block(match: re.Match[str]) -> str:
        start, name, end = match.groups()
        return f"{start}{results[name]}{end}" if name in results else match.group()

    return MARKED.sub(block, text), missing


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, help="Markdown files to fill")
    parser.add_argument("--results", default=RESULTS, type=Path, help="folder of the JSON files")
    options = parser.parse_args()
    stored = sorted(options.results.rglob("*.json"))
    results = {f.stem: markdown(json.loads(f.read_text(encoding="utf-8"))) for f in stored}
    if not options.files:
        print("\n".join(results.values()))
    for file in options.files:
        if not file.is_file():
            parser.error(f"{file} does not exist; give Markdown files with bench markers")
    for file in options.files:
        filled, missing = fill(file.read_text(encoding="utf-8"), results)
        file.write_text(filled, encoding="utf-8")
        for name in missing:
            print(f"{file}: no {name}.json in {options.results}; its block is left as it was.")


if __name__ == "__main__":
    main()
