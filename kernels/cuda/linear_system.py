"""CUDA twin of `kernels.reference.linear_system`."""

from __future__ import annotations

from .launch import launch_over


def joint_step(Y, G, b, sign, lr_y, lr_v):
    arguments = Y, G, b, float(sign), float(lr_y), float(lr_v)
    launch_over(b.size, "linear_system.joint_step", (Y.dtype,), *arguments, b.size)


def inverse_scaling(y, power, floor, out):
    arguments = y, float(power), float(floor), out
    launch_over(y.size, "linear_system.inverse_scaling", (y.dtype,), *arguments, y.size)


def scaled_axpy(a, s, x, y):
    launch_over(y.size, "linear_system.scaled_axpy", (y.dtype,), float(a), s, x, y, y.size)
