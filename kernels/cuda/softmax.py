"""CUDA twin of `kernels.reference.softmax`."""

from __future__ import annotations

from .launch import launch_teams, table


def residual(Z, labels, rows, coefficients, C):
    types = Z.dtype, coefficients.dtype
    launch_teams(rows.size, C, "softmax.residual", types, Z, labels, rows, coefficients)


def losses(Z, labels, rows, out, C):
    launch_teams(rows.size, C, "softmax.losses", (Z.dtype,), Z, labels, rows, out)


def curvature(Z, U, rows, coefficients, C):
    types = Z.dtype, coefficients.dtype
    launch_teams(rows.size, C, "softmax.curvature", types, Z, U, coefficients)


def combine_losses(Z, labels, rows, alpha, accumulator, g, C):
    arguments = Z, labels, rows, table(alpha), accumulator, g
    launch_teams(rows.size, C, "softmax.combine_losses", (Z.dtype,), *arguments)


def derivatives(Z, U, labels, rows, coefficients, cross, C):
    arguments = Z, U, labels, rows, coefficients, cross
    types = Z.dtype, coefficients.dtype
    launch_teams(rows.size, C, "softmax.derivatives", types, *arguments)
