"""F2SA-p in torch with gradients by hand: CSR blocks, transposes made once, offsets together."""

from __future__ import annotations

import warnings

import numpy as np
import scipy.sparse as sp
import torch

from .setting import Block, Setting


def to_csr(X: sp.csr_matrix) -> torch.Tensor:
    """A SciPy CSR matrix as a torch CSR tensor."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        index = (torch.from_numpy(array.astype(np.int32)) for array in (X.indptr, X.indices))
        return torch.sparse_csr_tensor(
            *index, torch.from_numpy(X.data), X.shape, check_invariants=False
        )


class LearnedPenalty:
    """Learn one penalty per feature; W is kept as (d, q C)."""

    def __init__(
        self, train: list[Block], val: list[Block], W0: np.ndarray, x0: np.ndarray, setting: Setting
    ) -> None:
        self.train, self.val = ([self.to_block(block) for block in side] for side in (train, val))
        self.setting, self.q, self.C = setting, setting.offsets.size, W0.shape[1]
        self.W = torch.from_numpy(np.tile(W0, self.q))
        self.x = torch.from_numpy(x0.copy())
        self.weights = torch.from_numpy(setting.weights.astype(W0.dtype))

    @staticmethod
    def to_block(block: Block) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Block, its transpose, and the one-hot labels with an axis for the offsets."""
        X, y = block
        classes = torch.from_numpy(np.asarray(y, dtype=np.int64))[:, None, None]
        return to_csr(X), to_csr(X.T.tocsr()), classes

    def residual(self, block: tuple, weights: torch.Tensor) -> torch.Tensor:
        """lr_y/|block| times the weighted residuals, (rows, q C)."""
        X, _, classes = block
        rows = classes.shape[0]
        Z = (X @ self.W).view(rows, self.q, self.C)
        Z = torch.softmax(Z, dim=2)
        Z.scatter_add_(2, classes.expand(rows, self.q, 1), -torch.ones_like(Z[:, :, :1]))
        Z *= (weights * (self.setting.lr_y / rows))[:, None]
        return Z.view(rows, -1)

    @torch.no_grad()
    def iterate(self, plan: np.ndarray) -> None:
        s, d = self.setting, self.x.numel()
        penalty = self.x.exp() / (d * self.C)
        keep = (1 - s.lr_y * penalty)[:, None]
        ones = torch.ones_like(self.weights)
        for lower, upper in plan:
            train, val = self.train[lower], self.val[upper]
            from_train = self.residual(train, ones)
            from_val = self.residual(val, self.weights)
            self.W *= keep
            self.W.addmm_(train[1], from_train, alpha=-1)
            self.W.addmm_(val[1], from_val, alpha=-1)
        squares = self.W.double().square().view(d, self.q, self.C).sum(dim=2)
        phi = penalty * (squares @ torch.from_numpy(s.coefficients)) / (2 * s.nu)
        self.x -= (s.lr_x * phi / phi.norm()).to(self.x.dtype)

    def result(self) -> tuple[np.ndarray, np.ndarray]:
        W = self.W.view(-1, self.q, self.C).permute(1, 0, 2)
        return self.x.numpy(), W.numpy()
