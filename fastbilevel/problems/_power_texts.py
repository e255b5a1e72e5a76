"""Oracles of regression in the p-norm with weighted rows, each written once.

The lower objective is ``1/m sum_{i in rows} r_i |s(x_i) (X_i y - t_i)|^p + reg sum_k |y_k|^p``, the
upper one ``1/m sum_{i in rows} r_i |X_i y - t_i|^p`` on other data. `sparse`, the constant of the
texts, is the design family: CSR or dense.

The records below are what the texts find in `data` and `work`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from fastbilevel._texts.protocol import Floats, record


@record
class Side(NamedTuple):
    """One level's data, X as the design families describe it."""

    X: tuple[Any, ...]
    targets: Floats
    weight: Floats


@record
class Data(NamedTuple):
    """Both sides; the function s, a `kind` of the weights family; p and the penalty."""

    train: Side
    val: Side
    kind: int
    power: float
    reg: float


@record
class Work(NamedTuple):
    """For up to m rows: residuals and directions in them (m,); float64 (m,) scratch."""

    Z: Floats
    U: Floats
    coefficients: Floats
    terms: Floats


def make_value(k: Any, lower: bool, sparse: bool) -> Any:
    """The lower or the upper objective."""
    design = k.csr if sparse else k.dense

    def value(data, work, x, y, rows, out):
        side = data.train if lower else data.val
        kind, power = data.kind if lower else k.weights.NONE, data.power
        Z, coefficients, terms, m = work.Z, work.coefficients, work.terms, rows.size
        design.forward(side.X, rows, y, Z, 1)
        k.powers.subtract_targets(Z, side.targets, rows)
        k.powers.losses(Z, m, power, terms)
        k.powers.row_coefficients(kind, x, side.weight, rows, power, 1.0 / m, coefficients)
        out[0] = 0.0
        k.quadratic.add_dot(coefficients[:m], terms[:m], 1.0, out)
        if lower:
            k.powers.add_norm(y, power, data.reg, out)

    return value


def make_grad_y(k: Any, lower: bool, sparse: bool) -> Any:
    """The gradient in y of the lower or of the upper objective."""
    design = k.csr if sparse else k.dense

    def grad_y(data, work, x, y, rows, out):
        side = data.train if lower else data.val
        kind, power = data.kind if lower else k.weights.NONE, data.power
        Z, coefficients = work.Z, work.coefficients
        design.forward(side.X, rows, y, Z, 1)
        k.powers.subtract_targets(Z, side.targets, rows)
        k.powers.row_coefficients(kind, x, side.weight, rows, power, 1.0 / rows.size, coefficients)
        k.powers.slopes(Z, coefficients, rows.size, power)
        out[:] = 0
        design.backward(side.X, rows, Z, 1.0, out, 1)
        if lower:
            k.powers.add_norm_gradient(y, power, data.reg, out)

    return grad_y


def make_grad_lower_x(k: Any, sparse: bool) -> Any:
    """``1/m r_i p s^(p-1) s' |X_i y - t_i|^p`` for every row i drawn."""
    design = k.csr if sparse else k.dense

    def grad_lower_x(data, work, x, y, rows, out):
        side, kind, power, Z, terms = data.train, data.kind, data.power, work.Z, work.terms
        design.forward(side.X, rows, y, Z, 1)
        k.powers.subtract_targets(Z, side.targets, rows)
        k.powers.losses(Z, rows.size, power, terms)
        out[:] = 0
        k.powers.weight_gradient(kind, x, side.weight, rows, terms, power, 1.0 / rows.size, out)

    return grad_lower_x


def make_hvp_lower_yy(k: Any, sparse: bool) -> Any:
    """``X' C X v``, C = r_i s^p p (p-1) |X_i y - t_i|^(p-2) / m, and the product of the penalty."""
    design = k.csr if sparse else k.dense

    def hvp_lower_yy(data, work, x, y, v, rows, out):
        side, kind, power = data.train, data.kind, data.power
        Z, U, coefficients = work.Z, work.U, work.coefficients
        design.forward(side.X, rows, y, Z, 1)
        k.powers.subtract_targets(Z, side.targets, rows)
        design.forward(side.X, rows, v, U, 1)
        k.powers.row_coefficients(kind, x, side.weight, rows, power, 1.0 / rows.size, coefficients)
        k.powers.curvatures(Z, U, coefficients, rows.size, power)
        out[:] = 0
        design.backward(side.X, rows, U, 1.0, out, 1)
        k.powers.add_norm_product(y, v, power, data.reg, out)

    return hvp_lower_yy


def make_jvp_lower_xy(k: Any, sparse: bool) -> Any:
    """``1/m r_i p s^(p-1) s'`` times the derivative of ``|X_i y - t_i|^p`` along v."""
    design = k.csr if sparse else k.dense

    def jvp_lower_xy(data, work, x, y, v, rows, out):
        side, kind, power = data.train, data.kind, data.power
        Z, U, terms = work.Z, work.U, work.terms
        design.forward(side.X, rows, y, Z, 1)
        k.powers.subtract_targets(Z, side.targets, rows)
        design.forward(side.X, rows, v, U, 1)
        k.powers.directional(Z, U, rows.size, power, terms)
        out[:] = 0
        k.powers.weight_gradient(kind, x, side.weight, rows, terms, power, 1.0 / rows.size, out)

    return jvp_lower_xy
