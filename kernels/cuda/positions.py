"""Which positions of a lower iterate belong to each penalty coefficient, sorted by coefficient.

The kernels of the contract get the maps from positions to coefficients; sums over the positions of
a coefficient need the inverse. It is made on the host at the first call for a pair of maps, which
waits for the device and allocates, so before a graph is captured, and is kept as long as the maps:
they are known by being the same array objects, whose numbers must not change.
"""

from __future__ import annotations

import weakref
from typing import Any, NamedTuple

import numpy as np

# Most positions that one team of threads adds up.
PIECE = 1024


class Positions(NamedTuple):
    """The positions of every coefficient, cut into pieces.

    Attributes
    ----------
    cells : (m,) int64 device array
        Cell t stands for the positions ``t*width .. (t+1)*width - 1``, which all belong to one
        coefficient; cells are sorted by coefficient.
    width : int
    pieces : (n_pieces+1,) int64 device array
        Piece b is ``cells[pieces[b] : pieces[b+1]]``, all of one coefficient.
    first : (n+1,) int64 device array
        Coefficient k has the pieces ``first[k] .. first[k+1] - 1``.
    n_pieces : int
    positions_each, pieces_each : int
        Mean positions of a piece and pieces of a coefficient, rounded up.
    """

    cells: Any
    width: int
    pieces: Any
    first: Any
    n_pieces: int
    positions_each: int
    pieces_each: int


_known: dict[tuple[int, ...], Positions] = {}


def positions_of(row_index: Any, col_index: Any, size: int, n: int) -> Positions:
    """The positions of n coefficients in an iterate of that size."""
    key = id(row_index), id(col_index), size, n
    if key not in _known:
        _known[key] = _sorted(row_index.get(), col_index.get(), size, n)
        for array in (row_index, col_index):
            weakref.finalize(array, _known.pop, key, None)
    return _known[key]


def _sorted(row_index: np.ndarray, col_index: np.ndarray, size: int, n: int) -> Positions:
    import cupy

    cols = size // row_index.size
    width = 1
    if col_index.size == 1:
        width = next(w for w in range(min(cols, PIECE), 0, -1) if cols % w == 0)
    columns = np.broadcast_to(col_index, cols // width)
    coefficients = (row_index[:, np.newaxis] + columns).reshape(-1)
    cells = np.argsort(coefficients, kind="stable")
    counts = np.bincount(coefficients, minlength=n)
    starts = np.concatenate([[0], np.cumsum(counts)])
    most = PIECE // width
    pieces_of = -(-counts // most)
    first = np.concatenate([[0], np.cumsum(pieces_of)])
    n_pieces = int(first[-1])
    number = np.arange(n_pieces) - np.repeat(first[:-1], pieces_of)
    pieces = np.append(np.repeat(starts[:-1], pieces_of) + most * number, cells.size)
    return Positions(
        cupy.asarray(cells),
        width,
        cupy.asarray(pieces),
        cupy.asarray(first),
        n_pieces,
        -(-size // n_pieces),
        -(-n_pieces // n),
    )
