"""Bytes and operations of the CUDA kernels; see `roofline` for how they are counted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastbilevel.kernels.cuda import layout_dense
from fastbilevel.kernels.cuda.launch import MOST_ALONE
from fastbilevel.kernels.cuda.sums import blocks_of

from .gpu_floor import Work

INDEX, LABEL, WIDE = 8, 4, 8  # bytes of a row number, a label, a float64
# Operations for each logit: largest, difference, exponential, sum; quotient, difference, product.
RESIDUAL, LOSS, CURVATURE = 7, 4, 9
# Operations for each row weight and its slope, about.
WEIGHT = 8


@dataclass(frozen=True)
class Shape:
    """Softmax regression, and how a run goes through it.

    Attributes
    ----------
    name : str
    n, d, C, batch : int
        Rows of the lower level, features, classes, rows of a minibatch of either level.
    entries : float
        Nonzeros of a row; 0: dense.
    cleaning : bool
        x weighs the rows, else it penalises the features.
    features : tuple of two float
        Distinct features of one minibatch, and of those of both levels together; (0, 0): as many as
        there can be.
    steps : int
        K, lower steps of an outer iteration.
    """

    name: str
    n: int
    d: int
    C: int
    batch: int
    entries: float = 0
    cleaning: bool = False
    features: tuple[float, float] = (0, 0)
    steps: int = 10

    @property
    def sparse(self) -> bool:
        return self.entries > 0

    def occurring(self, minibatches: int) -> float:
        """Distinct features of one minibatch, or of two."""
        if not self.sparse:
            return self.d
        most = min(self.d, minibatches * self.batch * self.entries)
        return self.features[minibatches - 1] or most


_IMAGES = {"d": 784, "C": 10, "cleaning": True}
SETTINGS = {
    # Distinct features: counted on generated text of this shape.
    "text": Shape("20 Newsgroups shape", 5646, 73_686, 20, 1000, 134, features=(27_000, 38_000)),
    "images-64": Shape("images, B = 64", 19_968, batch=64, **_IMAGES),
    "images-512": Shape("images, B = 512", 19_968, batch=512, **_IMAGES),
    "images-4096": Shape("images, B = 4096", 40_960, batch=4096, **_IMAGES),
    "images-50000": Shape("images, B = 50000", 50_000, batch=50_000, **_IMAGES),
    "ijcnn1": Shape("ijcnn1 shape, B = 64", 34_944, 22, 2, 64),
}


@dataclass(frozen=True)
class Run:
    """F2SA-p with q offsets, which share their minibatches.

    Methods give the work of the kernels of these names, each with the arguments that it has there.
    """

    shape: Shape
    q: int
    dtype: np.dtype

    @property
    def title(self) -> str:
        return f"{self.shape.name}, p = {self.q}, {self.dtype.name}"

    @property
    def width(self) -> int:
        """Columns of the stacked iterates."""
        return self.q * self.shape.C

    @property
    def n_x(self) -> int:
        return self.shape.n if self.shape.cleaning else self.shape.d

    def _work(
        self, kernel: str, size: str, bytes_: float, own: float, wide: float = 0.0, **counts: int
    ) -> Work:
        """`own` operations in the type of the data, `wide` in float64."""
        single = self.dtype.itemsize == 4
        return Work(
            kernel, size, bytes_, own if single else 0.0, wide + (0.0 if single else own), **counts
        )

    def _data(self, minibatches: int) -> float:
        """Bytes of minibatches by rows: features, row numbers, where sparse rows begin and end."""
        s, item = self.shape, self.dtype.itemsize
        rows = minibatches * s.batch
        each = s.entries * (item + LABEL) + 2 * INDEX if s.sparse else s.d * item
        return rows * (each + INDEX)

    def _targets(self, minibatches: int) -> float:
        """Bytes of labels, given weights and learned weights of minibatches."""
        rows, item = self.shape.batch, self.dtype.itemsize
        return minibatches * rows * (LABEL + item) + (rows * item if self.shape.cleaning else 0)

    def _iterates(self, columns: int, minibatches: int) -> float:
        """Bytes of the rows of iterates that minibatches meet."""
        return self.shape.occurring(minibatches) * columns * self.dtype.itemsize

    def _logits(self, columns: int, minibatches: int = 1) -> float:
        return minibatches * self.shape.batch * columns * self.dtype.itemsize

    def _product(self, columns: int, minibatches: int) -> float:
        """Operations of a product of the data with so many columns."""
        s = self.shape
        return 2.0 * minibatches * s.batch * (s.entries or s.d) * columns

    @property
    def _family(self) -> str:
        return "csr" if self.shape.sparse else "dense"

    @property
    def _size(self) -> str:
        return f"{self.shape.batch} x {self.shape.d} x {self.width}"

    # -- products and lower steps ------------------------------------------------------------

    def forward(self) -> Work:
        moved = self._data(1) + self._iterates(self.width, 1) + self._logits(self.width)
        product = self._product(self.width, 1)
        return self._work(f"{self._family}.forward", self._size, moved, product)

    def backward(self) -> Work:
        moved = self._data(1) + 2 * self._iterates(self.width, 1) + self._logits(self.width)
        product = self._product(self.width, 1)
        return self._work(f"{self._family}.backward", self._size, moved, product)

    def residuals(self) -> Work:
        """The first phase of a step: logits and residuals of both minibatches."""
        s = self.shape
        moved = self._data(2) + self._targets(2) + self._iterates(self.width, 2)
        moved += self._logits(self.width, 2) + (WIDE * s.occurring(2) if s.sparse else 0)
        own = self._product(self.width, 2) + RESIDUAL * 2 * s.batch * self.width
        return self._work(f"{self._family}.residuals", self._size, moved, own, WEIGHT * 2 * s.batch)

    def update(self) -> Work:
        """The second phase: the iterates, and the decay of all features."""
        s, item = self.shape, self.dtype.itemsize
        moved = 2 * self._iterates(self.width, 2) + self._logits(self.width, 2)
        own = self._product(self.width, 2) + 3 * s.occurring(2) * self.width
        if not s.sparse:
            moved += self._data(2) + self._penalty()
            return self._work("dense.update", self._size, moved, own)
        # By features: numbers and beginnings of them; then row and value of each entry.
        moved += 2 * s.batch * s.entries * (item + LABEL) + s.occurring(2) * (LABEL + INDEX)
        moved += s.d * 3 * WIDE  # scale, read and written, and penalty
        return self._work("csr.update", self._size, moved, own, 3 * s.d)

    def _penalty(self) -> float:
        """Bytes of the penalty of dense iterates."""
        return WIDE if self.shape.cleaning else WIDE * self.shape.d * self.shape.C

    def step(self) -> Work:
        """`descent_step`: a row could go back while it is at hand, so dense data move once."""
        s, phases, launches = self.shape, (self.residuals(), self.update()), 2
        once = self._iterates(self.width, 2) + 2 * self._logits(self.width, 2)
        if not s.sparse:
            once += self._data(2)
            if s.batch > layout_dense.MOST_TILED:
                launches = 6 if s.batch == s.n else 8
        return Work(
            f"{self._family}.descent_step",
            self._size,
            sum(phase.bytes for phase in phases) - once,
            sum(phase.float32 for phase in phases),
            sum(phase.float64 for phase in phases),
            launches,
        )

    def descend(self) -> Work:
        """All steps of small dense minibatches in one launch; other steps are launches each."""
        step, steps = self.step(), self.shape.steps
        one = not self.shape.sparse and self.shape.batch <= layout_dense.MOST_TILED
        return Work(
            f"{self._family}.descend",
            f"{self._size}, K = {steps}",
            steps * step.bytes + (0 if one or not self.shape.sparse else self.flush().bytes),
            steps * step.float32,
            steps * step.float64,
            1 if one else steps * step.launches + 1 + self.shape.sparse,
            2 * steps if one else 0,
        )

    def flush(self) -> Work:
        s, size = self.shape, self.shape.d * self.width
        moved = 2 * size * self.dtype.itemsize + 2 * WIDE * s.d
        return self._work("csr.flush", f"{s.d} x {self.width}", moved, size)

    # -- the hypergradient and the step of x --------------------------------------------------

    def penalty_values(self) -> Work:
        s, item = self.shape, self.dtype.itemsize
        values = 1 if s.cleaning else s.d if s.sparse else s.d * s.C
        moved = values * (INDEX + WIDE) + (0 if s.cleaning else s.d * item)
        return self._work("penalty.penalty_values", f"{values}", moved, 0.0, 2 * values)

    def penalty_gradient(self) -> Work:
        """Squares relative to those of the first offset, combined."""
        s, item, size = self.shape, self.dtype.itemsize, self.shape.d * self.shape.C
        moved = size * self.q * item + (s.d if s.sparse else size) * INDEX + 2 * s.d * item
        wide, text = 5 * size * (self.q - 1) + 3 * s.d, f"{s.d} x {self.width}"
        return self._work("penalty.penalty_gradient", text, moved, 0.0, wide, launches=2)

    def combine_losses(self) -> Work:
        s = self.shape
        moved = self._logits(self.width) + s.batch * (INDEX + LABEL + 2 * WIDE)
        size, logits = f"{s.batch} x {self.width}", s.batch * self.width
        wide = logits + 2 * s.batch * self.q
        return self._work("softmax.combine_losses", size, moved, (LOSS - 1) * logits, wide)

    def weight_gradient(self) -> Work:
        s, item = self.shape, self.dtype.itemsize
        moved = s.batch * (INDEX + WIDE + 4 * item)
        wide, launches = (WEIGHT + 3) * s.batch, 3 + (blocks_of(s.batch) > 1)
        name = "weights.weight_gradient"
        return self._work(name, f"{s.batch}", moved, 0.0, wide, launches=launches)

    def normalized_momentum(self) -> Work:
        n = self.n_x
        launches = 1 if n <= MOST_ALONE else 2
        moved = 5 * n * self.dtype.itemsize
        name = "vector.normalized_momentum"
        return self._work(name, f"{n}", moved, 5 * n, 2 * n, launches=launches)

    def combine_offsets(self) -> Work:
        """What problems do whose hypergradients are not combined from losses or squares."""
        n, q = self.n_x, self.q
        moved = (2 * q + 1) * n * self.dtype.itemsize
        return self._work("vector.combine_offsets", f"{q} x {n}", moved, 0.0, (5 * q + 1) * n)

    # -- others of interest --------------------------------------------------------------------

    def residual(self) -> Work:
        s = self.shape
        moved = 2 * self._logits(s.C) + s.batch * (LABEL + INDEX + self.dtype.itemsize)
        return self._work("softmax.residual", f"{s.batch} x {s.C}", moved, RESIDUAL * s.batch * s.C)

    def product(self) -> Work:
        """A Hessian-vector product on one minibatch."""
        s, item, size = self.shape, self.dtype.itemsize, self.shape.d * self.shape.C
        moved = self._data(1) + self._targets(1) + self._iterates(s.C, 1)
        moved += 2 * size * item + (WIDE * s.d if s.sparse else self._penalty())
        if s.sparse:
            moved += s.batch * s.entries * (item + LABEL) + s.occurring(1) * (LABEL + INDEX)
        own = self._product(3 * s.C, 1) + CURVATURE * s.batch * s.C + 2 * size
        name = f"{self._family}_curvature.product"
        size_text = f"{s.batch} x {s.d} x {s.C}"
        return self._work(name, size_text, moved, own, WEIGHT * s.batch, launches=2)

    def kernels(self) -> list[Work]:
        """Those that runs of the methods spend their time in."""
        s = self.shape
        works = [self.forward(), self.backward()]
        if s.sparse:
            works += [self.residuals(), self.update(), self.flush()]
        works += [self.step(), self.descend()]
        works += [self.product(), self.residual()]
        works += [self.combine_losses()] if s.cleaning else [self.penalty_gradient()]
        return [*works, self.combine_offsets(), self.normalized_momentum()]

    def iteration(self) -> list[tuple[int, Work]]:
        """An outer iteration: how often each kernel runs."""
        s, item = self.shape, self.dtype.itemsize
        fill = self._work("fill", "1", WIDE, 0.0)
        steps = [(1, self.penalty_values()), (1, fill), (1, self.descend())]
        if s.cleaning:
            fill_x = self._work("fill", f"{s.n}", s.n * item, 0.0)
            steps += [(1, fill_x), (3, fill), (1, self.forward()), (1, self.combine_losses())]
            steps += [(1, self.weight_gradient())]
        else:
            steps += [(1, self.penalty_gradient())]
        return [*steps, (1, self.normalized_momentum())]
