"""Chains: functions whose gradient reveals one coordinate after the other.

Of x with support in the first i coordinates the gradient has its support in the first i + 1, so a
method that only moves within the span of the gradients it has seen needs a gradient per coordinate.
"""

from __future__ import annotations

import math

import numpy as np

from .draw import MASK, philox, uniform

# Keeps the coins apart from the other draws of the same key, see `draw`.
COIN_TAG = 0xC000
# Of Phi.
HALF_WIDTH = math.sqrt(math.pi * math.e / 2)
ROOT_HALF = math.sqrt(0.5)


def _psi(t):
    """0 for t <= 1/2, else exp(1 - 1 / (2t - 1)^2)."""
    return math.exp(1 - 1 / (2 * t - 1) ** 2) if t > 0.5 else 0.0


def _psi_slope(t):
    """The derivative of `_psi`."""
    return _psi(t) * 4 / (2 * t - 1) ** 3 if t > 0.5 else 0.0


def _phi(t):
    """sqrt(e) times the integral of exp(-s^2 / 2) over s < t."""
    return HALF_WIDTH * math.erfc(-t * ROOT_HALF)


def _phi_slope(t):
    """The derivative of `_phi`."""
    return math.exp(0.5 * (1 - t * t))


def carmon_value(x, height, scale, out):
    """``out[0] <- height F(x / scale)``, the smooth non-convex chain.

    F(t) = sum_i [Psi(-t_{i-1}) Phi(-t_i) - Psi(t_{i-1}) Phi(t_i)] with t_0 = 1, where Psi(t) is 0
    for t <= 1/2 and exp(1 - 1 / (2t - 1)^2) beyond, and Phi(t) is sqrt(e) times the integral of
    exp(-s^2 / 2) over s < t (Carmon, Duchi, Hinder, Sidford: Lower bounds for finding stationary
    points I, Mathematical Programming 2020).

    Parameters
    ----------
    x : (n,) float array
    height, scale : float
    out : (1,) float64 array
    """
    before, total = 1.0, 0.0
    for t in x.astype(np.float64) / scale:
        total += _psi(-before) * _phi(-t) - _psi(before) * _phi(t)
        before = t
    out[0] = height * total


def carmon_gradient(x, height, scale, out):
    """``out <- (height / scale) F'(x / scale)``, the gradient of `carmon_value`; x, out (n,)."""
    t = x.astype(np.float64) / scale
    for i in range(t.size):
        before = t[i - 1] if i else 1.0
        slope = -(_psi(-before) + _psi(before)) * _phi_slope(t[i])
        if i + 1 < t.size:
            slope -= _psi_slope(-t[i]) * _phi(-t[i + 1]) + _psi_slope(t[i]) * _phi(t[i + 1])
        out[i] = height / scale * slope


def coin(sample, probability, k0, k1):
    """1.0 with `probability`, else 0.0; a pure function of the key and a sample number < 2**53."""
    words = philox(0, sample & MASK, (sample >> 32) & MASK, COIN_TAG, k0, k1)
    return 1.0 if uniform(words[0], words[1]) < probability else 0.0


def progress(x, threshold):
    """The number of coordinates of x (n,) that a method has found.

    The last i with ``|x_i| >= threshold``, counted from 1, or 0. With threshold 0: the number of
    coordinates before the first one that is exactly zero.
    """
    size = np.abs(x)
    if threshold > 0:
        return int(np.max(np.flatnonzero(size >= threshold), initial=-1)) + 1
    zeros = np.flatnonzero(size == 0)
    return int(zeros[0]) if zeros.size else x.size


def hide_next(x, threshold, rows, probability, k0, k1, out):
    """Multiply the coordinate of a gradient that a method has yet to find by a random number.

    ``out_i <- out_i mean_{s in rows} coin(s) / probability`` for the coordinate i that follows
    those counted by `progress`, if there is one. The expectation over the samples is `out`.

    Parameters
    ----------
    x : (n,) float array
    threshold : float
    rows : (b,) int64 array
        Sample numbers; none stands for the expectation, which changes nothing.
    probability : float
        In (0, 1].
    k0, k1 : int
        Key of the coins.
    out : (n,) float array
        Gradient at x, changed in place.
    """
    i = progress(x, threshold)
    if rows.size and i < x.size:
        coins = [coin(int(s), probability, k0, k1) for s in rows]
        out[i] *= sum(coins) / (rows.size * probability)


def path_value(y, start, out):
    """``out[0] <- ((y_1 - start)^2 + sum_i (y_{i+1} - y_i)^2) / 8``, the convex chain; y (n,)."""
    steps = np.diff(y.astype(np.float64), prepend=start)
    out[0] = np.dot(steps, steps) / 8


def path_gradient(y, start, out):
    """The gradient of `path_value`; y, out (n,). With start 0 the product of its Hessian with y."""
    steps = np.diff(y.astype(np.float64), prepend=start)
    out[:] = (steps - np.append(steps[1:], 0.0)) / 4


def _half_angle(y):
    """pi u / 2 with u = (2 / sqrt(n)) times the sum of the second half of y."""
    return math.pi / math.sqrt(y.size) * float(np.sum(y[y.size // 2 :], dtype=np.float64))


def tail_value(x, y, out):
    """``out[0] <- sin(x) sin(pi u / 2)``, u = (2 / sqrt(n)) sum_{i > n/2} y_i; x (1,), y (n,)."""
    out[0] = math.sin(x[0]) * math.sin(_half_angle(y))


def tail_gradient_x(x, y, out):
    """The derivative of `tail_value` in x; out (1,)."""
    out[0] = math.cos(x[0]) * math.sin(_half_angle(y))


def tail_gradient_y(x, y, out):
    """The gradient of `tail_value` in y; out (n,)."""
    half = y.size // 2
    out[:half] = 0
    out[half:] = math.pi / math.sqrt(y.size) * math.sin(x[0]) * math.cos(_half_angle(y))
