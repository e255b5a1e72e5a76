"""Numbers that Python and the sources in CUDA C++ both compute with: said here or in `reference`.

`definitions` writes them in C++, and `launch` puts that in front of a source, which therefore
defines none of them.
"""

from __future__ import annotations

import re
import sys

from ..reference import (
    chain,
    csr,
    csr_curvature,
    draw,
    momentum,
    powers,
    projection,
    sine,
    weights,
)

# Threads of a warp, which is not ours to choose: masks of warps are written out in the sources.
WARP = 32
# Threads of a block of a kernel that strides over its elements, and warps of it.
THREADS = 256
WARPS = THREADS // WARP
# Threads of a block that works alone. With twice as many, projections spill where float64 is
# emulated (compute capability 12.0).
MOST_THREADS = 512
# Numbers that travel with a launch by value, see `launch.table`.
TABLE_SIZE = 64
# CSR data: most threads of a block that owns a row; threads of a block that owns features, and how
# many features it deals with at a time.
ROW_THREADS = 256
OWNERS = 512
FEATURES = 256
# Dense data: rows and columns of a tile of logits, which has one for each thread of a warp. Columns
# of scratch arrays are padded to what a tile has, and each warp of a block ends with one of them.
ROWS, COLUMNS = 4, 8

# Where Python says a number, what its name begins with in C++, and its name in Python.
SHARED = (
    (
        sys.modules[__name__],
        "",
        "WARP THREADS WARPS MOST_THREADS TABLE_SIZE ROW_THREADS OWNERS FEATURES ROWS COLUMNS",
    ),
    (chain, "", "COIN_TAG HALF_WIDTH ROOT_HALF"),
    (csr, "", "SMALLEST_SCALE"),
    (csr_curvature, "", "SUM SOLVE"),
    (draw, "", "BLOCKS REPLACEMENT PERMUTATION_TAG NOISE_TAG FEISTEL_ROUNDS"),
    (draw, "", "PHILOX_ROUNDS PHILOX_M0 PHILOX_M1 PHILOX_W0 PHILOX_W1"),
    (momentum, "", "LEFT_AFTER_RESTART"),
    (powers, "", "LARGEST_WHOLE"),
    (projection, "", "BOX BALL SIMPLEX"),
    (sine, "", "HALF_PI"),
    (weights, "WEIGHT_", "NONE SIGMOID CLIP SOFTMAX"),
)


def _definition(name: str, value: int | float, home: str) -> str:
    if isinstance(value, float):
        kind, literal = "double", value.hex()
    else:
        kind, literal = ("int" if value < 1 << 31 else "unsigned"), str(value)
    return f"constexpr {kind} {name} = {literal};  // {home}\n"


def definitions(source: str) -> str:
    """C++ that defines those of the numbers that a source names."""
    named = set(re.findall(r"\w+", source))
    return "".join(
        _definition(prefix + name, getattr(module, name), module.__name__)
        for module, prefix, names in SHARED
        for name in names.split()
        if prefix + name in named
    )
