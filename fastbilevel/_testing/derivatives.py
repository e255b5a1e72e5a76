"""Comparisons of a problem's oracles; each raises an AssertionError that says what is wrong."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fastbilevel._checks.points import all_rows
from fastbilevel._numerics.stencil import finite_difference_coefficients
from fastbilevel._testing.probe import Probe
from fastbilevel.problems.base import BilevelProblem
from fastbilevel.problems.oracle_table import SIMPLE

LEVELS = ("lower", "upper")
# Rounding units of the function that a central difference may be wrong by, divided by its width.
ROUNDINGS = 30.0
# Relative difference, in rounding units, between two ways to compute the same sum.
SUMMATION = 1e3


def check_gradients(probe: Probe) -> None:
    """Gradients against central differences of the values."""
    for level in LEVELS:
        for variable in "xy":
            name, value = f"grad_{level}_{variable}", f"value_{level}"
            if not probe.has(name, value):
                continue
            gradient = probe.call(name)
            n, length = gradient.size, _norm(gradient)
            picked = {int(np.argmax(np.abs(gradient))), *probe.rng.integers(0, n, 3).tolist()}
            units = [(f"coordinate {i}", np.eye(1, n, i)[0]) for i in sorted(picked)]
            for where, d in [("a random direction", probe.unit(n)), *units]:
                numeric, floor = _difference(probe, value, variable, d)
                slope, expected = float(gradient @ d), float(numeric)
                probe.agree(
                    name,
                    abs(slope - expected),
                    max(abs(slope), abs(expected), length / math.sqrt(n)),
                    f"along {where}, {name} gives {slope:.9g} and differences of {value} give "
                    f"{expected:.9g}.",
                    rtol=probe.rtol,
                    floor=floor,
                )


def check_products(probe: Probe) -> None:
    """Products with g_yy and g_xy against central differences of the gradients."""
    for name, gradient in (("hvp_lower_yy", "grad_lower_y"), ("jvp_lower_xy", "grad_lower_x")):
        if not probe.has(name):
            continue
        for _ in range(2):
            v = probe.unit(probe.problem.n_y)
            product = probe.call(name, v)
            numeric, floor = _difference(probe, gradient, "y", v)
            probe.agree(
                name,
                _norm(product - numeric),
                max(_norm(product), _norm(numeric)),
                f"for a random v, {name} has norm {_norm(product):.9g} and differences of "
                f"{gradient} along v have norm {_norm(numeric):.9g}.",
                rtol=probe.rtol,
                floor=floor,
            )


def check_symmetry(probe: Probe) -> None:
    """<u, H v> = <v, H u>, by the products and by differences of both levels' gradients."""
    n_y = probe.problem.n_y
    u, v = probe.unit(n_y), probe.unit(n_y)
    if probe.has("hvp_lower_yy"):
        Hu, Hv = probe.call("hvp_lower_yy", u), probe.call("hvp_lower_yy", v)
        probe.agree(
            "symmetry of hvp_lower_yy",
            abs(float(u @ Hv - v @ Hu)),
            _norm(Hu) + _norm(Hv),
            f"hvp_lower_yy is not symmetric: <u, H v> = {u @ Hv:.9g} and <v, H u> = {v @ Hu:.9g}.",
            rtol=SUMMATION * probe.eps,
            floor=0.0,
        )
    for level in LEVELS:
        name = f"grad_{level}_y"
        Hu, floor_u = _difference(probe, name, "y", u)
        Hv, floor_v = _difference(probe, name, "y", v)
        probe.agree(
            f"symmetry of the derivative of {name}",
            abs(float(u @ Hv - v @ Hu)),
            max(_norm(Hu), _norm(Hv)) / math.sqrt(n_y),
            f"the derivative of {name} in y is not symmetric (<u, H v> = {u @ Hv:.9g}, <v, H u> = "
            f"{v @ Hu:.9g}), so it is not the gradient of a function.",
            rtol=probe.rtol,
            floor=floor_u + floor_v,
        )


def check_mixed_derivatives(probe: Probe) -> None:
    """The derivative of grad_x along v in y, times w, is that of grad_y along w in x, times v."""
    problem = probe.problem
    w, v = probe.unit(problem.n_x), probe.unit(problem.n_y)
    for level in LEVELS:
        of_x, of_y = f"grad_{level}_x", f"grad_{level}_y"
        Jv, floor_x = _difference(probe, of_x, "y", v)
        Jw, floor_y = _difference(probe, of_y, "x", w)
        probe.agree(
            f"mixed derivatives of {level}",
            abs(float(w @ Jv - v @ Jw)),
            max(_norm(Jv) / math.sqrt(problem.n_x), _norm(Jw) / math.sqrt(problem.n_y)),
            f"{of_x} and {of_y} are not gradients of one function: their mixed derivatives along "
            f"random directions are {w @ Jv:.9g} and {v @ Jw:.9g}.",
            rtol=probe.rtol,
            floor=floor_x + floor_y,
        )
    if probe.has("jvp_lower_xy"):
        Jv = probe.call("jvp_lower_xy", v)
        Jw, floor = _difference(probe, "grad_lower_y", "x", w)
        probe.agree(
            "adjointness of jvp_lower_xy",
            abs(float(w @ Jv - v @ Jw)),
            max(_norm(Jv), _norm(Jw)),
            f"with J v from jvp_lower_xy <w, J v> = {w @ Jv:.9g}, but the derivative of "
            f"<grad_lower_y, v> in x along w is {v @ Jw:.9g}.",
            rtol=probe.rtol,
            floor=floor,
        )


def check_minibatches(probe: Probe) -> None:
    """The mean of every oracle over a partition, weighted by rows, is the oracle on all rows."""
    problem = probe.problem
    for name in probe.names:
        n = SIMPLE[name].samples(problem)
        vectors = probe.vectors(name)
        order = probe.rng.permutation(all_rows(n, False))
        parts = [part for part in np.split(order, [n // 5, n // 2]) if part.size]
        first, last = (probe.call(name, *vectors, rows=r) for r in (order[:1], order[-1:]))
        shared = [part.size / n * probe.call(name, *vectors, rows=part) for part in parts]
        for what, apart, together in (
            (f"a partition into {len(parts)} minibatches", sum(shared), probe.call(name, *vectors)),
            (
                "single rows i, i, j",
                (2 * first + last) / 3,
                probe.call(name, *vectors, rows=order[[0, 0, -1]]),
            ),
        ):
            probe.agree(
                f"minibatches of {name}",
                _norm(apart - together),
                max(_norm(apart), _norm(together)),
                f"{name} is not a mean over its rows: {what}, weighted by rows, gives norm "
                f"{_norm(apart):.9g}, the same rows in one call {_norm(together):.9g}.",
                rtol=SUMMATION * probe.eps,
                floor=0.0,
            )


def check_precision(probe: Probe, precise: BilevelProblem) -> None:
    """A float32 problem against the same problem in float64."""
    for name in probe.names:
        vectors = probe.vectors(name)
        ours = probe.call(name, *vectors)
        exact = np.asarray(getattr(precise, name)(probe.x, probe.y, *vectors), np.float64)
        probe.agree(
            f"precision of {name}",
            _norm(ours - exact),
            _norm(exact),
            f"{name} has norm {_norm(ours):.9g} in {probe.problem.dtype} and {_norm(exact):.9g} "
            "in float64.",
            rtol=SUMMATION * probe.eps,
            floor=0.0,
        )


def _difference(probe: Probe, name: str, variable: str, d: np.ndarray) -> tuple[Any, float]:
    """The derivative of an oracle along d in x or in y, and the error that rounding may cause."""
    h = probe.eps**0.2
    dtype = probe.problem.dtype
    total: Any = 0.0
    for j, alpha in zip(*finite_difference_coefficients(4), strict=True):
        x, y = probe.x, probe.y
        if variable == "x":
            x = (x + j * h * d).astype(dtype)
        else:
            y = (y + j * h * d).astype(dtype)
        total += alpha / h * np.asarray(getattr(probe.problem, name)(x, y), np.float64)
    floor = ROUNDINGS * probe.eps * _norm(probe.call(name)) / h
    return total, floor


def _norm(value: Any) -> float:
    return float(np.linalg.norm(value))
