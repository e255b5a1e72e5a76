"""The convex chain: in how many lower steps each first-order method moves x at all.

On `hard.ZeroChain(q)` from (0, 0) every lower gradient finds one coordinate of y, and x has no
slope before the first of the upper half is found: x is exactly 0 after q/2 lower steps, whatever
the method and its settings. Every method of `fb.methods.list()` that needs no second derivatives is
run with one lower step per outer iteration, and with ten where it has an inner loop; the row says
at which outer iteration x was first different from 0. Solving the lower problem to the end
(`fb.solve_lower`, `fb.hypergradient`) is not stopped: the hypergradient is 1 at once.
"""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

import numpy as np

import fastbilevel as fb

from ..record import Table
from .figures import Findings

INNER_STEPS = (1, 10)
EXACT = {"solve_lower": None, "implicit": "implicit", "finite differences": "finite-difference"}
# Numbers along the chain shrink with a power of the step of y, and must not underflow.
OPTIONS = {"bome": {"lr": 0.5}}


def run(quick: bool, seed: int = 0) -> Findings:
    sizes = (4, 20) if quick else (4, 8, 16, 32, 64, 128, 256)
    methods = [name for name in fb.methods.list() if is_first_order(name)]
    rows = [
        row
        for q in sizes
        for name in methods
        for inner_steps in (INNER_STEPS if has_inner_loop(name) else (1,))
        # Few and short runs take less time than compiling a loop for each method.
        for row in (first_move(name, q, inner_steps, seed, compiled=not quick),)
    ]
    rows += [exact_solve(name, q) for q in sizes for name in EXACT]
    findings = Findings(rows)
    findings.tables = [moves(findings, methods), hypergradients(findings)]
    return findings


def is_first_order(method: str) -> bool:
    """The method needs no product with second derivatives."""
    return not any(name.startswith(("hvp", "jvp")) for name in fb.methods.describe(method).oracles)


def has_inner_loop(method: str) -> bool:
    """The method has a number of lower steps to choose."""
    fields = dataclasses.fields(fb.methods.METHODS[method])
    return any(field.name == "inner_steps" for field in fields)


def first_move(
    method: str, q: int, inner_steps: int, seed: int, compiled: bool = True
) -> dict[str, Any]:
    """Run until x moves, and count."""
    problem = fb.problems.hard.ZeroChain(q)
    problem.compiled = compiled
    options: dict[str, Any] = dict(OPTIONS.get(method, {}))
    if has_inner_loop(method):
        options["inner_steps"] = inner_steps
    before: list[float] = []

    def moved(intermediate_result: fb.BilevelResult) -> bool:
        before.append(float(intermediate_result.x_last[0]))
        return before[-1] != 0

    with warnings.catch_warnings():
        # The smallest curvature of the chain goes to 0 with q: that is what it is for.
        warnings.simplefilter("ignore", fb.ConditioningWarning)
        result = fb.minimize(
            problem, method=method, maxiter=2 * q, record_every=1, callback=moved, seed=seed,
            **options,
        )  # fmt: skip
    return {
        "q": q,
        "method": method,
        "inner_steps": inner_steps,
        "outer_iterations": result.nit,
        "lower_steps": result.nit * inner_steps,
        "moved": before[-1] != 0,
        "largest_x_before": max(map(abs, before[:-1]), default=0.0),
        "x": before[-1],
        "hypergradient": "",
    }


def exact_solve(name: str, q: int) -> dict[str, Any]:
    """The hypergradient at (0, 0) with the lower problem solved to the end; 1 is right."""
    problem, method = fb.problems.hard.ZeroChain(q), EXACT[name]
    if method is None:
        # f_x - g_xy (...) with g_xy = 0.
        found = problem.grad_upper_x(problem.x0, fb.solve_lower(problem, problem.x0, tol=1e-10))
    else:
        found = fb.hypergradient(problem, problem.x0, method=method, order=1, tol=1e-10)
    return {
        "q": q,
        "method": name,
        "inner_steps": "",
        "outer_iterations": 1,
        "lower_steps": "",
        "moved": True,
        "largest_x_before": 0.0,
        "x": "",
        "hypergradient": float(found[0]),
    }


def moves(findings: Findings, methods: list[str]) -> Table:
    """Lower steps until x moves."""
    sizes = findings.different("q")
    table = Table(
        "Convex chain of q coordinates: lower steps until x first moves",
        ["method, lower steps per iteration", *(f"q = {q}" for q in sizes)],
        notes=[
            "Before, x is exactly 0. At least q/2 + 1 lower steps; with several in an iteration, "
            "rounded up to whole iterations."
        ],
    )
    table.add("bound q/2 + 1", *(q // 2 + 1 for q in sizes))
    for method in methods:
        for steps in INNER_STEPS:
            found = findings.where(method=method, inner_steps=steps)
            cells = [row["lower_steps"] if row["moved"] else "never" for row in found]
            if cells:
                table.add(f"{method}, {steps}", *cells)
    return table


def hypergradients(findings: Findings) -> Table:
    """What an exact inner solve finds."""
    table = Table(
        "Convex chain: hypergradient at the start with the lower problem solved to the end",
        ["solver", "greatest |hypergradient - 1|"],
        notes=[f"Over q = {', '.join(map(str, findings.different('q')))}."],
    )
    for name in EXACT:
        found = np.array(findings.column("hypergradient", method=name))
        table.add(name, f"{np.abs(found - 1).max():.1g}")
    return table


def draw(findings: Findings, figure: Any) -> None:
    sizes = np.array(findings.different("q"))
    methods = [name for name in findings.different("method") if name not in EXACT]
    all_axes = figure.subplots(1, len(INNER_STEPS), sharex=True, sharey=True)
    for axes, steps in zip(all_axes, INNER_STEPS, strict=True):
        for a, method in enumerate(methods):
            y = findings.column("lower_steps", method=method, inner_steps=steps)
            if y:
                # Methods that agree would hide each other.
                x = sizes * 1.04 ** (a - len(methods) / 2)
                axes.loglog(x, y, ".", color=f"C{a}", label=method)
        axes.loglog(sizes, sizes / 2, "k-", label="q / 2: no x can have moved")
        axes.set(title=f"{steps} lower step{'s' * (steps > 1)} per iteration", xlabel="q")
    all_axes[0].set(ylabel="lower steps until x moves")
    all_axes[0].legend(fontsize="small")
