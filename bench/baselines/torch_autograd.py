"""F2SA-p as published scripts write it: torch autograd on sparse COO blocks, tasks in a pool.

One task per offset; every gradient is taken at that offset's own iterate.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import scipy.sparse as sp
import torch
import torch.nn.functional as F

from .setting import Block, Setting


def to_coo(block: Block) -> tuple[torch.Tensor, torch.Tensor]:
    """A block as a coalesced sparse COO tensor and its labels."""
    X, y = block
    X = sp.coo_matrix(X)
    index = torch.from_numpy(np.stack([X.row, X.col]).astype(np.int64))
    matrix = torch.sparse_coo_tensor(
        index, torch.from_numpy(X.data), X.shape, check_invariants=False
    ).coalesce()
    return matrix, torch.from_numpy(np.asarray(y, dtype=np.int64))


class LearnedPenalty:
    """Learn one penalty per feature; `workers` threads serve the pool."""

    def __init__(
        self,
        train: list[Block],
        val: list[Block],
        W0: np.ndarray,
        x0: np.ndarray,
        setting: Setting,
        workers: int = 1,
    ) -> None:
        self.train = [to_coo(block) for block in train]
        self.val = [to_coo(block) for block in val]
        self.setting = setting
        self.x = torch.tensor(x0, requires_grad=True)
        self.W = [torch.tensor(W0, requires_grad=True) for _ in setting.offsets]
        self.steps = [torch.optim.SGD([W], lr=setting.lr_y) for W in self.W]
        self.outer_step = torch.optim.SGD([self.x], lr=setting.lr_x)
        self.pool = ThreadPoolExecutor(workers)

    def upper(self, W: torch.Tensor, block: int) -> torch.Tensor:
        X, y = self.val[block]
        return F.cross_entropy(X.mm(W), y)

    def lower(self, W: torch.Tensor, block: int) -> torch.Tensor:
        X, y = self.train[block]
        penalty = 0.5 * (W.pow(2) * self.x.view(-1, 1).exp()).mean()
        return F.cross_entropy(X.mm(W), y) + penalty

    def solve_lower(self, j: int, plan: np.ndarray) -> None:
        """K steps of SGD on g + j nu f."""
        W, step, weight = self.W[j], self.steps[j], float(self.setting.weights[j])
        for train_block, val_block in plan:
            step.zero_grad()
            (f_y,) = torch.autograd.grad(self.upper(W, val_block), W)
            (g_y,) = torch.autograd.grad(self.lower(W, train_block), W)
            W.grad = weight * f_y + g_y
            step.step()

    def iterate(self, plan: np.ndarray) -> None:
        tasks = [self.pool.submit(self.solve_lower, j, plan) for j in range(len(self.W))]
        for task in tasks:
            task.result()
        block = int(plan[-1, 0])
        loss = sum(
            float(alpha) * self.lower(W.detach(), block)
            for alpha, W in zip(self.setting.coefficients, self.W, strict=True)
        )
        self.outer_step.zero_grad()
        (phi,) = torch.autograd.grad(loss / self.setting.nu, self.x)
        self.x.grad = phi / phi.norm()
        self.outer_step.step()

    def result(self) -> tuple[np.ndarray, np.ndarray]:
        W = torch.stack([W.detach() for W in self.W])
        return self.x.detach().numpy(), W.numpy()
