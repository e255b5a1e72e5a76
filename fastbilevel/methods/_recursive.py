"""The single loop of the STORM methods: every gradient is a recursive estimator."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fastbilevel._schedules import values_of
from fastbilevel._texts.plan import Plan
from fastbilevel._texts.protocol import Counts, GroupRates, Oracle, Rates, record
from fastbilevel.problems.base import BilevelProblem


@record
class Oracles(NamedTuple):
    gradients_y: Oracle
    gradients_x: Oracle


@record
class Estimators(NamedTuple):
    """Gradients of f and g at all lower iterates, now and before, and their estimators (small)."""

    F: np.ndarray
    G: np.ndarray
    F_old: np.ndarray
    G_old: np.ndarray
    f: np.ndarray
    g: np.ndarray


@record
class Memory(NamedTuple):
    """The point before, proximal centres, estimators of the gradients in y and in x."""

    x_old: np.ndarray
    Y_old: np.ndarray
    center: np.ndarray
    of_y: Estimators
    of_x: Estimators


@record
class Schedules(NamedTuple):
    nu: Rates
    lr: GroupRates
    lr_x: Rates
    eta: Rates
    smoothing: Rates
    draw: Counts


def make_chunk(k: Any, proximal: int) -> Any:
    """F3SA, and with `proximal` 1 its proximal form: one lower step, then one step of x.

    The estimators h = grad(now) + (1 - eta) (h - grad(before)) take both gradients on the same
    minibatch; those in x compare (x_k, Y_k+1) with (x_k-1, Y_k).
    """

    def chunk(oracles, samplers, state, memory, domain, schedules, fixed, n):
        in_y, in_x = oracles.gradients_y, oracles.gradients_x
        x, Y, weights, phi = state.x, state.Y, state.weights, state.phi
        x_old, Y_old, center = memory.x_old, memory.Y_old, memory.center
        of_y, of_x, lower = memory.of_y, memory.of_x, fixed.lower
        nu, lr, eta, draw = schedules.nu, schedules.lr, schedules.eta, schedules.draw
        q = weights.size
        flat_weights, flat_alpha = weights.reshape(q), fixed.alpha.reshape(q)
        gradients_y, data_y, work_y = in_y.function, in_y.data, in_y.work
        gradients_x, data_x, work_x = in_x.function, in_x.data, in_x.work
        m, norms, flag = state.m, state.norms, state.flag
        kind, a, b = domain.kind, domain.a, domain.b
        smoothing, lr_x = schedules.smoothing, schedules.lr_x
        offsets, prox = fixed.offsets, fixed.prox
        F_y, G_y, F_old_y, G_old_y, f_y = of_y.F, of_y.G, of_y.F_old, of_y.G_old, of_y.f
        g_y = of_y.g
        F_x, G_x, F_old_x, G_old_x, f_x = of_x.F, of_x.G, of_x.F_old, of_x.G_old, of_x.f
        g_x = of_x.g
        project_lower = fixed.project_lower
        for t in range(n):
            k.vector.scale(nu[t], offsets, weights)
            gradients_y(data_y, samplers, work_y, x, Y, weights, draw[t], F_y, G_y)
            gradients_y(data_y, samplers, work_y, x_old, Y_old, weights, draw[t], F_old_y, G_old_y)
            k.momentum.recursive_momentum(f_y, F_y, F_old_y, eta[t])
            k.momentum.recursive_momentum(g_y, G_y, G_old_y, eta[t])
            k.vector.scale(1.0, Y, Y_old)
            for j in range(q):
                k.vector.perturbed_step(Y[j], g_y[j], f_y[j], weights[j, 0], lr[t, j])
                if proximal:
                    k.proximal.proximal_step(
                        Y[j], Y_old[j], center[j], lr[t, j] / prox, lower.kind, lower.a, lower.b
                    )
                    project_lower(Y[j])
                    k.proximal.smooth(center[j], Y[j], smoothing[t])
            gradients_x(data_x, samplers, work_x, x, Y, weights, draw[t], F_x, G_x)
            gradients_x(data_x, samplers, work_x, x_old, Y_old, weights, draw[t], F_old_x, G_old_x)
            k.momentum.recursive_momentum(f_x, F_x, F_old_x, eta[t])
            k.momentum.recursive_momentum(g_x, G_x, G_old_x, eta[t])
            k.vector.scale(1.0, x, x_old)
            k.vector.combine_offsets(f_x, g_x, flat_weights, flat_alpha, nu[t], phi)
            k.vector.normalized_momentum(
                x, m, phi, lr_x[t], momentum=0.0, normalize=0, kind=kind, a=a, b=b,
                norm_out=norms[t : t + 1], flag=flag,
            )  # fmt: skip

    return chunk


def estimator_memory(
    problem: BilevelProblem, plan: Plan, x: np.ndarray, Y: np.ndarray, proximal: bool
) -> Memory:
    """Estimators of 0 at the starting point."""

    def estimators(size: int) -> Estimators:
        shape = (plan.n_groups, size)
        return Estimators(**{n: np.zeros(shape, problem.dtype) for n in Estimators._fields})

    return Memory(
        x_old=np.array(x, problem.dtype),
        Y_old=Y.copy(),
        center=Y.copy() if proximal else Y[:, :0].copy(),
        of_y=estimators(problem.n_y),
        of_x=estimators(problem.n_x),
    )


def estimator_weights(momentum: Any, first: int, n: int) -> np.ndarray:
    """eta at iterations first, ..., first + n - 1: 1 in the first iteration, never above 1."""
    eta = np.minimum(values_of("momentum", momentum, first, n), 1.0)
    if first == 0:
        eta[0] = 1.0
    return eta
