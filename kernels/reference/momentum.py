"""Momentum: the recursive gradient estimator, extrapolation and its restart."""

from __future__ import annotations

import numpy as np

# The part of B that a restart leaves.
LEFT_AFTER_RESTART = 0.99


def recursive_momentum(h, new, old, momentum):
    """Recursive gradient estimator of F3SA: ``h <- new + (1 - momentum) (h - old)``.

    Parameters
    ----------
    h : float array of any shape
        Estimate of the iteration before, changed in place; not read if `momentum` is 1.
    new, old : float arrays of the shape of h
        Gradients at the new and at the old point from one sample; `old` is not read if `momentum`
        is 1.
    momentum : float
        eta in (0, 1]; 1 is the plain gradient.
    """
    if momentum == 1.0:
        h[...] = new
    else:
        past = h.astype(np.float64) - old
        h[...] = (new + (1.0 - momentum) * past).astype(h.dtype)


def extrapolate(v, previous, momentum):
    """Accelerated steps: ``v, previous <- v + momentum (v - previous), v``.

    Parameters
    ----------
    v, previous : float arrays of one shape
        This iterate and the one before, changed in place.
    momentum : float
    """
    here = v.copy()
    v[...] = (here + momentum * (here.astype(np.float64) - previous)).astype(v.dtype)
    previous[...] = here


def restart(x, previous, memory):
    """Forget the direction of x once it has moved far (the authors' code of AccF2BA).

    ``steps <- steps + 1``, ``moves <- moves + ||x - previous||^2``; if steps moves exceeds
    max(B, B0)^2, ``previous <- x``, ``steps, moves <- 0`` and ``B <- 0.99 B``.

    Parameters
    ----------
    x : (n,) float array
    previous : (n,) float array
        The iterate before; the next extrapolation starts from it.
    memory : (4,) float64 array
        (steps, moves, B, B0), changed in place.
    """
    memory[0] += 1.0
    memory[1] += np.sum(np.square(x.astype(np.float64) - previous))
    if memory[0] * memory[1] > np.maximum(memory[2], memory[3]) ** 2:
        previous[:] = x
        memory[:2] = 0.0
        memory[2] *= LEFT_AFTER_RESTART
