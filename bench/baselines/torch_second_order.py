"""stocBiO, MRBO and VRBO as published scripts write them: torch autograd on sparse COO blocks.

Hessian-vector and cross products differentiate a gradient that was taken with its graph. The
mathematics is the papers': the Neumann sum has its term q = 0 and the factor eta once, and both
points of a STORM or SPIDER difference see the same minibatches.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F

from .numpy_second_order import Constants, Draw
from .setting import Block
from .torch_autograd import to_coo

Pair = tuple[torch.Tensor, torch.Tensor]


class LearnedPenalty:
    """Learn one penalty per feature: x (d,) and W (d, C), tensors without a graph."""

    def __init__(
        self,
        train: list[Block],
        val: list[Block],
        W0: np.ndarray,
        x0: np.ndarray,
        steps: Constants,
    ) -> None:
        self.train = [to_coo(block) for block in train]
        self.val = [to_coo(block) for block in val]
        self.steps = steps
        self.x, self.W = torch.tensor(x0), torch.tensor(W0)

    def lower(self, x: torch.Tensor, W: torch.Tensor, block: int) -> torch.Tensor:
        X, y = self.train[block]
        penalty = 0.5 * (W.pow(2) * x.view(-1, 1).exp()).mean()
        return F.cross_entropy(X.mm(W), y) + penalty

    def lower_gradient(self, x: torch.Tensor, W: torch.Tensor, block: int) -> torch.Tensor:
        W = W.detach().requires_grad_()
        return torch.autograd.grad(self.lower(x, W, block), W)[0]

    def hypergradient(self, x: torch.Tensor, W: torch.Tensor, blocks: Draw) -> torch.Tensor:
        """-G_xy v with v = eta sum_q (I - eta G_yy)^q F_y; F_x is 0."""
        x, W = x.detach().requires_grad_(), W.detach().requires_grad_()
        X, y = self.val[blocks.upper]
        (r,) = torch.autograd.grad(F.cross_entropy(X.mm(W), y), W)
        v, eta = r.clone(), self.steps.neumann_lr
        for block in blocks.linear:
            (G,) = torch.autograd.grad(self.lower(x, W, block), W, create_graph=True)
            r = r - eta * torch.autograd.grad(G, W, grad_outputs=r)[0]
            v = v + r
        (G,) = torch.autograd.grad(self.lower(x, W, blocks.cross), W, create_graph=True)
        return -torch.autograd.grad(G, x, grad_outputs=eta * v)[0]

    def both(self, x: torch.Tensor, W: torch.Tensor, blocks: Draw) -> Pair:
        return self.hypergradient(x, W, blocks), self.lower_gradient(x, W, blocks.lower)

    def result(self) -> tuple[np.ndarray, np.ndarray]:
        return self.x.numpy(), self.W.numpy()


class StocBiO(LearnedPenalty):
    """D lower steps, then x moves along the hypergradient."""

    def iterate(self, blocks: Draw) -> None:
        """One outer iteration; its blocks have one for each lower step."""
        for block in blocks.lower:
            self.W = self.W - self.steps.lr_y * self.lower_gradient(self.x, self.W, block)
        self.x = self.x - self.steps.lr_x * self.hypergradient(self.x, self.W, blocks)


class MRBO(LearnedPenalty):
    """STORM on both levels; the first estimates stand for themselves."""

    old: Pair | None = None
    directions: Pair

    def iterate(self, blocks: Draw) -> None:
        """One outer iteration."""
        s = self.steps
        h, G = self.both(self.x, self.W, blocks)
        if self.old is not None:
            h_old, G_old = self.both(*self.old, blocks)
            v, u = self.directions
            h = h + (1 - s.momentum) * (v - h_old)
            G = G + (1 - s.lower_momentum) * (u - G_old)
        self.old, self.directions = (self.x, self.W), (h, G)
        self.x, self.W = self.x - s.lr_x * h, self.W - s.lr_y * G


class VRBO(LearnedPenalty):
    """SPIDER on both levels: estimates are made anew now and then and corrected in between."""

    directions: Pair

    def iterate(self, refresh: Sequence[Draw], inner: Sequence[Draw]) -> None:
        """One outer iteration; `refresh` is empty where the estimates are carried on.

        The last of `inner` corrects them at the last W, without a step.
        """
        s = self.steps
        if refresh:
            estimates = [self.both(self.x, self.W, blocks) for blocks in refresh]
            v, u = (torch.stack(parts).mean(dim=0) for parts in zip(*estimates, strict=True))
        else:
            v, u = self.directions
        x_old, W_old = self.x, self.W
        self.x = self.x - s.lr_x * v
        for t, blocks in enumerate(inner, 1):
            h, G = self.both(self.x, self.W, blocks)
            h_old, G_old = self.both(x_old, W_old, blocks)
            v, u = v + h - h_old, u + G - G_old
            x_old, W_old = self.x, self.W
            if t < len(inner):
                self.W = self.W - s.lr_y * u
        self.directions = v, u


METHODS: dict[str, Callable[..., LearnedPenalty]] = {
    "stocbio": StocBiO,
    "mrbo": MRBO,
    "vrbo": VRBO,
}
