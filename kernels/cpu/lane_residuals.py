"""Intrinsic: softmax residuals with the samples in the lanes and the last logit equal to zero.

`simd_softmax` holds the classes of one sample in a vector. Here the logits come as differences to
the last class, sample by sample, and neither a sum over lanes nor the last logit has to be formed:
one exponential serves 16 samples whatever the number of classes.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..layout_dense import PANEL, STRIP
from . import llvm

I64 = types.int64


class Strip:
    """STRIP samples: their labels, and arithmetic on vectors of them."""

    def __init__(self, builder, scalar, labels):
        self.builder, self.scalar, self.labels = builder, scalar, labels
        self.zero, self.one = (llvm.constant(scalar, STRIP, v) for v in (0.0, 1.0))

    def load(self, pointer):
        return llvm.load(self.builder, pointer, self.scalar, STRIP)

    def store(self, vector, pointer):
        llvm.store(self.builder, vector, pointer, self.scalar)

    def exp(self, x):
        return llvm.vector_exp(self.builder, x, self.scalar, STRIP)

    def has_label(self, c):
        label = llvm.splat(self.builder, self.builder.trunc(c, llvm.I32), STRIP)
        return self.builder.icmp_signed("==", self.labels, label)

    def poison(self, z, total):
        """`total`, or NaN where z is NaN or infinite."""
        return llvm.multiply_add(self.builder, z, self.zero, total)


def labels_at(builder, pointer):
    """STRIP labels."""
    kind = ir.VectorType(llvm.I32, STRIP).as_pointer()
    labels = builder.load(builder.bitcast(pointer, kind))
    labels.align = 4
    return labels


def _two_classes(strip, pointer, coefficient):
    """With p = 1/(1 + exp(-z)): ``c p`` or, for a sample of this class, ``-c (1 - p)``."""
    builder = strip.builder
    z = strip.load(pointer)
    hit = strip.has_label(llvm.int64(0))
    positive = builder.fcmp_ordered(">=", z, strip.zero)
    small = strip.exp(builder.select(positive, builder.fneg(z), z))
    # p is 1/(1 + small) for positive z, small/(1 + small) else; 1 - p is the other of the two.
    share = builder.select(builder.xor(positive, hit), strip.one, small)
    signed = builder.select(hit, builder.fneg(coefficient), coefficient)
    residual = builder.fdiv(builder.fmul(signed, share), builder.fadd(strip.one, small))
    strip.store(strip.poison(z, residual), pointer)


def exponentials(strip, pointer, C):
    """Turn logits into ``exp(z - m)``, m the largest; return their sum with that of the last class.

    The sum is NaN where a logit is NaN or infinite.
    """
    builder = strip.builder
    count = llvm.int64(C - 1)

    def row(c):
        return column(builder, pointer, c)

    def enlarge(c, state):
        z = strip.load(row(c))
        return [llvm.maximum(builder, state[0], z), strip.poison(z, state[1])]

    largest, poison = llvm.counted_loop(builder, count, [strip.zero, strip.zero], enlarge)

    def exponentiate(c, total):
        e = strip.exp(builder.fsub(strip.load(row(c)), largest))
        strip.store(e, row(c))
        return [builder.fadd(total[0], e)]

    last = builder.fadd(strip.exp(builder.fneg(largest)), poison)
    (total,) = llvm.counted_loop(builder, count, [last], exponentiate)
    return total


def column(builder, pointer, c):
    """Where column c of a panel begins."""
    return llvm.offset(builder, pointer, builder.mul(c, llvm.int64(PANEL)))


def _many_classes(strip, pointer, coefficient, C):
    """``c (softmax - unit vector of the label)`` without the last class."""
    builder = strip.builder
    total = exponentials(strip, pointer, C)
    factor = builder.fdiv(coefficient, total)

    def subtract(c, _):
        place = column(builder, pointer, c)
        p = builder.fmul(strip.load(place), factor)
        label = builder.select(strip.has_label(c), coefficient, strip.zero)
        strip.store(builder.fsub(p, label), place)
        return []

    llvm.counted_loop(builder, llvm.int64(C - 1), [], subtract)


@intrinsic(prefer_literal=True)
def lane_residuals(typing, Z, at, labels, coefficients, sample, stride, g, C):
    """Turn the logits of STRIP samples into residuals without the last class, in place.

    ``z_c = Z[at + (j (C-1) + c) PANEL + r]``, ``z_{C-1} = 0``, of sample ``sample + r`` at offset j
    becomes ``coefficients[j stride + sample + r] (softmax(z)_c - [labels[sample + r] = c])``. A NaN
    or an infinite logit makes all residuals of its sample and offset NaN.
    """
    known = llvm.literals(g, C)
    if known is None:
        return None

    def generate(context, builder, signature, arguments):
        offsets, classes = known
        _, at, _, _, sample, stride, _, _ = arguments
        scalar = llvm.float_type(signature.args[0].dtype)
        Z, labels, coefficients = (
            llvm.array_pointer(context, builder, signature.args[k], arguments[k]) for k in (0, 2, 3)
        )
        label = labels_at(builder, llvm.offset(builder, labels, sample))
        strip = Strip(builder, scalar, label)
        for j in range(offsets):
            pointer = llvm.offset(
                builder, Z, builder.add(at, llvm.int64(j * (classes - 1) * PANEL))
            )
            first = builder.add(sample, builder.mul(stride, llvm.int64(j)))
            coefficient = strip.load(llvm.offset(builder, coefficients, first))
            if classes == 2:
                _two_classes(strip, pointer, coefficient)
            else:
                _many_classes(strip, pointer, coefficient, classes)
        return context.get_dummy_value()

    return types.void(Z, I64, labels, coefficients, I64, I64, g, C), generate
