"""Two time scales against one: the largest stable step of x, and iterations to reach eps.

F2BA keeps z and y close to their minimisers while x takes steps that do not depend on lambda. With
a single time scale, lambda makes the lower problem of y stiff and x has to slow down with it:
lr_x ~ 1 / lambda, and as lambda ~ 1 / eps that is another factor 1 / eps in the iterations.

1. *Largest stable lr_x*, by bisection, for lambda over three decades, on g = y^2 / 2 - x y,
   f = (y - 1)^2 / 2 + x^2 / 2. A step is called stable if after `ITERATIONS` outer iterations x is
   no further from the fixed point than at the start. With exact lower solutions x contracts if
   lr_x < 2 / (1 + 1 / (1 + 1 / lambda)), which is 1 for large lambda. `VARIANTS` says which lower
   steps are compared: what they have in common is lr_z = 1/2.
2. *Outer iterations until |phi'(x_k)| <= eps*, first iterate, lambda ~ 1 / eps, on the problem of
   `slow_descent`: F2BA with the options of `fb.schedules.theory` against steps of F2SA with the
   same lambda, one lower step each, lr_y = lr_z / (2 lambda) and lr_x = lr_y.

The slopes are fitted to all points: lambda >= 30, and eps <= 0.3, so that x >= 1.6 throughout.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import fastbilevel as fb

from ..record import Table
from .figures import Findings
from .fits import log_log_slope
from .slow_descent import SlowDescent, descend

ITERATIONS = 2000
LR_Z = 0.5
F2BA, SINGLE = "F2BA", "single time scale"


class Variant(NamedTuple):
    """Exponent of lambda that is expected, and the lower steps at lambda and lr_x."""

    expected: int
    options: Callable[[float, float], dict[str, Any]]


def slower_y(penalty: float) -> float:
    """F2SA's step of y, which makes y half as fast as z."""
    return LR_Z / (2 * penalty)


def growing_steps(penalty: float) -> int:
    """Steps after which y has forgotten all but a share 1 / lambda of its error."""
    return math.ceil(math.log(penalty) / -math.log1p(-LR_Z / 2))


VARIANTS = {
    "F2BA: y as fast as z, K = 10": Variant(0, lambda penalty, lr_x: {"inner_steps": 10}),
    "y half as fast as z, K ~ log lambda": Variant(
        0,
        lambda penalty, lr_x: {
            "inner_steps": growing_steps(penalty),
            "lr_y": slower_y(penalty),
        },
    ),
    "y half as fast as z, K = 1 (F2SA)": Variant(
        -1, lambda penalty, lr_x: {"inner_steps": 1, "lr_y": slower_y(penalty)}
    ),
    "x and y take one step, K = 1": Variant(
        -1, lambda penalty, lr_x: {"inner_steps": 1, "lr_y": lr_x}
    ),
    "y as fast as z, K = 1": Variant(0, lambda penalty, lr_x: {"inner_steps": 1}),
}


def run(quick: bool, seed: int = 0) -> Findings:
    penalties = np.geomspace(30, 3e4, 3 if quick else 10)
    precision = 0.1 if quick else 1e-3
    targets = np.geomspace(0.3, 0.15 if quick else 0.012, 3 if quick else 6)
    rows = [
        row_of("stability", name, penalty, largest_step(variant, penalty, precision))
        for name, variant in VARIANTS.items()
        for penalty in penalties
    ]
    for name in (F2BA, SINGLE):
        for eps in targets:
            for each in range(seed, seed + (1 if quick else 3)):
                rows.append(row_of("iterations", name, eps, iterations(name, eps, each)))
    findings = Findings(rows)
    findings.tables = [stability_table(findings), iterations_table(findings)]
    return findings


def row_of(part: str, variant: str, x: float, y: float) -> dict[str, Any]:
    """A row: x is lambda or eps, y the largest stable lr_x or the iterations."""
    return {"part": part, "variant": variant, "x": float(x), "y": float(y)}


def largest_step(variant: Variant, penalty: float, precision: float) -> float:
    """The largest lr_x with which x stays near the fixed point, by bisection of its logarithm."""
    low = high = 1e-3 / penalty
    while is_stable(variant, penalty, high):
        low, high = high, 4 * high
    while high > (1 + precision) * low:
        middle = math.sqrt(low * high)
        if is_stable(variant, penalty, middle):
            low = middle
        else:
            high = middle
    return low


def is_stable(variant: Variant, penalty: float, lr_x: float) -> bool:
    """Whether x ends no further from the fixed point than it began, 1 away."""
    problem = fb.problems.Quadratic([[1.0]], [[1.0]], [[1.0]], c=[-1.0], R=[[1.0]])
    fixed_point = 1 / (2 + 1 / penalty)
    start = [fixed_point + 1]
    result = fb.minimize(
        problem, start, start, method="f2ba", maxiter=ITERATIONS, record_every=ITERATIONS,
        penalty=penalty, lr_z=LR_Z, lr_x=lr_x, **variant.options(penalty, lr_x),
    )  # fmt: skip
    return bool(np.isfinite(result.x_last[0]) and abs(result.x_last[0] - fixed_point) <= 1)


def iterations(name: str, eps: float, seed: int) -> float:
    """Outer iterations until |phi'| <= eps, without noise."""
    options = fb.schedules.theory("f2ba", SlowDescent(), "none", eps=eps)
    if name == SINGLE:
        lr_y = options["lr_z"] / (2 * options["penalty"])
        options |= {"inner_steps": 1, "lr_y": lr_y, "lr_x": lr_y}
    phase = np.random.default_rng([seed, round(1e6 * eps)]).uniform(0, 2 * np.pi)
    problem = SlowDescent(phase=phase)
    result = descend(problem, eps, average=False, seed=seed, method="f2ba", **options)
    if result is None:
        raise RuntimeError(f"{name} did not reach eps = {eps:.3g}, though its lambda allows it.")
    return result.nit


def stability_table(findings: Findings) -> Table:
    """Largest stable steps at both ends, and how they change with lambda."""
    penalties = findings.column("x", part="stability")
    ends = (f"at lambda = {end:.0f}" for end in (min(penalties), max(penalties)))
    table = Table(
        "Largest stable outer step lr_x as lambda to the power of",
        [
            "lower steps",
            "expected",
            "fitted",
            *ends,
        ],
        notes=[
            "What keeps lr_x independent of lambda is that the lag of y behind its minimiser and "
            "that of z cancel up to O(1 / lambda): because both move at one rate, as in F2BA and "
            "its authors' code, even with K = 1 on this quadratic, or because K ~ log lambda steps "
            "remove them. A slower y with a fixed K leaves lambda times the difference in the step "
            "of x."
        ],
    )
    for name, variant in VARIANTS.items():
        steps = findings.column("y", variant=name)
        slope = log_log_slope(findings.column("x", variant=name), steps)
        table.add(name, variant.expected, slope, f"{steps[0]:.3g}", f"{steps[-1]:.3g}")
    return table


def iterations_table(findings: Findings) -> Table:
    """How many outer iterations both need, as a power of eps."""
    eps = findings.column("x", part="iterations", variant=F2BA)
    table = Table(
        "Outer iterations to reach |phi'| <= eps with lambda ~ 1 / eps, as eps to the power of",
        ["time scales", "theory", "fitted", f"iterations at eps = {min(eps):.3g}"],
        notes=[f"{len(eps)} runs each, eps from {max(eps):.3g} to {min(eps):.3g}; 95 % intervals."],
    )
    for name, exponent in ((F2BA, -2), (SINGLE, -3)):
        points = {"part": "iterations", "variant": name}
        eps, needed = findings.column("x", **points), findings.column("y", **points)
        table.add(name, exponent, log_log_slope(eps, needed), f"{needed[-1]:.0f}")
    return table


def draw(findings: Findings, figure: Any) -> None:
    left, right = figure.subplots(1, 2)
    for name in VARIANTS:
        x, y = findings.column("x", variant=name), findings.column("y", variant=name)
        left.loglog(x, y, "o-", label=name)
    left.set(xlabel="lambda", ylabel="largest stable lr_x")
    left.legend(fontsize="small")
    for name in (F2BA, SINGLE):
        points = {"part": "iterations", "variant": name}
        eps, needed = (np.array(findings.column(each, **points)) for each in ("x", "y"))
        slope = log_log_slope(eps, needed)
        label = f"{name}: eps to the power of {slope}"
        (line,) = right.loglog(1 / eps, slope.line(eps), label=label)
        right.loglog(1 / eps, needed, "o", color=line.get_color())
    right.set(xlabel="1 / eps", ylabel="outer iterations until |phi'| <= eps")
    right.xaxis.set_minor_formatter("")
    right.legend(fontsize="small")
