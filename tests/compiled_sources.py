"""Which sources end up in machine code, and their hash, which names the compile cache."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

# A maker's inner functions are texts, which are compiled; the types of records are compiled in.
COMPILED = re.compile(r"^(@record$|def make_\w+\(\s*k\b)", re.MULTILINE)


def compiled_sources(root: Path) -> Iterator[Path]:
    """Every kernel, and every file of the package with a text or a record."""
    yield from sorted((root / "kernels").rglob("*.py"))
    for path in sorted((root / "fastbilevel").rglob("*.py")):
        if COMPILED.search(path.read_text(encoding="utf-8")):
            yield path


def source_hash(root: Path) -> str:
    """Hash of every Python source that can end up in machine code."""
    digest = hashlib.sha256()
    for path in compiled_sources(root):
        digest.update(str(path.relative_to(root)).encode() + path.read_bytes())
    return digest.hexdigest()[:16]
