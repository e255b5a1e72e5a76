"""Oracle calls to reach eps: fitted exponents beside those of the theory.

Every run is on the problem of `slow_descent`, starts where |phi'| = 2 eps, takes the options of
`fb.schedules.theory` and ends when the average of the true |phi'(x_k)| over its iterates is eps:
the expectation at a random iterate, as the papers on the stochastic methods state their results.
(For the deterministic F2BA, whose theory is about the best iterate, that is no easier.) Calls are
`BilevelResult.oracle_calls`: gradients of single samples, of f and of g, in x and in y.

Constants that differ from `theory`, never an exponent:

- F2SA, F3SA: lr_x, lr_y and lr_z are 3 times as large (`SPEED`), or eps^-7 is out of reach.
- F2SA-p: nu is half as large (`SHRINK`), with lr_y, K and S to match: the constant of the bias,
  nu^4 65 / 30 for p = 4, would let x stop short of eps, and nu for p = 4 would be cut off at
  1 / (2 kappa max |j|) for all eps > 0.007. `theory` does that when told a smaller eps and sigma.
- F2BA with noise: a mean of B independent normal samples is drawn as one number of standard
  deviation sigma / B^(1/2), which has the same law, and counted as the B calls it stands for.

Range of eps, fixed beforehand: at most 1/2, so that x >= 1 where |f_yy| <= 2 as the constants
assume; for F2BA and F2SA-p small enough for the noise to decide batch sizes and numbers of steps
(at eps = 0.1 for F2BA with sigma = 1 and from 0.1 to 0.2 for F2SA-p with sigma = 0.05), and at the
other end so large that one run takes about ten seconds. The largest eps scatter most, by a factor
of 2 for F2SA, because x passes less than a period of the sine: noisy F2SA and F3SA get more runs.

What this can show: that these schedules keep what they promise, in a case in which the promise is
tight because phi descends as slowly as a smooth function can, bias and noise included. It cannot
show that larger steps would fail: a single variable averages noise out well, and the theory's
bounds are upper bounds over all problems of a class.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

import fastbilevel as fb

from ..record import Table
from .figures import Findings
from .fits import Slope, log_log_slope
from .slow_descent import SlowDescent, descend, exact_descent

SPEED = 3.0
SHRINK = 0.5
# Half of the smallest difference between two exponents of the theory, -4 and -4 - 1/2.
CLOSE = 0.25


class Case(NamedTuple):
    """A method in one setting, the theory's exponent, and where and how often it is measured."""

    name: str
    method: str
    noise: str
    exponent: float
    largest: float
    smallest: float
    sigma: float
    runs: int
    order: int = 1


CASES = (
    Case("F2BA, exact", "f2ba", "none", -2, 0.1, 0.005, 1.0, 3),
    Case("F2BA, noise in f", "f2ba", "upper", -4, 0.1, 0.005, 1.0, 3),
    Case("F2BA, noise in both", "f2ba", "both", -6, 0.1, 0.005, 1.0, 3),
    Case("F2SA-p, p = 1", "f2sa-p", "both", -6, 0.2, 0.07, 0.05, 3, 1),
    Case("F2SA-p, p = 2", "f2sa-p", "both", -5, 0.1, 0.035, 0.05, 3, 2),
    Case("F2SA-p, p = 4", "f2sa-p", "both", -4.5, 0.1, 0.03, 0.05, 3, 4),
    Case("F2SA, noise in both", "f2sa", "both", -7, 0.5, 0.18, 0.1, 16),
    Case("F2SA, noise in f", "f2sa", "upper", -5, 0.5, 0.08, 0.1, 6),
    Case("F2SA, exact", "f2sa", "none", -3, 0.5, 0.03, 0.1, 6),
    Case("F3SA, noise in both", "f3sa", "both", -5, 0.5, 0.11, 0.1, 12),
    Case("F3SA, noise in f", "f3sa", "upper", -4, 0.5, 0.07, 0.1, 6),
    Case("F3SA, exact", "f3sa", "none", -3, 0.5, 0.03, 0.1, 6),
)


def run(quick: bool, seed: int = 0) -> Findings:
    rows = []
    for case in CASES:
        smallest = case.largest / 2 if quick else case.smallest
        seeds = range(seed, seed + (1 if quick else case.runs))
        for eps in np.geomspace(case.largest, smallest, 3 if quick else 6):
            rows += [measure(case, float(eps), each) for each in seeds]
    findings = Findings(rows)
    findings.tables = [table_of(findings)]
    return findings


def measure(case: Case, eps: float, seed: int) -> dict[str, Any]:
    """One run: a row with its iterations and calls, NaN if eps was not reached.

    "expected" are the calls of as many iterations as exact descent needs.
    """
    sigma_lower, sigma_upper = sigmas(case)
    options = options_for(case, eps)
    lower_group = upper_group = 1
    if case.method == "f2ba":
        lower_group, upper_group = (options[b] or 1 for b in ("batch_size", "val_batch_size"))
        options |= {b: options[b] and 1 for b in ("batch_size", "val_batch_size")}
    phase = np.random.default_rng([seed, round(1e6 * eps)]).uniform(0, 2 * np.pi)
    problem = SlowDescent(
        sigma_lower / math.sqrt(lower_group),
        sigma_upper / math.sqrt(upper_group),
        phase=phase,
        seed=seed,
    )
    result = descend(problem, eps, average=True, seed=seed, **options)
    iterations = calls = expected = math.nan
    if result is not None:
        iterations, made = result.nit, result.oracle_calls
        calls = upper_group * (made["f_x"] + made["f_y"])
        calls += lower_group * (made["g_x"] + made["g_y"])
        expected = calls / iterations * exact_descent(options, eps, average=True)
    return {
        "case": case.name,
        "eps": eps,
        "seed": seed,
        "iterations": iterations,
        "calls": calls,
        "expected": expected,
    }


def sigmas(case: Case) -> tuple[float, float]:
    """Standard deviations of a sample of the lower and of the upper level."""
    return case.sigma * (case.noise == "both"), case.sigma * (case.noise != "none")


def options_for(case: Case, eps: float) -> dict[str, Any]:
    """Method and options of the theory, with the constants of this module, batch sizes included."""
    theory = fb.schedules.theory
    problem = SlowDescent()
    batches = {
        "batch_size": 1 if case.noise == "both" else None,
        "val_batch_size": None if case.noise == "none" else 1,
    }
    if case.method == "f2ba":
        options = theory("f2ba", problem, case.noise, eps=eps, sigma=case.sigma)
    elif case.method == "f2sa-p":
        share = SHRINK**case.order
        options = theory(
            "f2sa-p", problem, case.noise, eps=share * eps, sigma=share * case.sigma,
            order=case.order,
        )  # fmt: skip
        options |= {"lr_x": options["lr_x"] / share, "shared_samples": "outer"}
    else:
        options = theory(case.method, problem, case.noise)
        for name in ("lr_x", "lr_y", "lr_z"):
            options[name] = fb.schedules.Power(SPEED * options[name].c, options[name].exponent)
    return {"method": case.method, **batches, **options}


def slope_of(findings: Findings, case: Case, column: str) -> Slope:
    """Exponent of a column over the runs that reached eps."""
    reached = [row for row in findings.where(case=case.name) if not math.isnan(row["calls"])]
    return log_log_slope([row["eps"] for row in reached], [row[column] for row in reached])


def table_of(findings: Findings) -> Table:
    """One line per case."""
    table = Table(
        "Oracle calls until the average of |phi'(x_k)| is eps, as eps to the power of",
        [
            "method", "theory", "theory on this range", "measured", "agrees on it",
            "iterations alone", "eps", "runs", "eps not reached",
        ],
        notes=[
            "Measured with 95 % intervals. Theory on this range: the calls if x moved along the "
            "exact phi' with the same steps, which tend to the theory's exponent as eps goes to 0; "
            "the rest is the logarithm in the number K of lower steps, which the theory hides in "
            "O~, and the sum of the first k steps, which is not yet a power of k. Agrees: the "
            f"measured exponent is within {CLOSE} of that, half of the smallest gap between two "
            "exponents."
        ],
    )  # fmt: skip
    for case in CASES:
        calls, iterations, expected = (
            slope_of(findings, case, column) for column in ("calls", "iterations", "expected")
        )
        eps = findings.column("eps", case=case.name)
        table.add(
            case.name, f"{case.exponent:g}", f"{expected.value:.2f}", calls,
            "yes" if abs(calls.value - expected.value) < CLOSE else "no", iterations,
            f"{max(eps):.3g} to {min(eps):.3g}", calls.points, len(eps) - calls.points,
        )  # fmt: skip
    return table


def draw(findings: Findings, figure: Any) -> None:
    groups = (("F2BA",), ("F2SA-p",), ("F2SA,", "F3SA"))
    for axes, group in zip(figure.subplots(1, len(groups)), groups, strict=True):
        for case in CASES:
            if not case.name.startswith(group):
                continue
            eps = np.array(findings.column("eps", case=case.name))
            calls = slope_of(findings, case, "calls")
            label = f"{case.name}: {calls.value:.2f} ({case.exponent:g})"
            (line,) = axes.loglog(1 / eps, calls.line(eps), label=label)
            points = findings.column("calls", case=case.name)
            axes.loglog(1 / eps, points, ".", color=line.get_color())
        axes.set(xlabel="1 / eps")
        axes.xaxis.set_minor_formatter("")
        axes.legend(title="measured (theory)", fontsize="x-small")
    figure.axes[0].set(ylabel="oracle calls until the average |phi'| is eps")
