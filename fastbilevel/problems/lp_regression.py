"""Regression in the p-norm with one weight per training row, chosen on clean validation data."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from fastbilevel._arrays.placement import fetch
from fastbilevel._arrays.tuples import index_type_for, read_only
from fastbilevel._checks.data import check_regression_data
from fastbilevel._checks.values import check_choice, check_number
from fastbilevel._texts.compile import Text
from fastbilevel.kernels.reference.weights import CLIP, SIGMOID
from fastbilevel.problems import _power_texts as oracle_texts
from fastbilevel.problems._power_texts import Data, Side, Work
from fastbilevel.problems._two_levels import TwoLevels
from fastbilevel.problems.base import make_zero
from fastbilevel.problems.uniform_convexity import generalized_hessian

KINDS = {"clip": CLIP, "sigmoid": SIGMOID}


class LpRegression(TwoLevels):
    """Learn the weights of training rows of a regression in the p-norm, on clean validation data.

    Lower level: ``g(x, w) = 1/n sum_i r_i |s(x_i) (X_i w - y_i)|^p + reg ||w||_p^p`` on the
    training data. Upper level: ``f(w) = 1/m sum_i r_i |X_i w - y_i|^p`` on the validation data.

    g is uniformly convex of power p in w; for p > 2 it is not strongly convex, and its curvature
    vanishes where residuals and weights do. With p = 2 it is least squares with a ridge penalty.

    Parameters
    ----------
    X, Xv : (n, d), (m, d) array_like or sparse
        Training and validation data, both dense or both sparse; see `LearnToRegularize`.
    y, yv : (n,), (m,) array_like
        Targets, finite real numbers; those of the training data possibly wrong.
    power : float
        p >= 2.
    reg : float
        Weight of the penalty, not negative.
    weights : {"clip", "sigmoid"}
        s: ``min(max(x_i, 0), 1)``, where x are the weights themselves (UniBiO), or
        ``1/(1 + exp(-x_i))``. They are inside the power: a row counts s^p.
    sample_weight, sample_weight_val : (n,), (m,) array_like, optional
        r, outside the power; scaled to mean 1.
    dtype, check_finite
        As in `LearnToRegularize`.

    Attributes
    ----------
    power, reg : float
    weights : str
    x0 : (n,) array
        1/2 for "clip", 0 for "sigmoid": every weight is 1/2, in the middle of its range, so every
        row counts 2^-p.
    y0 : (d,) array
        Zeros.
    default_bounds : (0, 1) for "clip", else None
        Beyond them the clipped weights have no gradient, and x could not come back.

    Raises
    ------
    TypeError, ValueError
        If the data are not what is described above.

    Notes
    -----
    A weight of exactly 0 has no gradient if p > 1, as s^p is flat there: a row that a method has
    excluded stays excluded.

    References
    ----------
    UniBiO (ICLR 2026), data cleaning in the p-norm.

    Examples
    --------
    >>> import numpy as np, fastbilevel as fb
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((60, 5))
    >>> y = X @ np.arange(5.0) + 0.1 * rng.standard_normal(60)
    >>> problem = fb.problems.LpRegression(X[:40], y[:40], X[40:], y[40:], power=4, reg=0.01)
    >>> problem.n_x, problem.n_y
    (40, 5)
    """

    _told = ("power", "reg", "weights")

    def __init__(
        self,
        X: Any,
        y: Any,
        Xv: Any,
        yv: Any,
        power: float = 4.0,
        reg: float = 1e-3,
        weights: str = "clip",
        *,
        sample_weight: Any = None,
        sample_weight_val: Any = None,
        dtype: Any = None,
        check_finite: bool = True,
    ):
        self.weights = check_choice("weights", weights, KINDS)
        self._kind = KINDS[self.weights]
        self.power = check_number("power", power, least=2)
        self.reg = check_number("reg", reg, least=0)
        data = check_regression_data(
            X,
            y,
            Xv,
            yv,
            sample_weight=sample_weight,
            sample_weight_val=sample_weight_val,
            dtype=dtype,
            check_finite=check_finite,
        )
        self.kernels = data.kernels
        self.dtype, self._index = data.dtype, data.index
        (self.n_lower, self.n_y), self.n_upper = data.X.shape, data.Xv.shape[0]
        self.n_x = self.n_lower
        self.lower_shape = (1, self.n_y)
        self.x0 = np.full(self.n_x, 0.5 if self.weights == "clip" else 0.0, self.dtype)
        self.y0 = np.zeros(self.n_y, self.dtype)
        self.default_bounds = (0.0, 1.0) if self.weights == "clip" else None
        self._sparse = sp.issparse(data.X)
        self._sides = (
            Side(X=_arrays_of(data.X), targets=data.targets, weight=data.weight),
            Side(X=_arrays_of(data.Xv), targets=data.targets_v, weight=data.weight_v),
        )

    def _columns_of_data(self) -> dict[str, int]:
        return {"features": self.n_y}

    def texts(self) -> dict[str, Text]:
        return {
            "value_lower": (oracle_texts.make_value, True, self._sparse),
            "value_upper": (oracle_texts.make_value, False, self._sparse),
            "grad_lower_y": (oracle_texts.make_grad_y, True, self._sparse),
            "grad_upper_y": (oracle_texts.make_grad_y, False, self._sparse),
            "grad_lower_x": (oracle_texts.make_grad_lower_x, self._sparse),
            "grad_upper_x": (make_zero,),
            "hvp_lower_yy": (oracle_texts.make_hvp_lower_yy, self._sparse),
            "jvp_lower_xy": (oracle_texts.make_jvp_lower_xy, self._sparse),
        }

    def evaluation_arguments(self, rows: int) -> tuple[Data, Work]:
        train, val = self._sides
        data = Data(train=train, val=val, kind=self._kind, power=self.power, reg=self.reg)
        Z, U = np.empty(rows, self.dtype), np.empty(rows, self.dtype)
        return data, Work(Z=Z, U=U, coefficients=np.empty(rows), terms=np.empty(rows))

    def generalized_hessian(self, x: Any, y: Any, floor: float = 0.0) -> np.ndarray:
        """D^-1 g_yy on the full data, D = diag((p-1) max(|y_i|, floor)^(p-2)); (d, d) float64.

        Its entry [i, k] is the derivative of (g_y)_k in w_i = [y_i]^(p-1): the rows are scaled.
        Takes d products, and a positive `floor` where an element of y is 0.
        """
        x, y = self._vector("x", x), self._vector("y", y)
        return generalized_hessian(self, x, y, check_number("floor", floor, least=0))

    # -- figures of merit --------------------------------------------------------------------

    def _metrics(self, x: np.ndarray, packed: np.ndarray, work: Any) -> dict[str, float]:
        """``mean_absolute_error`` of the validation rows, by weight r; ``mean_weight`` s."""
        # `value_upper` has left the residuals of the validation rows.
        residuals = np.abs(fetch(work.Z).astype(np.float64))
        return {
            "mean_absolute_error": float(np.mean(residuals * self._sides[1].weight)),
            "mean_weight": float(self._row_weights(x).mean()),
        }


def _arrays_of(X: Any) -> tuple[np.ndarray, ...]:
    """The arrays of a matrix as the design families take them, read-only."""
    if not sp.issparse(X):
        return (X,)
    indices = X.indices.astype(index_type_for(X.shape[1]), copy=False)
    return tuple(read_only(a) for a in (X.indptr.astype(np.int64), indices, X.data))
