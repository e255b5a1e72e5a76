"""SABA: SOBA with SAGA estimators over the fixed blocks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from fastbilevel._arrays.memory import check_memory
from fastbilevel._arrays.tuples import map_tuple
from fastbilevel._texts.plan import Plan
from fastbilevel.methods._description import Description
from fastbilevel.methods._joint import JointSteps, Shares, Tables
from fastbilevel.methods._kinds import Kind, choice
from fastbilevel.methods._setting import Setting, outer_step
from fastbilevel.problems.base import BilevelProblem

INITIAL_MEMORIES = ("zeros", "full")


@dataclass(frozen=True, kw_only=True)
class SABA(JointSteps):
    """SABA (Dagreou, Ablin, Vaiter, Moreau: A framework for bilevel optimization that enables
    stochastic and global variance reduction algorithms, NeurIPS 2022), Algorithm 1 with SAGA.

    The steps of `SOBA`, where each of G_y, G_yy v, G_xy v, F_y and F_x is replaced by
    ``new - table[i] + average``: `new` on block i at the old (x, y, v), its row of the table from
    when the block was last drawn, and the mean of the table, each row weighted by the share of its
    block. Then ``average <- average + share_i (new - table[i])`` and ``table[i] <- new``.

    Parameters
    ----------
    lr_y : float, schedule or None
        rho. None takes 1 / (3 L), as SAGA, L the largest curvature of g in y at the start.
    lr_v : float, schedule or None
        Step of v. None takes `lr_y`, as the paper.
    lr_x : float or schedule
        gamma.
    initial_memory : {"zeros", "full"}
        What the tables hold at first: zeros, or the gradients of all blocks at the start.

    Notes
    -----
    Constant steps converge on finite sums. Only ``sampling="blocks"``; the tables take
    (2 n_y + n_x) numbers for every block of the lower level and (n_y + n_x) for every block of the
    upper level, in the problem's dtype.
    """

    name: ClassVar[str] = "saba"
    kinds: ClassVar[Mapping[str, Kind]] = {"initial_memory": choice(INITIAL_MEMORIES)}
    uses_tables: ClassVar[bool] = True
    share_of_step: ClassVar[float] = 1 / 3
    description: ClassVar[Description] = Description(
        complexity={"both": "O((n + m)**(2/3) eps**-2) on n + m samples"},
        assumptions=(
            "those of SOBA, for every sample",
            "finite sums; phi may satisfy PL, then it converges linearly",
        ),
        calls="1 f_y, 1 f_x, 1 g_y, 1 product with g_yy, 1 with g_xy, on one lower block",
        reference="Dagreou et al., NeurIPS 2022, Algorithm 1, Theorems 2 and 3",
    )

    initial_memory: str = "zeros"

    def check(self, problem: BilevelProblem) -> None:
        super().check(problem)
        if self.sampling != "blocks":
            raise ValueError(
                "saba keeps a table of fixed blocks, so sampling must be 'blocks'; got "
                f"{self.sampling!r}."
            )
        exact = self.batch_size is None and self.val_batch_size is None
        if problem.infinite and not exact:
            raise ValueError(
                f"saba needs a finite sum, but {type(problem).__name__} draws its samples without "
                "end; take 'soba' or 'ma-soba', or leave batch_size and val_batch_size None."
            )

    def tables(
        self, problem: BilevelProblem, plan: Plan, x: np.ndarray, y: np.ndarray
    ) -> tuple[Tables, Tables]:
        lower, upper = plan.lower.blocks(), plan.outer_upper.blocks()
        n_y, n_x, dtype = problem.n_y, problem.n_x, problem.dtype
        needed = (len(lower) * (2 * n_y + n_x) + len(upper) * (n_y + n_x)) * dtype.itemsize
        what = f"SABA's tables of {len(lower)} and {len(upper)} blocks"
        check_memory(needed, what, problem.kernels)
        tables = Tables(
            of_y=np.zeros((len(lower), n_y), dtype),
            of_v=np.zeros((len(lower), n_y), dtype),
            of_x=np.zeros((len(lower), n_x), dtype),
            upper_of_y=np.zeros((len(upper), n_y), dtype),
            upper_of_x=np.zeros((len(upper), n_x), dtype),
        )
        if self.initial_memory == "full":
            point = problem.unpack_lower(y)
            for i, rows in enumerate(lower):
                # v starts at 0, so the products do too.
                tables.of_y[i] = problem.pack_lower(problem.grad_lower_y(x, point, rows))
            for j, rows in enumerate(upper):
                tables.upper_of_y[j] = problem.pack_lower(problem.grad_upper_y(x, point, rows))
                tables.upper_of_x[j] = problem.grad_upper_x(x, point, rows)
        shares = self.fixed(problem, plan)
        means = Tables(
            of_y=shares.lower @ tables.of_y,
            of_v=shares.lower @ tables.of_v,
            of_x=shares.lower @ tables.of_x,
            upper_of_y=shares.upper @ tables.upper_of_y,
            upper_of_x=shares.upper @ tables.upper_of_x,
        )
        return tables, map_tuple(lambda mean: mean.astype(dtype), means)

    def fixed(self, problem: BilevelProblem, plan: Plan) -> Shares:
        """Shares of the blocks of both levels."""
        lower, upper = (_shares(s.blocks()) for s in (plan.lower, plan.outer_upper))
        return Shares(lower=lower, upper=upper)

    @staticmethod
    def theory(s: Setting) -> dict[str, Any]:
        """Constant steps ~ (n + m)^(-2/3)."""
        share = min(1 / 3, sum(s.rows) ** (-2 / 3)) if s.noise != "none" else 1 / 3
        return {
            "lr_y": share / s.L,
            "lr_v": share / s.L,
            "lr_x": share * outer_step(s),
        }


def _shares(blocks: list[np.ndarray]) -> np.ndarray:
    """Rows of every block over all rows; an expectation, which has none, is one block."""
    sizes = np.array([max(1, rows.size) for rows in blocks], np.float64)
    return sizes / sizes.sum()
