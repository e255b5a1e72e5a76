"""Error of the penalty hypergradient against lambda = 1 / nu, for orders 1 to 6.

Phi_p = sum_j alpha_j (j f_x + g_x / nu) at exact minimisers of g + j nu f deviates from grad phi by
c_p C nu^p: a line of slope -p over log lambda, until rounding takes over and the error grows like
lambda again. Three problems: one of a single variable each, where Phi_p is known; a random
quadratic one; and, as one that is not quadratic, penalties for softmax regression on the digits
that ship with the package.

Which points are fitted: `rounding` estimates eps lambda sum |alpha_j| ||g_x|| for the cancellation,
plus the tolerance of the reference. Points whose error is below 100 times that are left out, and of
the others those with the largest lambda are taken, within a factor of 2: the law holds in the
limit. Nothing is fitted where that leaves fewer than 3 points.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

import fastbilevel as fb

from ..record import Table
from .figures import Findings
from .fits import Slope, log_log_slope

TOLERANCE = 1e-12
ABOVE_ROUNDING = 100.0
FITTED_RANGE = 2.0
SCALAR, QUADRATIC, DIGITS = "one variable", "random quadratic", "digits, softmax"
MU, A = 2.0, 1.0


class Case(NamedTuple):
    """A problem, a point x, the hypergradient there and, where it is known, Phi_p(nu)."""

    problem: Any
    x: np.ndarray
    exact: np.ndarray
    closed_form: Callable[[int, float], float] | None = None


def run(quick: bool, seed: int = 0) -> Findings:
    orders = (1, 2, 4) if quick else range(1, 7)
    penalties = 2.0 ** (np.arange(4, 25) / 2) if quick else 2.0 ** (np.arange(8, 81) / 4)
    made = cases(100 if quick else 300, seed)
    rows = [
        row
        for name, case in made.items()
        for order in orders
        for row in measured(name, case, order, penalties)
    ]
    findings = Findings(rows)
    table = Table(
        "Error of the penalty hypergradient with exact lower solutions, as lambda to the power of",
        ["order p", "theory", *made],
        notes=[
            "Fitted exponent with its 95 % interval, over the largest octave of lambda in which "
            "rounding does not show. The interval is that of a straight line, which the error is "
            "in the limit only."
        ],
    )
    for order in orders:
        slopes = (fitted_slope(findings, name, order) for name in made)
        table.add(order, -order, *("" if slope is None else slope for slope in slopes))
    known = Table(
        "One variable: measured relative error against that of the closed form of Phi_p",
        ["order p", "largest difference", "largest difference / estimate of rounding"],
    )
    for order in orders:
        scalar = findings.where(problem=SCALAR, order=order)
        difference = np.array([abs(row["error"] - row["closed_form_error"]) for row in scalar])
        rounding = np.array([row["rounding"] for row in scalar])
        known.add(order, f"{difference.max():.1e}", f"{np.max(difference / rounding):.2f}")
    findings.tables = [table, known]
    return findings


def cases(digits: int, seed: int) -> dict[str, Case]:
    """The three problems; `digits` is the number of rows of either level of the third."""
    rng = np.random.default_rng(seed)
    scalar = fb.problems.Quadratic([[MU]], [[1.0]], [[1.0]], c=[-1.0], R=[[A]])
    quadratic = fb.problems.Quadratic.random(5, 7, seed=seed)
    X, y = fb.datasets.load_digits()
    rows = rng.permutation(len(y))[: 2 * digits].reshape(2, -1)
    softmax = fb.problems.LearnToRegularize(
        X[rows[0]], y[rows[0]], X[rows[1]], y[rows[1]], reduction="sum"
    )
    points = np.array([1.0]), rng.standard_normal(5), rng.uniform(-1, 1, softmax.n_x)
    implicit = fb.hypergradient(softmax, points[2], method="implicit", tol=TOLERANCE / 10)
    return {
        SCALAR: Case(
            scalar, points[0], scalar.hypergradient(points[0]), lambda p, nu: scalar_phi(1.0, p, nu)
        ),
        QUADRATIC: Case(quadratic, points[1], quadratic.hypergradient(points[1])),
        DIGITS: Case(softmax, points[2], implicit),
    }


def scalar_phi(x: float, order: int, nu: float) -> float:
    """Phi_p for g = mu y^2 / 2 - x y and f = (y - 1)^2 / 2 + a x^2 / 2 at exact minimisers:

    a x + (x - mu) / mu^2 (1 - prod_{j != 0} j nu / (mu + j nu)).
    """
    offsets, _ = fb.finite_difference_coefficients(order)
    steps = offsets[offsets != 0] * nu
    return A * x + (x - MU) / MU**2 * (1 - float(np.prod(steps / (MU + steps))))


def measured(name: str, case: Case, order: int, penalties: np.ndarray) -> Iterator[dict[str, Any]]:
    """The error at each penalty that leaves every g + j nu f strongly convex."""
    offsets, alpha = fb.finite_difference_coefficients(order)
    size = float(np.linalg.norm(case.exact))
    y = fb.solve_lower(case.problem, case.x, tol=TOLERANCE)
    g_x = float(np.linalg.norm(case.problem.grad_lower_x(case.x, y)))
    rows: list[dict[str, Any]] = []
    for penalty in penalties[penalties >= 4 * np.abs(offsets).max()]:
        nu = 1 / float(penalty)
        with warnings.catch_warnings():
            # That rounding shows at small nu is what is measured here.
            warnings.filterwarnings("ignore", message="nu=", category=fb.ConvergenceWarning)
            phi = fb.hypergradient(case.problem, case.x, order=order, nu=nu, tol=TOLERANCE)
        cancelled = np.finfo(float).eps * penalty * np.abs(alpha).sum() * g_x / size
        known = case.closed_form and case.closed_form(order, nu)
        rows.append(
            {
                "problem": name,
                "order": order,
                "penalty": float(penalty),
                "error": float(np.linalg.norm(phi - case.exact)) / size,
                "rounding": float(cancelled) + TOLERANCE / 10,
                "closed_form_error": "" if known is None else abs(known - case.exact[0]) / size,
            }
        )
    good = [row for row in rows if row["error"] > ABOVE_ROUNDING * row["rounding"]]
    last = max((row["penalty"] for row in good), default=0.0)
    for row in rows:
        yield {**row, "fitted": row in good and row["penalty"] * FITTED_RANGE >= last}


def fitted_slope(findings: Findings, problem: str, order: int) -> Slope | None:
    """Exponent of the error over the fitted points; None if they are fewer than 3."""
    points = {"problem": problem, "order": order, "fitted": True}
    x, y = findings.column("penalty", **points), findings.column("error", **points)
    return log_log_slope(x, y) if len(x) >= 3 else None


def draw(findings: Findings, figure: Any) -> None:
    names, orders = findings.different("problem"), findings.different("order")
    all_axes = figure.subplots(1, len(names), sharex=True, sharey=True)
    for axes, name in zip(all_axes, names, strict=True):
        for order in orders:
            rows = {"problem": name, "order": order}
            x = findings.column("penalty", **rows)
            (line,) = axes.loglog(x, findings.column("error", **rows), ".-", label=f"p = {order}")
            slope = fitted_slope(findings, name, order)
            if slope is not None:
                fitted = findings.column("penalty", **rows, fitted=True)
                axes.loglog(fitted, slope.line(fitted), color=line.get_color(), lw=4, alpha=0.4)
        axes.loglog(x, findings.column("rounding", **rows), "k:", label="rounding, estimated")
        axes.set(title=name, xlabel="lambda = 1 / nu")
    all_axes[0].set(ylabel="relative error of the hypergradient", ylim=(1e-15, 1))
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right upper", fontsize="small")
