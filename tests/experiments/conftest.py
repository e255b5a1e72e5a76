"""The experiments belong to the benchmarks, which are not part of an installed package."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if (ROOT / "bench").is_dir():
    # At the end, so that an installed package is tested and not the folder beside `bench`.
    sys.path.append(str(ROOT))
else:
    collect_ignore_glob = ["test_*.py"]
