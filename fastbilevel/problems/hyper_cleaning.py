"""Data hyper-cleaning: one weight per training row, chosen on clean validation data."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastbilevel._checks.data import check_data
from fastbilevel._checks.values import check_choice, check_number
from fastbilevel._texts.compile import Text, texts_of
from fastbilevel._texts.plan import Plan
from fastbilevel.kernels.reference.weights import CLIP, SIGMOID, SOFTMAX
from fastbilevel.problems._softmax_regression import SoftmaxRegression

KINDS = {"sigmoid": SIGMOID, "clip": CLIP, "softmax": SOFTMAX}


def make_oracles(k: Any, sparse: bool) -> dict[str, Any]:
    """The oracles in which the weights of the rows are differentiated."""
    design = k.csr if sparse else k.dense

    def grad_lower_x(data, work, x, y, rows, out):
        """The gradient in x of ``1/m sum_r r_i s(x_i) CE_i``."""
        train, kind, C = data.train, data.kind, data.classes
        losses, shift = work.losses, work.shift
        design.forward(train.X, rows, y, work.Z, C)
        k.softmax.losses(work.Z, train.labels, rows, losses, C)
        k.weights.shift_of(kind, x, shift)
        out[:] = 0
        k.weights.weight_gradient(
            kind, x, shift[0], train.weight, rows, losses, 1.0 / rows.size, out
        )

    def jvp_lower_xy(data, work, x, y, v, rows, out):
        """The gradient in x of ``1/m sum_r r_i s(x_i) <softmax(x_r W) - e_y, x_r v>``."""
        train, kind, C = data.train, data.kind, data.classes
        losses, shift = work.losses, work.shift
        Z, U, ones = work.Z, work.U, work.coefficients
        design.forward(train.X, rows, y, Z, C)
        design.forward(train.X, rows, v, U, C)
        ones[:] = 1
        k.softmax.residual(Z, train.labels, rows, ones, C)
        k.weights.row_products(Z, U, rows.size, C, losses)
        k.weights.shift_of(kind, x, shift)
        out[:] = 0
        k.weights.weight_gradient(
            kind, x, shift[0], train.weight, rows, losses, 1.0 / rows.size, out
        )

    return locals()


def make_perturbed_gradient(k: Any, sparse: bool, independent: int) -> Any:
    """Gradient in x of the combined losses at all lower iterates (F2SA-p, Algorithm 1).

    The losses of the offsets are combined before they are weighted, in float64: what is common to
    all offsets cancels there, since the coefficients add up to zero.
    """
    design = k.csr if sparse else k.dense

    def perturbed_gradient(data, samplers, work, x, Y, weights, alpha, nu, draw, out):
        train, kind, Z = data.train, data.kind, work.simple.Z
        g, C = weights.shape[1], data.classes
        losses, shift = work.simple.losses, work.simple.shift
        k.weights.shift_of(kind, x, shift)
        out[:] = 0
        losses[:] = 0
        for a in range(Y.shape[0]):
            rows, _ = k.draw.draw_batch(samplers.outer_lower, draw, (a + 1) * independent)
            design.forward(train.X, rows, Y[a], Z, g * C)
            k.softmax.combine_losses(Z, train.labels, rows, alpha[a], losses, g, C)
            # Shared samples: weigh the sum over all groups, once.
            if independent or a == Y.shape[0] - 1:
                factor = 1.0 / (nu * rows.size)
                k.weights.weight_gradient(
                    kind, x, shift[0], train.weight, rows, losses, factor, out
                )
                losses[:] = 0

    return perturbed_gradient


class HyperCleaning(SoftmaxRegression):
    """Learn the weights of training rows by validation on clean data.

    Lower level: ``g(x, W) = 1/n sum_i r_i s(x_i) CE_i(W) + reg ||W||^2`` on the training data.
    Upper level: ``f(W) = mean_i r_i CE_i(W)`` on the validation data.

    Parameters
    ----------
    X, Xv : (n, d), (m, d) array_like or sparse
        Training and validation data, both dense or both sparse; see `LearnToRegularize`.
    y, yv : (n,), (m,) array_like
        Labels of any kind, those of the training data possibly wrong.
    reg : float
        Ridge penalty, not negative.
    weights : {"sigmoid", "clip", "softmax"}
        s: ``1/(1 + exp(-x_i))`` (F2SA), ``min(max(x_i, 0), 1)`` (BOME, F2BA), or
        ``n softmax(x)_i`` (F2SA-p, Example 2.1), so that g has the terms softmax(x)_i CE_i.
    sample_weight, sample_weight_val, dtype, check_finite
        As in `LearnToRegularize`.

    Attributes
    ----------
    classes : (C,) array
        Sorted labels, the columns of W.
    x0 : (n,) array
        Zeros for "sigmoid" (every row weighs 1/2) and "softmax" (every row weighs 1), 1/2 for
        "clip" (every row weighs 1/2).
    y0 : (d*C,) array
        Zeros.
    default_bounds : (0, 1) for "clip", else None
        Beyond them the clipped weights have no gradient, and x could not come back.

    Raises
    ------
    TypeError, ValueError, MemoryError
        If the data are not what is described above.

    Examples
    --------
    >>> import numpy as np, fastbilevel as fb
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.standard_normal((60, 5)), rng.integers(0, 3, 60)
    >>> problem = fb.problems.HyperCleaning(X[:40], y[:40], X[40:], y[40:], reg=0.01)
    >>> problem.n_x, problem.n_y
    (40, 15)
    """

    _told = ("weights", "reg")

    def __init__(
        self,
        X: Any,
        y: Any,
        Xv: Any,
        yv: Any,
        reg: float = 1e-3,
        weights: str = "sigmoid",
        *,
        sample_weight: Any = None,
        sample_weight_val: Any = None,
        dtype: Any = None,
        check_finite: bool = True,
    ):
        self.weights = check_choice("weights", weights, KINDS)
        self.reg = check_number("reg", reg, least=0)
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
        super().__init__(data, KINDS[self.weights])
        everywhere = np.zeros(self.lower_shape[0], np.int64)
        self._place_penalty(False, everywhere, np.zeros(1, np.int64), 2.0 * self.reg)
        self.n_x = self.n_lower
        self.x0 = np.full(self.n_x, 0.5 if self.weights == "clip" else 0.0, self.dtype)
        self.default_bounds = (0.0, 1.0) if self.weights == "clip" else None

    def texts(self) -> dict[str, Text]:
        return super().texts() | texts_of(make_oracles, self._sparse)

    def _perturbed_gradient(self, plan: Plan) -> Text:
        return (make_perturbed_gradient, self._sparse, int(plan.outer_independent))

    def _metrics(self, x: np.ndarray, packed: np.ndarray, work: Any) -> dict[str, float]:
        mean = float(self._row_weights(x).mean())
        return super()._metrics(x, packed, work) | {"mean_weight": mean}
