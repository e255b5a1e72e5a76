"""Variance of a penalty hypergradient with shared and with independent samples, as lambda grows.

Phi = sum_j alpha_j (j F_x(x, y_j) + lambda G_x(x, y_j)) on one sample for every j, or on a sample
of its own for each, at exact minimisers y_j of g + j f / lambda. Two kinds of noise: additive
normal noise, the same at every (x, y) for the same sample, and a finite sum, whose noise in G_x is
Lipschitz in y. With s_f, s_g the variances of F_x and G_x (summed over coordinates) and S samples,

    independent:       (lambda^2 s_g sum_j alpha_j^2 + s_f sum_j (j alpha_j)^2) / S,
    shared, additive:  s_f / S exactly, since sum_j alpha_j = 0 and sum_j j alpha_j = 1;
    shared, finite:    (s_f + variance of sum_j alpha_j lambda G_x(x, y_j)) / S, bounded because
                       the y_j are O(1 / lambda) apart.

For finite sums the formulas are evaluated over all samples. The last two series are the method
itself: the direction of F2SA after its lower steps, which see the same noise, with and without
`shared_samples`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

import fastbilevel as fb

from ..record import Table
from .figures import Findings
from .fits import log_log_slope

ADDITIVE, FINITE = "additive", "finite sum"
SHARED, INDEPENDENT = "shared", "independent"
METHOD_SHARED, METHOD_INDEPENDENT = "f2sa, shared_samples", "f2sa"
SIGMA_G, SIGMA_F = 0.5, 2.0
SPREAD = 0.5
SAMPLES = 4
X = np.array([0.4, -1.0, 0.7])
EXPONENTS = {SHARED: 0, INDEPENDENT: 2, METHOD_SHARED: 0, METHOD_INDEPENDENT: 2}


def run(quick: bool, seed: int = 0) -> Findings:
    orders = (1, 2) if quick else (1, 2, 4)
    penalties = 10.0 ** (np.arange(1, 4) if quick else np.arange(3, 10) / 2)
    draws, runs = (100, 20) if quick else (1000, 200)
    rows: list[dict[str, Any]] = []
    for noise, problem in problems(seed).items():
        for penalty in penalties:
            for order in orders:
                rows += estimates(noise, problem, order, penalty, draws, seed)
            for shared in (True, False):
                rows.append(of_method(noise, problem, penalty, runs, shared, seed))
    findings = Findings(rows)
    findings.tables = [summary(findings, draws, runs)]
    return findings


def summary(findings: Findings, draws: int, runs: int) -> Table:
    """Exponents beside the theory's, and measured variances beside the formulas."""
    penalties = findings.different("penalty")
    table = Table(
        "Variance of a hypergradient estimate, as lambda to the power of",
        [
            "noise, order, samples",
            "theory",
            "fitted",
            "measured / formula",
            f"variance at lambda = {penalties[-1]:.3g}",
        ],
        notes=[
            f"{SAMPLES} samples a level; {draws} estimates, or {runs} runs of F2SA, at each of "
            f"{len(penalties)} lambda from {penalties[0]:.3g} on. Fits with 95 % intervals; "
            "measured / formula with twice the standard error, the mean over lambda."
        ],
    )
    for noise in findings.different("noise"):
        for order in findings.different("order"):
            for kind, exponent in EXPONENTS.items():
                rows = findings.where(noise=noise, order=order, estimate=kind)
                if rows:
                    variance = [row["variance"] for row in rows]
                    slope = log_log_slope([row["penalty"] for row in rows], variance)
                    label = f"{noise}, p = {order}, {kind}"
                    table.add(label, exponent, slope, _agreement(rows), f"{variance[-1]:.3g}")
    return table


def _agreement(rows: list[Mapping[str, Any]]) -> str:
    """Mean over lambda of measured variance / formula, +- two standard errors."""
    if any(row["formula"] == "" for row in rows):
        return ""
    ratio, error = (
        np.array([row[name] / row["formula"] for row in rows])
        for name in ("variance", "standard_error")
    )
    return f"{ratio.mean():.3f} ± {2 * np.linalg.norm(error) / ratio.size:.3f}"


def problems(seed: int) -> dict[str, fb.problems.Quadratic]:
    """A quadratic with additive noise, and the mean of finitely many quadratics around it."""
    rng = np.random.default_rng(seed)
    n_x, n_y, n = X.size, 4, 200
    H, F, R = np.diag(np.linspace(1, 2, n_y)), np.diag(np.linspace(0.2, 1, n_y)), np.eye(n_x)
    B, c, b = rng.standard_normal((n_y, n_x)), rng.standard_normal(n_y), rng.standard_normal(n_y)
    means = (H, B, F, c, b, R)

    def scattered(mean: np.ndarray) -> np.ndarray:
        noise = SPREAD * rng.standard_normal((n, *mean.shape))
        if mean.shape in (H.shape, R.shape):
            noise = (noise + noise.swapaxes(1, 2)) / 2
        return mean + noise - noise.mean(axis=0)

    return {
        ADDITIVE: fb.problems.Quadratic(*means, noise=(SIGMA_G, SIGMA_F), noise_seed=seed),
        FINITE: fb.problems.Quadratic(*map(scattered, means)),
    }


def estimates(
    noise: str, problem: fb.problems.Quadratic, order: int, penalty: float, draws: int, seed: int
) -> Iterator[dict[str, Any]]:
    """Phi at exact lower solutions, with shared and with independent samples."""
    offsets, alpha = fb.finite_difference_coefficients(order)
    Y = [problem.lower_solution(X, j / penalty) for j in offsets]
    rng = np.random.default_rng([seed, order, round(penalty)])

    def phi(drawn: Callable[[int], tuple[Any, Any]]) -> np.ndarray:
        """The sum over j; `drawn` gives the rows of the lower and of the upper level."""
        total = np.zeros(problem.n_x)
        for a, (j, y) in enumerate(zip(offsets, Y, strict=True)):
            lower, upper = drawn(a)
            total += alpha[a] * penalty * problem.grad_lower_x(X, y, lower)
            total += alpha[a] * j * problem.grad_upper_x(X, y, upper)
        return total

    def rows_of_sample() -> tuple[np.ndarray, np.ndarray]:
        return rng.integers(problem.n_lower, size=SAMPLES), rng.integers(
            problem.n_upper, size=SAMPLES
        )

    def one_sample() -> np.ndarray:
        rows = rows_of_sample()
        return phi(lambda a: rows)

    exact = phi(lambda a: (None, None))
    formulas = formula(problem, Y, offsets, alpha * penalty)
    for kind, draw_phi in (
        (SHARED, one_sample),
        (INDEPENDENT, lambda: phi(lambda a: rows_of_sample())),
    ):
        errors = np.array([draw_phi() for _ in range(draws)]) - exact
        yield row_of(noise, order, kind, penalty, errors, formulas[kind])


def formula(
    problem: fb.problems.Quadratic, Y: list[np.ndarray], offsets: np.ndarray, weights: np.ndarray
) -> dict[str, float]:
    """The two variances of the module's docstring; `weights` are alpha_j lambda, (q,)."""
    if problem.infinite:
        s_f = problem.n_x * SIGMA_F**2
        s_g = np.full(offsets.size, problem.n_x * SIGMA_G**2)
        of_sum = 0.0
    else:
        every = range(problem.n_lower)
        G = np.array([[problem.grad_lower_x(X, y, [i]) for y in Y] for i in every])
        F = np.array([problem.grad_upper_x(X, Y[0], [i]) for i in every])
        s_f, s_g = F.var(axis=0).sum(), G.var(axis=0).sum(axis=-1)
        of_sum = np.tensordot(G, weights, axes=(1, 0)).var(axis=0).sum()
    # weights / lambda = alpha, and sum_j j alpha_j = 1.
    share = offsets * weights / np.sum(offsets * weights)
    return {
        SHARED: float(s_f + of_sum) / SAMPLES,
        INDEPENDENT: float(np.sum(weights**2 * s_g) + s_f * np.sum(share**2)) / SAMPLES,
    }


def of_method(
    noise: str, problem: fb.problems.Quadratic, penalty: float, runs: int, shared: bool, seed: int
) -> dict[str, Any]:
    """The direction of F2SA after lower steps from the solution of the lower level."""
    method = fb.methods.F2SA(
        inner_steps=20, lr_z=0.3, penalty=penalty, shared_samples=shared, batch_size=SAMPLES,
        val_batch_size=SAMPLES, sampling="replacement",
    )  # fmt: skip
    start = problem.lower_solution(X)
    seeds = np.random.SeedSequence([seed, round(penalty)]).spawn(runs)
    ends = (fb.minimize(problem, X, start, method=method, maxiter=1, seed=s) for s in seeds)
    directions = np.array([end.jac for end in ends])
    kind = METHOD_SHARED if shared else METHOD_INDEPENDENT
    return row_of(noise, 1, kind, penalty, directions - directions.mean(axis=0), "")


def row_of(
    noise: str, order: int, kind: str, penalty: float, errors: np.ndarray, expected: float | str
) -> dict[str, Any]:
    """A row; the standard error is that of a mean of squares."""
    squares = np.sum(errors**2, axis=1)
    return {
        "noise": noise,
        "order": order,
        "estimate": kind,
        "penalty": float(penalty),
        "variance": float(squares.mean()),
        "standard_error": float(squares.std(ddof=1) / np.sqrt(squares.size)),
        "formula": expected,
    }


def draw(findings: Findings, figure: Any) -> None:
    names = findings.different("noise")
    all_axes = figure.subplots(1, len(names), sharex=True, sharey=True)
    for axes, noise in zip(all_axes, names, strict=True):
        for kind in findings.different("estimate"):
            for order in findings.different("order"):
                points = {"noise": noise, "estimate": kind, "order": order}
                x, y = (findings.column(name, **points) for name in ("penalty", "variance"))
                if not x:
                    continue
                error = 2 * np.array(findings.column("standard_error", **points))
                bars = axes.errorbar(x, y, error, fmt="o", ms=4, label=f"{kind}, p = {order}")
                expected = findings.column("formula", **points)
                line = y if "" in expected else expected
                axes.plot(x, line, ":" if line is y else "-", color=bars[0].get_color())
        axes.set(title=f"noise: {noise}", xlabel="lambda = 1 / nu", xscale="log", yscale="log")
    all_axes[0].set(ylabel="variance of the estimate")
    handles, labels = axes.get_legend_handles_labels()
    title = "points: measured\nlines: formulas"
    figure.legend(handles, labels, loc="outside right upper", fontsize="small", title=title)
