"""What a run of F2SA-p needs beside data."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

Block = tuple[sp.csr_matrix, np.ndarray]


class Setting(NamedTuple):
    """Constants of F2SA-p: x <- x - lr_x Phi/|Phi|, offsets j with coefficients alpha_j."""

    offsets: np.ndarray
    coefficients: np.ndarray
    nu: float
    lr_y: float
    lr_x: float

    @property
    def weights(self) -> np.ndarray:
        """Weight j nu of the upper objective in each lower problem."""
        return self.offsets * self.nu


def setting_of(order: int, nu: float = 0.1, lr_y: float = 100.0, lr_x: float = 0.1) -> Setting:
    """The stencil of an even `order`; its offset 0 has coefficient 0 and is left out."""
    import fastbilevel as fb

    offsets, coefficients = fb.finite_difference_coefficients(order)
    used = coefficients != 0
    return Setting(offsets[used].astype(float), coefficients[used], nu, lr_y, lr_x)


def cut_blocks(X: sp.csr_matrix, y: np.ndarray, order: np.ndarray, batch: int) -> list[Block]:
    """The fixed blocks that the rows `order` are cut into."""
    rows = [order[start : start + batch] for start in range(0, order.size, batch)]
    return [(X[r], y[r]) for r in rows]
