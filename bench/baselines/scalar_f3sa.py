"""F3SA on Q1 without noise: one text of the update for NumPy arrays and for JAX scalars."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class F3SASetting(NamedTuple):
    """g = y^2/2 - x y, f = (y - 1)^2/2 + x^2/2; lr_z = penalty lr_y; a fixed eta after the first
    iteration."""

    penalty: float
    lr_z: float
    lr_x: float
    eta: float


# x, z, y, then the point before, then the estimators of g_y at z, g_y at y, f_y, g_x at z,
# g_x at y, f_x.
State = tuple[Any, ...]


def make_step(setting: F3SASetting) -> Callable[[State, float], State]:
    """``step(state, eta)``: one outer iteration, six recursive estimators."""
    nu, lr, lr_x = 1.0 / setting.penalty, setting.lr_z, setting.lr_x

    def step(state: State, eta: float) -> State:
        x, z, y, x_old, z_old, y_old, gz, gy, fy, gxz, gxy, fx = state
        keep = 1.0 - eta
        gz = (z - x) + keep * (gz - (z_old - x_old))
        gy = (y - x) + keep * (gy - (y_old - x_old))
        fy = (y - 1.0) + keep * (fy - (y_old - 1.0))
        z_new = z - lr * gz
        y_new = y - lr * (gy + nu * fy)
        gxz = -z_new + keep * (gxz + z)
        gxy = -y_new + keep * (gxy + y)
        fx = x + keep * (fx - x_old)
        x_new = x - lr_x * (nu * fx + gxy - gxz) / nu
        return x_new, z_new, y_new, x, z, y, gz, gy, fy, gxz, gxy, fx

    return step


def first_state(step: Callable[[State, float], State], zero: Any) -> State:
    """The state after the first iteration, in which eta is 1; everything starts at `zero`."""
    return step((zero,) * 12, 1.0)


def numpy_loop(setting: F3SASetting) -> tuple[Callable[[State, int], State], State]:
    """A plain loop over arrays of one number, and its state after one iteration."""
    step = make_step(setting)

    def run(state: State, count: int) -> State:
        for _ in range(count):
            state = step(state, setting.eta)
        return state

    return run, first_state(step, np.zeros(1))


def jax_loop(setting: F3SASetting) -> tuple[Callable[[State, int], State], State]:
    """A jitted `lax.scan` over scalars, and its state after one iteration."""
    import jax
    import jax.numpy as jnp

    step = make_step(setting)

    def run(state: State, count: int) -> State:
        return jax.lax.scan(lambda s, _: (step(s, setting.eta), None), state, None, count)[0]

    return jax.jit(run, static_argnums=1), first_state(step, jnp.zeros(()))
