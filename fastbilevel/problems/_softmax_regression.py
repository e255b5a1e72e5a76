"""Base of the bilevel problems whose lower level is softmax regression, on dense or CSR data."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import scipy.sparse as sp

from fastbilevel._arrays.memory import check_memory
from fastbilevel._arrays.placement import fetch, place
from fastbilevel._arrays.tuples import index_type_for, read_only
from fastbilevel._checks.arrays import check_vector
from fastbilevel._checks.data import Data as CheckedData
from fastbilevel._checks.points import check_same_library
from fastbilevel._texts.compile import Text, texts_of
from fastbilevel._texts.plan import Plan
from fastbilevel._texts.samplers import Sampler
from fastbilevel.kernels.reference.draw import BLOCKS
from fastbilevel.kernels.reference.weights import NONE
from fastbilevel.problems import _softmax_curvature_texts as curvature_texts
from fastbilevel.problems import _softmax_texts as oracle_texts
from fastbilevel.problems._softmax_texts import Data, FusedWork, Penalty, Side, Work
from fastbilevel.problems._two_levels import TwoLevels
from fastbilevel.problems.base import make_zero
from fastbilevel.problems.oracle_table import FUSED

# Multiply-adds of one step of a group from which on two threads are faster than one: measured to
# break even between 0.7 and 1.1 million, CSR and dense alike, and to gain 1.3 to 1.5 at 2 million.
THREADED_FROM = 1_000_000


class SoftmaxRegression(TwoLevels):
    """Softmax regression: y is a weight matrix W, (d, C), flat; the logits of a row are ``x W``.

    Inside, the features of CSR data are numbered by falling frequency and W is (d, C) in that
    order, which keeps the rows in use close together; for dense data W is transposed, (C, d).

    Attributes
    ----------
    classes : (C,) array
        Labels in the order of the columns of W.
    """

    def __init__(self, data: CheckedData, kind: int = NONE):
        self._kind = kind
        self.kernels = data.kernels
        self.dtype, self.classes, self._index = data.dtype, data.classes, data.index
        (self.n_lower, d), self.n_upper = data.X.shape, data.Xv.shape[0]
        self._shape = d, len(data.classes)
        self.n_y, self.y_shape = d * len(data.classes), self._shape
        self.y0 = np.zeros(self.n_y, self.dtype)
        self._sparse = sp.issparse(data.X)
        what = f"{type(self).__name__} with {d} features"
        check_memory(self._bytes(data), what, self.kernels)
        if self._sparse:
            self._columns, matrices = layout_by_frequency(data.X, data.Xv)
            self.lower_shape = self._shape
        else:
            self._columns, matrices = np.arange(d), [(data.X,), (data.Xv,)]
            self.lower_shape = (1, self.n_y)
        levels = zip(
            matrices, (data.labels, data.labels_v), (data.weight, data.weight_v), strict=True
        )
        self._sides = tuple(Side(X=X, labels=y, weight=r, blocks=()) for X, y, r in levels)

    def _bytes(self, data: CheckedData) -> int:
        """Memory that copies of the data and a few lower iterates take."""
        copies = data.X.nnz + data.Xv.nnz if self._sparse else 0
        size = self.dtype.itemsize
        return copies * (size + 8) + (self.n_lower + self.n_upper) * 16 + 4 * self.n_y * size

    @property
    def _layout(self) -> Any:
        return self.kernels.layout_csr if self._sparse else self.kernels.layout_dense

    # -- layout ------------------------------------------------------------------------------

    def pack_lower(self, y: np.ndarray) -> np.ndarray:
        W = np.asarray(y, self.dtype).reshape(self._shape)
        packed = W[self._columns] if self._sparse else W.T
        return np.array(packed, order="C").reshape(-1)

    def unpack_lower(self, packed: np.ndarray) -> np.ndarray:
        if not self._sparse:
            return np.array(packed.reshape(self._shape[::-1]).T, order="C").reshape(-1)
        W = np.empty(self._shape, packed.dtype)
        W[self._columns] = packed.reshape(self._shape)
        return W.reshape(-1)

    def coef(self, y: Any) -> np.ndarray:
        """The weight matrix W, (d, C), of a lower variable y; a copy."""
        check_same_library(self, y)
        W = check_vector("y", y, self.n_y, self.dtype, shape=self._shape, finite=False)
        return place(self.kernels, W.reshape(self._shape))

    def _columns_of_data(self) -> dict[str, int]:
        return {"features": self._shape[0], "classes": self._shape[1]}

    def _place_penalty(
        self, learned: bool, row_index: np.ndarray, col_index: np.ndarray, scale: float
    ) -> None:
        """Say where the squared penalty acts: the first arguments of the penalty family."""
        rows, cols = (np.ascontiguousarray(a, dtype=np.int64) for a in (row_index, col_index))
        self._penalty = Penalty(
            learned=learned, row_index=read_only(rows), col_index=read_only(cols), scale=scale
        )

    # -- oracles -----------------------------------------------------------------------------

    def texts(self) -> dict[str, Text]:
        return {
            "value_lower": (oracle_texts.make_value, True, self._sparse),
            "value_upper": (oracle_texts.make_value, False, self._sparse),
            "grad_lower_y": (oracle_texts.make_gradient, True, self._sparse),
            "grad_upper_y": (oracle_texts.make_gradient, False, self._sparse),
            "grad_upper_x": (make_zero,),
            "hvp_lower_yy": (oracle_texts.make_hvp_lower_yy, self._sparse),
        }

    @abstractmethod
    def _perturbed_gradient(self, plan: Plan) -> Text:
        """Text and constants of the fused hypergradient estimate."""

    def _work(self, rows: int, offsets: int) -> Work:
        penalty, dtype = self._penalty, self.dtype
        coefficients = self.n_x if penalty.learned else 1
        size = rows * offsets * self._shape[1]
        return Work(
            Z=np.empty(size, dtype),
            U=np.empty(size, dtype),
            coefficients=np.empty(rows, dtype),
            losses=np.empty(rows),
            shift=np.empty(1),
            e=np.empty(coefficients),
            placed=np.empty((penalty.row_index.size, penalty.col_index.size)),
            total=np.empty(coefficients),
        )

    def _data(self, samplers: tuple[Sampler, ...] | None, n_threads: int) -> Data:
        """Both sides, with copies of the blocks of `samplers`, if any; penalty, kind, threads."""
        train, val = (
            side._replace(blocks=self._blocks(side.X, sampler))
            for side, sampler in zip(self._sides, samplers or (None, None), strict=True)
        )
        return Data(
            train=train,
            val=val,
            penalty=self._penalty,
            kind=self._kind,
            classes=self._shape[1],
            n_threads=n_threads,
        )

    def _blocks(self, X: tuple[Any, ...], sampler: Sampler | None) -> tuple[Any, ...]:
        """Copies of the fixed blocks of a sampler, laid out once and kept."""
        # The dense kernels read copies of blocks for two classes only.
        wanted = self._sparse or self._shape[1] == 2
        if sampler is None or sampler.mode != BLOCKS or not wanted:

            def nothing(latest: Any) -> tuple[Any, ...]:
                blocks = self._layout.build_blocks(X, np.empty(0, np.int64), 1, False)
                return tuple(read_only(a) for a in blocks)

            return self.keep("no blocks", (), nothing)

        def lay_out(latest: Any) -> tuple[Any, ...]:
            # Blocks of another size in the same order share the copy by rows.
            rows = latest[1][6:] if latest is not None and latest[0][:-1] == sampler.cut else ()
            blocks = self._layout.build_blocks(X, sampler.order, sampler.batch, True, rows)
            return tuple(read_only(a) for a in blocks)

        return self.keep(f"blocks {sampler.stream & 1}", (*sampler.cut, sampler.batch), lay_out)

    def evaluation_arguments(self, rows: int) -> tuple[Data, Work]:
        return self._data(None, 1), self._work(rows, 1)

    def fused_texts(self, plan: Plan) -> dict[str, Text]:
        descent = (
            oracle_texts.make_perturbed_descent,
            self._sparse,
            int(plan.independent),
            self._is_threaded(plan),
        )
        first_order = {
            "perturbed_descent": descent,
            "perturbed_gradient": self._perturbed_gradient(plan),
        }
        return first_order | self._second_order_texts(plan)

    def _second_order_texts(self, plan: Plan) -> dict[str, Text]:
        """Texts with Hessian-vector products; none if their minibatches are cut differently."""
        cuts = {(s.mode, s.batch) for s in (plan.lower, plan.outer_lower, plan.linear)}
        if len(cuts) > 1 or plan.upper.batch != plan.outer_upper.batch:
            return {}
        return texts_of(curvature_texts.make_oracles, self._sparse, self._penalty.learned)

    def fused_arguments(self, plan: Plan, names: tuple[str, ...]) -> dict[str, tuple[Any, Any]]:
        logits = (plan.lower.batch + plan.upper.batch) * plan.g * self._shape[1]
        check_memory(
            (plan.n_offsets * self.n_y + logits) * self.dtype.itemsize,
            f"{plan.n_offsets} lower iterates",
            self.kernels,
        )
        data = self._data((plan.lower, plan.upper), plan.n_threads)
        of_kind = {"fused": self._fused_work, "second-order": self._second_order_work}
        work = {kind: of_kind[kind](plan) for kind in {FUSED[name].kind for name in names}}
        return {name: (data, work[FUSED[name].kind]) for name in names}

    def _fused_work(self, plan: Plan) -> FusedWork:
        d, C = self._shape
        batches = plan.lower.batch, plan.upper.batch
        return FusedWork(
            step=self._layout.workspace(d, *batches, plan.g, C, self.dtype),
            scale=np.ones(self.lower_shape[0]),
            simple=self._work(plan.outer_lower.batch, plan.g),
        )

    def _second_order_work(self, plan: Plan) -> curvature_texts.Work:
        d, C = self._shape
        lower, largest, simple = plan.lower, plan.largest_batch, self._work(1, 1)
        blocks = -(-lower.n // lower.batch) if lower.mode == BLOCKS else 0
        return curvature_texts.Work(
            scratch=self._layout.curvature_workspace(d, largest, C, self.dtype),
            slopes=np.empty(largest),
            done=np.zeros(self.lower_shape[0], np.int32),
            memory=self._layout.linear_memory(d, blocks, lower.batch, C, self.dtype),
            shift=simple.shift,
            e=simple.e,
            placed=simple.placed,
            total=simple.total,
        )

    def _is_threaded(self, plan: Plan) -> bool:
        entries = 0.0
        for side, sampler in zip(self._sides, (plan.lower, plan.upper), strict=True):
            entries += side.X[-1].size / side.weight.size * sampler.batch
        return plan.n_threads > 1 and entries * plan.g * self._shape[1] >= THREADED_FROM

    # -- figures of merit --------------------------------------------------------------------

    def _metrics(self, x: np.ndarray, packed: np.ndarray, work: Any) -> dict[str, float]:
        """``accuracy``: share of the validation rows, by weight, whose class is predicted."""
        # `value_upper` has left the logits of the validation rows.
        val = self._sides[1]
        right = fetch(work.Z.reshape(self.n_upper, -1).argmax(axis=1)) == val.labels
        return {"accuracy": float(np.mean(right * val.weight.astype(np.float64)))}


def layout_by_frequency(X: Any, Xv: Any) -> tuple[np.ndarray, list[tuple[np.ndarray, ...]]]:
    """Number the features by how often they occur in both matrices, most frequent first.

    Parameters
    ----------
    X, Xv : (n, d), (m, d) csr_array
        Not changed.

    Returns
    -------
    columns : (d,) int64 array
        Old numbers in the new order.
    matrices : list of two tuples
        ``(indptr, indices, values)`` of each matrix, read-only: int64, int32 (int64 for more
        features than that can number), float; new numbers rise in every row.
    """
    counts = sum(np.bincount(matrix.indices, minlength=X.shape[1]) for matrix in (X, Xv))
    columns = np.argsort(-counts, kind="stable")
    index_type = index_type_for(X.shape[1])
    rank = np.empty(columns.size, index_type)
    rank[columns] = np.arange(columns.size)
    matrices = []
    for matrix in (X, Xv):
        starts = matrix.indptr.astype(index_type_for(matrix.nnz))
        entries = matrix.data.copy(), rank[matrix.indices], starts
        renamed = type(matrix)(entries, shape=matrix.shape)
        renamed.sort_indices()
        indptr, indices = (
            renamed.indptr.astype(np.int64),
            renamed.indices.astype(index_type, copy=False),
        )
        matrices.append(tuple(read_only(a) for a in (indptr, indices, renamed.data)))
    return columns, matrices
