"""Oracles of regression in the p-norm with weighted rows, each written once.

The lower objective is ``1/m sum_{i in rows} r_i |s(x_i) (X_i y - t_i)|^p + reg sum_k |y_k|^p``, the
upper one ``1/m sum_{i in rows} r_i |X_i y - t_i|^p`` on other data. `sparse`, the constant of the
texts, is the design family: CSR or dense.

`data` is ``(train, val, kind, power, reg)``: two sides ``(X, targets, row_weight)``, X as the
design families describe it; the function s, a `kind` of the weights family.

`work`, for up to m rows, is ``(Z, U, coefficients, terms)``: Z, U (m,) residuals and directions in
them; coefficients and terms (m,) float64.
"""

from __future__ import annotations

from typing import Any


def make_value(k: Any, lower: bool, sparse: bool) -> Any:
    """The lower or the upper objective."""
    design = k.csr if sparse else k.dense

    def value(data, work, x, y, rows, out):
        X, targets, given = data[0] if lower else data[1]
        kind, power, reg = data[2] if lower else k.weights.NONE, data[3], data[4]
        Z, _, coefficients, terms = work
        m = rows.size
        design.forward(X, rows, y, Z, 1)
        k.powers.subtract_targets(Z, targets, rows)
        k.powers.losses(Z, m, power, terms)
        k.powers.row_coefficients(kind, x, given, rows, power, 1.0 / m, coefficients)
        out[0] = 0.0
        k.quadratic.add_dot(coefficients[:m], terms[:m], 1.0, out)
        if lower:
            k.powers.add_norm(y, power, reg, out)

    return value


def make_grad_y(k: Any, lower: bool, sparse: bool) -> Any:
    """The gradient in y of the lower or of the upper objective."""
    design = k.csr if sparse else k.dense

    def grad_y(data, work, x, y, rows, out):
        X, targets, given = data[0] if lower else data[1]
        kind, power, reg = data[2] if lower else k.weights.NONE, data[3], data[4]
        Z, _, coefficients, _ = work
        design.forward(X, rows, y, Z, 1)
        k.powers.subtract_targets(Z, targets, rows)
        k.powers.row_coefficients(kind, x, given, rows, power, 1.0 / rows.size, coefficients)
        k.powers.slopes(Z, coefficients, rows.size, power)
        out[:] = 0
        design.backward(X, rows, Z, 1.0, out, 1)
        if lower:
            k.powers.add_norm_gradient(y, power, reg, out)

    return grad_y


def make_grad_lower_x(k: Any, sparse: bool) -> Any:
    """``1/m r_i p s^(p-1) s' |X_i y - t_i|^p`` for every row i drawn."""
    design = k.csr if sparse else k.dense

    def grad_lower_x(data, work, x, y, rows, out):
        (X, targets, given), kind, power = data[0], data[2], data[3]
        Z, _, _, terms = work
        design.forward(X, rows, y, Z, 1)
        k.powers.subtract_targets(Z, targets, rows)
        k.powers.losses(Z, rows.size, power, terms)
        out[:] = 0
        k.powers.weight_gradient(kind, x, given, rows, terms, power, 1.0 / rows.size, out)

    return grad_lower_x


def make_hvp_lower_yy(k: Any, sparse: bool) -> Any:
    """``X' C X v``, C = r_i s^p p (p-1) |X_i y - t_i|^(p-2) / m, and the product of the penalty."""
    design = k.csr if sparse else k.dense

    def hvp_lower_yy(data, work, x, y, v, rows, out):
        X, targets, given = data[0]
        kind, power, reg = data[2], data[3], data[4]
        Z, U, coefficients, _ = work
        design.forward(X, rows, y, Z, 1)
        k.powers.subtract_targets(Z, targets, rows)
        design.forward(X, rows, v, U, 1)
        k.powers.row_coefficients(kind, x, given, rows, power, 1.0 / rows.size, coefficients)
        k.powers.curvatures(Z, U, coefficients, rows.size, power)
        out[:] = 0
        design.backward(X, rows, U, 1.0, out, 1)
        k.powers.add_norm_product(y, v, power, reg, out)

    return hvp_lower_yy


def make_jvp_lower_xy(k: Any, sparse: bool) -> Any:
    """``1/m r_i p s^(p-1) s'`` times the derivative of ``|X_i y - t_i|^p`` along v."""
    design = k.csr if sparse else k.dense

    def jvp_lower_xy(data, work, x, y, v, rows, out):
        (X, targets, given), kind, power = data[0], data[2], data[3]
        Z, U, _, terms = work
        design.forward(X, rows, y, Z, 1)
        k.powers.subtract_targets(Z, targets, rows)
        design.forward(X, rows, v, U, 1)
        k.powers.directional(Z, U, rows.size, power, terms)
        out[:] = 0
        k.powers.weight_gradient(kind, x, given, rows, terms, power, 1.0 / rows.size, out)

    return jvp_lower_xy
