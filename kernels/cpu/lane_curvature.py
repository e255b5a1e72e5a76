"""Intrinsics: derivatives of cross-entropies in the logits, with the samples in the lanes.

Logits and directions are differences to the last class, as in `lane_residuals`: neither the
gradient nor the curvature changes if one number is subtracted from all logits or all directions of
a sample. Column c of STRIP samples begins at entry ``c PANEL``.
"""

from __future__ import annotations

from numba import types
from numba.extending import intrinsic

from ..layout_dense import PANEL, STRIP
from . import llvm
from .lane_residuals import Strip, column, exponentials, labels_at

I64 = types.int64


def _place(context, builder, signature, arguments, array, at):
    """Pointer to the entry `at` of an array, both numbers of arguments."""
    pointer = llvm.array_pointer(context, builder, signature.args[array], arguments[array])
    return llvm.offset(builder, pointer, arguments[at])


def _strip(context, builder, signature, arguments, labels=None, sample=None):
    """STRIP samples; those from `sample` on have the labels in the array argument `labels`."""
    label = None
    if labels is not None:
        label = labels_at(builder, _place(context, builder, signature, arguments, labels, sample))
    return Strip(builder, llvm.float_type(signature.args[0].dtype), label)


def _two_probabilities(strip, z):
    """p = 1/(1 + exp(-z)) and 1 - p, each without cancellation; NaN where z is not finite."""
    builder = strip.builder
    positive = builder.fcmp_ordered(">=", z, strip.zero)
    small = strip.exp(builder.select(positive, builder.fneg(z), z))
    total = builder.fadd(strip.one, strip.poison(z, small))
    larger, smaller = builder.fdiv(strip.one, total), builder.fdiv(small, total)
    return builder.select(positive, larger, smaller), builder.select(positive, smaller, larger)


def _weighted_mean(strip, p_of, directions, C):
    """``<p, u>`` and the direction of the label; ``p_of(c)`` gives a probability."""
    builder = strip.builder

    def add(c, state):
        u = strip.load(column(builder, directions, c))
        mean = llvm.multiply_add(builder, p_of(c), u, state[0])
        if strip.labels is None:
            return [mean]
        return [mean, builder.select(strip.has_label(c), u, state[1])]

    state = [strip.zero] * (1 if strip.labels is None else 2)
    return llvm.counted_loop(builder, llvm.int64(C - 1), state, add)


@intrinsic(prefer_literal=True)
def lane_derivatives(typing, Z, at, labels, coefficients, sample, slopes, C):
    """Logits and directions of STRIP samples into residuals and curvatures, in place; slopes.

    Logits are the C - 1 columns at entry `at` of Z, directions the C - 1 columns behind them.
    ``z <- c (p - e_label)``, ``u <- c (p u - p <p, u>)``, ``slopes[sample + r] <- <p - e_label,
    u>`` with the coefficients c from number `sample` on.
    """
    known = llvm.literals(C)
    if known is None:
        return None

    def generate(context, builder, signature, arguments):
        (classes,) = known
        strip = _strip(context, builder, signature, arguments, 2, 4)
        logits = _place(context, builder, signature, arguments, 0, 1)
        directions = llvm.offset(builder, logits, (classes - 1) * PANEL)
        coefficient = strip.load(_place(context, builder, signature, arguments, 3, 4))
        if classes == 2:
            p, rest = _two_probabilities(strip, strip.load(logits))
            u = strip.load(directions)
            distance = builder.select(strip.has_label(llvm.int64(0)), builder.fneg(rest), p)
            slope = builder.fmul(distance, u)
            strip.store(builder.fmul(coefficient, distance), logits)
            curvature = builder.fmul(builder.fmul(p, rest), builder.fmul(coefficient, u))
            strip.store(curvature, directions)
        else:
            scale = builder.fdiv(strip.one, exponentials(strip, logits, classes))

            def probability(c):
                p = builder.fmul(strip.load(column(builder, logits, c)), scale)
                strip.store(p, column(builder, logits, c))
                return p

            mean, of_label = _weighted_mean(strip, probability, directions, classes)
            slope = builder.fsub(mean, of_label)

            def finish(c, _):
                at, behind = column(builder, logits, c), column(builder, directions, c)
                weighted = builder.fmul(strip.load(at), coefficient)
                hit = builder.select(strip.has_label(c), coefficient, strip.zero)
                strip.store(builder.fsub(weighted, hit), at)
                strip.store(builder.fmul(weighted, builder.fsub(strip.load(behind), mean)), behind)
                return []

            llvm.counted_loop(builder, llvm.int64(classes - 1), [], finish)
        wide = llvm.to_float64(builder, slope, strip.scalar, STRIP)
        llvm.store(builder, wide, _place(context, builder, signature, arguments, 5, 4), llvm.F64)
        return context.get_dummy_value()

    return types.void(Z, I64, labels, coefficients, I64, slopes, C), generate


@intrinsic(prefer_literal=True)
def lane_probabilities(typing, Z, at, C):
    """Logits of STRIP samples into what `lane_curvature` needs of them, in place.

    Probabilities; for two classes the product of both.
    """
    known = llvm.literals(C)
    if known is None:
        return None

    def generate(context, builder, signature, arguments):
        (classes,) = known
        strip = _strip(context, builder, signature, arguments)
        logits = _place(context, builder, signature, arguments, 0, 1)
        if classes == 2:
            strip.store(builder.fmul(*_two_probabilities(strip, strip.load(logits))), logits)
        else:
            scale = builder.fdiv(strip.one, exponentials(strip, logits, classes))

            def normalize(c, _):
                place = column(builder, logits, c)
                strip.store(builder.fmul(strip.load(place), scale), place)
                return []

            llvm.counted_loop(builder, llvm.int64(classes - 1), [], normalize)
        return context.get_dummy_value()

    return types.void(Z, I64, C), generate


@intrinsic(prefer_literal=True)
def lane_curvature(typing, U, at, P, place, coefficients, sample, C):
    """``u <- c (p u - p <p, u>)`` for STRIP samples: u at entry `at` of U, p at `place` of P."""
    known = llvm.literals(C)
    if known is None:
        return None

    def generate(context, builder, signature, arguments):
        (classes,) = known
        strip = _strip(context, builder, signature, arguments)
        directions = _place(context, builder, signature, arguments, 0, 1)
        probabilities = _place(context, builder, signature, arguments, 2, 3)
        coefficient = strip.load(_place(context, builder, signature, arguments, 4, 5))
        if classes == 2:
            weight = builder.fmul(strip.load(probabilities), coefficient)
            strip.store(builder.fmul(weight, strip.load(directions)), directions)
            return context.get_dummy_value()

        def probability(c):
            return strip.load(column(builder, probabilities, c))

        (mean,) = _weighted_mean(strip, probability, directions, classes)

        def finish(c, _):
            place = column(builder, directions, c)
            weight = builder.fmul(probability(c), coefficient)
            strip.store(builder.fmul(weight, builder.fsub(strip.load(place), mean)), place)
            return []

        llvm.counted_loop(builder, llvm.int64(classes - 1), [], finish)
        return context.get_dummy_value()

    return types.void(U, I64, P, I64, coefficients, I64, C), generate
