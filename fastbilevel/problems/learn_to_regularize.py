"""Learning penalties on validation data: one log-penalty per feature, class, pair or group."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastbilevel._checks.data import check_data
from fastbilevel._checks.labels import check_groups
from fastbilevel._checks.values import check_choice
from fastbilevel._texts.compile import Text, texts_of
from fastbilevel._texts.plan import Plan
from fastbilevel.problems._softmax_regression import SoftmaxRegression

PENALTIES = ("feature", "class", "both", "group")
REDUCTIONS = ("mean", "sum")


def make_oracles(k: Any) -> dict[str, Any]:
    """The oracles in which the penalties are differentiated."""

    def grad_lower_x(data, work, x, y, rows, out):
        """``1/2 scale exp(x_k) sum W_ic^2`` over the positions of penalty k."""
        p = data.penalty
        k.penalty.penalty_products(
            p.row_index, p.col_index, 0.5 * p.scale, x, y, y, work.total, out
        )

    def jvp_lower_xy(data, work, x, y, v, rows, out):
        """``scale exp(x_k) sum W_ic v_ic`` over the positions of penalty k."""
        p = data.penalty
        k.penalty.penalty_products(p.row_index, p.col_index, p.scale, x, y, v, work.total, out)

    return locals()


def make_perturbed_gradient(k: Any) -> Any:
    """Combination of the penalty gradients at all lower iterates; it needs no data."""

    def perturbed_gradient(data, samplers, work, x, Y, weights, alpha, nu, draw, out):
        p, total = data.penalty, work.simple.total
        k.penalty.penalty_gradient(
            p.row_index,
            p.col_index,
            p.scale,
            x,
            Y,
            alpha,
            nu,
            total,
            out,
            weights.shape[1],
            data.classes,
        )

    return perturbed_gradient


class LearnToRegularize(SoftmaxRegression):
    """Learn the penalties of softmax regression by validation.

    Lower level: ``g(x, W) = mean_i r_i CE_i(W) + 1/2 R_ic(exp(x_k(i,c)) W_ic^2)`` on the training
    data, with R the mean or the sum over all features i and classes c. Upper level:
    ``f(W) = mean_i r_i CE_i(W)`` on the validation data. F2SA-p, Example 2.2, has the sum without
    the factor 1/2; the authors' code has the mean.

    Parameters
    ----------
    X, Xv : (n, d), (m, d) array_like or sparse
        Training and validation data, both dense or both sparse. Dense C-ordered arrays of the
        working dtype are used without a copy, read-only and memory-mapped ones too: do not change
        them while the problem is in use. Sparse data are never densified.
    y, yv : (n,), (m,) array_like
        Labels of any kind; those of `yv` occur in `y`.
    penalty : {"feature", "class", "both", "group"}
        What shares a log-penalty: x has one element per feature (d,), per class (C,), per pair of
        them (d*C,), features first, or per group of features.
    groups : (d,) array_like, optional
        Group of every feature, any labels, for ``penalty="group"``; x follows their sorted order,
        kept in `group_names`.
    reduction : {"mean", "sum"}
        R. The mean makes penalties weaker by d*C.
    sample_weight, sample_weight_val : (n,), (m,) array_like, optional
        r, not negative; scaled to mean 1, so that a weight of 2 is a row that occurs twice.
    dtype : {float32, float64}, optional
        What everything is computed in, x and W included; by default float32 if both data sets are
        float32 or narrower, else float64. Integers are cast to float64.
    check_finite : bool
        False skips the search for NaN and inf.

    Attributes
    ----------
    classes : (C,) array
        Sorted labels, the columns of W.
    x0, y0 : (n_x,), (d*C,) arrays
        Zeros.
    default_bounds : (-30, 30)
        Keeps exp(x) in range.

    Raises
    ------
    TypeError, ValueError, MemoryError
        If the data are not what is described above.

    Examples
    --------
    >>> import numpy as np, fastbilevel as fb
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.standard_normal((60, 5)), rng.integers(0, 3, 60)
    >>> problem = fb.problems.LearnToRegularize(X[:40], y[:40], X[40:], y[40:])
    >>> problem.n_x, problem.n_y
    (5, 15)
    """

    default_bounds = (-30.0, 30.0)
    _told = ("penalty", "reduction")

    def __init__(
        self,
        X: Any,
        y: Any,
        Xv: Any,
        yv: Any,
        penalty: str = "feature",
        groups: Any = None,
        reduction: str = "mean",
        *,
        sample_weight: Any = None,
        sample_weight_val: Any = None,
        dtype: Any = None,
        check_finite: bool = True,
    ):
        self.penalty = check_choice("penalty", penalty, PENALTIES)
        self.reduction = check_choice("reduction", reduction, REDUCTIONS)
        data = check_data(
            X,
            y,
            Xv,
            yv,
            sample_weight=sample_weight,
            sample_weight_val=sample_weight_val,
            dtype=dtype,
            check_finite=check_finite,
        )
        super().__init__(data)
        d = self._shape[0]
        self.group_names, self._groups = None, np.arange(d)
        if self.penalty == "group":
            self.group_names, self._groups = check_groups(groups, d)
        elif groups is not None:
            raise ValueError(f"groups is for penalty='group' only; penalty is {self.penalty!r}.")
        self.n_x = self._number_penalties()
        self.x_shape = self._shape if self.penalty == "both" else None
        self.x0 = np.zeros(self.n_x, self.dtype)

    def _number_penalties(self) -> int:
        """Give every entry of W the number of its penalty; return how many there are.

        The number is the sum of a part that the feature decides and one that the class decides.
        """
        d, C = self._shape
        of_feature, of_class = self._groups, np.zeros(1, np.int64)
        if self.penalty in ("class", "both"):
            of_feature, of_class = np.zeros(d, np.int64), np.arange(C)
        if self.penalty == "both":
            of_feature = C * np.arange(d)
        scale = 1.0 / (d * C) if self.reduction == "mean" else 1.0
        if self._sparse:
            self._place_penalty(True, of_feature[self._columns], of_class, scale)
        else:
            positions = np.broadcast_to(of_class[:, np.newaxis] + of_feature, (C, d))
            self._place_penalty(True, np.zeros(1, np.int64), positions.reshape(-1), scale)
        return int(of_feature.max() + of_class.max()) + 1

    def texts(self) -> dict[str, Text]:
        return super().texts() | texts_of(make_oracles)

    def _perturbed_gradient(self, plan: Plan) -> Text:
        return (make_perturbed_gradient,)
