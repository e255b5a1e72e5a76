"""Every Python block of the README and of `docs/` runs, alone and without a warning."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from backends import array_library

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def _blocks(page: Path) -> list[tuple[str, int, str]]:
    """Name of the page, line and text of every block."""
    text = page.read_text(encoding="utf-8")
    found = re.finditer(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [(page.name, text[: match.start()].count("\n") + 2, match[1]) for match in found]


BLOCKS = [block for page in PAGES for block in _blocks(page)]


def test_readme_is_short():
    assert README.count("\n") < 300


def test_readme_has_an_example_for_each_kind_of_input():
    code = "\n".join(block for page, _, block in BLOCKS if page == "README.md")
    for name in ("problems.HyperCleaning(", "csr_array(", "problems.Problem(", "cp.asarray"):
        assert name in code


@pytest.mark.parametrize("block", BLOCKS, ids=[f"{page}:{line}" for page, line, _ in BLOCKS])
def test_readme_block_runs(block, tmp_path, monkeypatch, capsys):
    page, line, code = block
    monkeypatch.chdir(tmp_path)
    # blank lines in front make a traceback point into the README
    names: dict[str, Any] = {"__name__": "readme"}
    # CuPy's double stands in for it: the block must run as it is written.
    with array_library("emulated" if "import cupy" in code else "cpu"):
        exec(compile("\n" * (line - 1) + code, page, "exec"), names)
    recorded = names["result"].history["fun"]
    assert recorded[-1] < 0.7 * recorded[0]
    assert capsys.readouterr().out.strip()


def test_readme_names_the_commands_that_ci_runs():
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    command = r'^(pip install -e "\.\[test\]") && (pytest[^\n]*)$'
    install, test = re.search(command, README, re.M).groups()
    assert install.removeprefix("pip ") in ci
    assert f"\nattempt {test}\n" in ci
    assert "pip install . && fastbilevel demo" in README
    assert "fastbilevel demo" in ci


def test_readme_links_to_files_that_exist():
    for page in PAGES:
        links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        assert page.name != "README.md" or links
        assert [link for link in links if not (page.parent / link).exists()] == []
