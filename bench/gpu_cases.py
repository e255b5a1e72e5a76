"""Calls of the CUDA kernels at given shapes, on the device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastbilevel._arrays.placement import place
from fastbilevel._texts.samplers import key_of, make_sampler
from fastbilevel.kernels import cuda
from fastbilevel.kernels.cuda import layout_csr, layout_dense
from fastbilevel.kernels.reference.projection import NONE as NO_SET

from .gpu_data import NU, Rows
from .gpu_floor import Work
from .gpu_work import Run

LR, PENALTY = 1e-6, 1e-3


class Case(NamedTuple):
    """`call(i)` makes call number i of a kernel, on minibatch number i.

    `captured`: whether a graph can hold the call; products by cuBLAS it cannot.
    """

    work: Work
    call: Callable[[int], object]
    captured: bool = True


class Cases:
    """The kernels of a run with arrays of their own on the device."""

    def __init__(self, cupy: Any, rows: Rows, run: Run) -> None:
        self.cupy, self.run, self.shape = cupy, run, rows.shape
        self.family = cuda.csr if rows.shape.sparse else cuda.dense
        self.curvature = cuda.csr_curvature if rows.shape.sparse else cuda.dense_curvature
        self.layout = layout_csr if rows.shape.sparse else layout_dense
        self.kind = cuda.weights.SIGMOID if rows.shape.cleaning else cuda.weights.NONE
        levels = (rows.X, rows.y), (rows.X_val, rows.y_val)
        key = key_of(0)
        self.samplers, self.sides = [], []
        for stream, (X, labels) in enumerate(levels):
            sampler = make_sampler(labels.size, rows.shape.batch, "blocks", stream, key, False)
            self.samplers.append(place(cuda, sampler.arrays()))
            self.sides.append(self._side(X, labels, sampler.order))
        weights, self.alpha = (np.asarray(values, float)[np.newaxis] for values in _stencil(run.q))
        self.weights = NU * weights
        self.x = self._zeros(run.n_x)

    def _zeros(self, size: Any, dtype: Any = None) -> Any:
        return self.cupy.zeros(size, dtype or self.run.dtype)

    def _side(self, X: Any, labels: np.ndarray, order: np.ndarray) -> tuple[Any, ...]:
        dtype = self.run.dtype
        if self.shape.sparse:
            X = X.indptr.astype(np.int64), X.indices.astype(np.int32), X.data.astype(dtype)
        else:
            X = (np.ascontiguousarray(X, dtype),)
        blocks = self.layout.build_blocks(X, order, self.shape.batch, self.shape.sparse)
        ones = np.ones(labels.size, dtype)
        return (*place(cuda, (X, labels.astype(np.int32), ones)), blocks)

    def _minibatch(self, side: int, i: int) -> tuple[Any, int]:
        """Row numbers and number of one of the blocks that are full."""
        order, batch = self.samplers[side][0], self.shape.batch
        block = i % (self.shape.n // batch)
        return order[block * batch : (block + 1) * batch], block

    def _penalty(self) -> Any:
        s = self.shape
        shape = (1, 1) if s.cleaning else (s.d, 1) if s.sparse else (1, s.d * s.C)
        return self.cupy.full(shape, PENALTY)

    # -- products and lower steps ------------------------------------------------------------

    def forward(self) -> Case:
        run, V, Z = self.run, self._iterates(), self._zeros(self.shape.batch * self.run.width)
        X = self.sides[0][0]
        forward = self.family.forward
        return Case(run.forward(), lambda i: forward(X, self._minibatch(0, i)[0], V, Z, run.width))

    def backward(self) -> Case:
        run, G, Z = self.run, self._iterates(), self._zeros(self.shape.batch * self.run.width)
        X = self.sides[0][0]
        backward = self.family.backward
        return Case(
            run.backward(), lambda i: backward(X, self._minibatch(0, i)[0], Z, LR, G, run.width)
        )

    def _iterates(self) -> Any:
        return self._zeros(self.shape.d * self.run.width)

    def _workspace(self) -> Any:
        s = self.shape
        return self.layout.workspace(s.d, s.batch, s.batch, self.run.q, s.C, self.run.dtype)

    def step(self) -> Case:
        s, penalty, V, work = self.shape, self._penalty(), self._iterates(), self._workspace()
        scale, (train, val) = self.cupy.ones(s.d), self.sides

        def call(i: int) -> None:
            lower, upper = self._minibatch(0, i), self._minibatch(1, i)
            self.family.descent_step(
                *(train, *lower, val, *upper, self.x, self.weights[0], penalty, LR, V, scale, work),
                *(self.run.q, s.C, self.kind, 0.0, 1),
            )

        return Case(self.run.step(), call, self._is_ours)

    @property
    def _is_ours(self) -> bool:
        """Whether the steps do without cuBLAS."""
        return self.shape.sparse or self.shape.batch <= layout_dense.MOST_TILED

    def descend(self) -> Case:
        s, run, penalty, work = self.shape, self.run, self._penalty(), self._workspace()
        Y, scale, (train, val) = self._iterates()[np.newaxis], self.cupy.ones(s.d), self.sides
        lr = np.full(1, LR)

        def call(i: int) -> None:
            self.family.descend(
                *(train, self.samplers[0], val, self.samplers[1], self.x, self.weights, penalty),
                *(lr, Y, scale, work, run.q, s.C, run.width, self.kind, 0.0, 1),
                *(s.steps, i * s.steps, 0),
            )

        return Case(run.descend(), call, self._is_ours)

    def flush(self) -> Case:
        V, scale = self._iterates(), self.cupy.full(self.shape.d, 0.5)

        def call(i: int) -> None:
            # Rows whose factor is 1 stay where they are.
            scale.fill(0.5)
            cuda.csr.flush(V, scale, self.run.width)

        return Case(self.run.flush(), call)

    def product(self) -> Case:
        s, run, penalty = self.shape, self.run, self._penalty()
        Y, out = self._zeros((2, s.d * s.C)), self._zeros(s.d * s.C)
        work = self.layout.curvature_workspace(s.d, s.batch, s.C, run.dtype)
        product, side = self.curvature.product, self.sides[0]

        def call(i: int) -> None:
            minibatch = self._minibatch(0, i)
            product(side, *minibatch, self.x, Y, penalty, out, work, s.C, self.kind, 0.0)

        return Case(run.product(), call)

    # -- the hypergradient and the step of x --------------------------------------------------

    def residual(self) -> Case:
        s, labels = self.shape, self.sides[0][1]
        Z, coefficients = self._zeros(s.batch * s.C), self._zeros(s.batch)
        residual = cuda.softmax.residual
        return Case(
            self.run.residual(),
            lambda i: residual(Z, labels, self._minibatch(0, i)[0], coefficients, s.C),
        )

    def combine_losses(self) -> Case:
        s, run, labels, alpha = self.shape, self.run, self.sides[0][1], self.alpha[0]
        Z, total = self._zeros(s.batch * run.width), self._zeros(s.batch, np.float64)
        combine = cuda.softmax.combine_losses
        return Case(
            run.combine_losses(),
            lambda i: combine(Z, labels, self._minibatch(0, i)[0], alpha, total, run.q, s.C),
        )

    def penalty_gradient(self) -> Case:
        s, run, Y = self.shape, self.run, self._iterates()[np.newaxis]
        features, one = np.arange(s.d), np.zeros(1, np.int64)
        places = (features, one) if s.sparse else (one, np.tile(features, s.C))
        index, total = place(cuda, places), self._zeros(s.d, np.float64)
        out, gradient = self._zeros(s.d), cuda.penalty.penalty_gradient
        arguments = (*index, 1.0, self.x, Y, self.alpha, NU, total, out, run.q, s.C)
        return Case(run.penalty_gradient(), lambda i: gradient(*arguments))

    def combine_offsets(self) -> Case:
        n, q = self.run.n_x, self.run.q
        F, G, out = self._zeros((q, n)), self._zeros((q, n)), self._zeros(n)
        combine, arguments = cuda.vector.combine_offsets, (self.weights[0], self.alpha[0], NU)
        return Case(self.run.combine_offsets(), lambda i: combine(F, G, *arguments, out))

    def normalized_momentum(self) -> Case:
        n, step = self.run.n_x, cuda.vector.normalized_momentum
        x, m, phi = self._zeros(n), self._zeros(n), self.cupy.ones(n, self.run.dtype)
        nothing, norm = self._zeros(0), self._zeros(1, np.float64)
        flag = self._zeros(1, np.int64)
        arguments = x, m, phi, LR, 0.5, 1, NO_SET, nothing, nothing, norm, flag
        return Case(self.run.normalized_momentum(), lambda i: step(*arguments))

    def all(self) -> list[Case]:
        """Those of the roofline that can be called on their own."""
        hypergradient = self.combine_losses if self.shape.cleaning else self.penalty_gradient
        cases = [self.forward(), self.backward(), self.step(), self.descend(), self.product()]
        cases += [self.flush()] if self.shape.sparse else []
        return [
            *cases,
            self.residual(),
            hypergradient(),
            self.combine_offsets(),
            self.normalized_momentum(),
        ]


def _stencil(q: int) -> tuple[np.ndarray, np.ndarray]:
    """Offsets and coefficients of F2SA-q, neighbours in size beside each other."""
    from fastbilevel import finite_difference_coefficients

    offsets, alpha = finite_difference_coefficients(q)
    used = alpha != 0
    order = np.argsort(np.abs(offsets[used]), kind="stable")
    return offsets[used][order], alpha[used][order]
