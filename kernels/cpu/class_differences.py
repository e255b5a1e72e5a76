"""Intrinsics: iterates relative to the last class, and the step of all classes.

Softmax does not change if one vector is subtracted from the iterates of all classes, and residuals
sum to zero over the classes. So products are taken with the C - 1 differences to the last class
only, and the gradient of the last class is minus the sum of the others. This saves a C-th of all
products, half of them for two classes.

In the scratch arrays, kept slice by slice ``(slice, column, lane)``, difference c of offset j is
column ``j (C - 1) + c``.
"""

from __future__ import annotations

from numba import types
from numba.extending import intrinsic

from . import llvm, tiles


@intrinsic(prefer_literal=True)
def class_differences(typing, V, d, differences, g, C):
    """``differences[j, c] <- V[j, c] - V[j, C-1]`` for all c < C-1; padding is set to 0."""
    known = llvm.literals(g, C)
    if known is None:
        return None

    def generate(context, builder, signature, arguments):
        offsets, classes = known
        scalar = llvm.float_type(signature.args[0].dtype)
        d = arguments[1]
        slices = tiles.Slices(builder, scalar, d)
        V, target = (
            llvm.array_pointer(context, builder, signature.args[k], arguments[k]) for k in (0, 2)
        )
        columns = offsets * (classes - 1)

        def one_slice(s, state, last):
            feature = tiles.times(builder, s, slices.lanes)
            for j in range(offsets):
                iterate = tiles.entry(builder, V, (j * classes, d), (feature, 1))
                reference = slices.load(tiles.entry(builder, iterate, (classes - 1, d)), last)

                def one_class(c, _, j=j, iterate=iterate, reference=reference):
                    vector = slices.load(tiles.entry(builder, iterate, (c, d)), last)
                    column = builder.add(c, llvm.int64(j * (classes - 1)))
                    place = tiles.entry(
                        builder, target, (s, columns * slices.lanes), (column, slices.lanes)
                    )
                    llvm.store(builder, builder.fsub(vector, reference), place, scalar)
                    return []

                llvm.counted_loop(builder, llvm.int64(classes - 1), [], one_class)
            return state

        slices.fold([], one_slice)
        return context.get_dummy_value()

    return types.void(V, types.int64, differences, g, C), generate


def _classes(builder, slices, features, gradient, offsets, classes, act):
    """``act(offset, class, feature, step, is_last)`` for all classes, slice by slice.

    `step` is a slice of the gradient of one class of one offset from `feature` on. The gradient is
    kept slice by slice, without the last class.
    """
    lanes, columns = slices.lanes, offsets * (classes - 1)

    def one_slice(s, _, last):
        feature = tiles.times(builder, s, lanes)
        for j in range(offsets):
            source = tiles.entry(
                builder, gradient, (s, columns * lanes), (j * (classes - 1), lanes)
            )

            def one_class(c, total, source=source, j=j):
                step = llvm.load(
                    builder, tiles.entry(builder, source, (c, lanes)), slices.scalar, lanes
                )
                act(j, c, feature, step, last)
                return [builder.fsub(total[0], step)]

            (rest,) = llvm.counted_loop(
                builder, llvm.int64(classes - 1), slices.zeros(1), one_class
            )
            act(j, llvm.int64(classes - 1), feature, rest, last)

    slices.visit(*features, one_slice)


@intrinsic(prefer_literal=True)
def take_step(typing, V, feature, features, d, penalty, uniform, lr, gradient, g, C):
    """``V <- (1 - lr e) V - lr G`` for features feature..features-1.

    A factor 1 - lr e rounded to float32 would be off the same way in every step; it is split into
    two float32 numbers instead. G is kept slice by slice, without the last class. e is
    ``penalty[0]`` if `uniform`, else ``penalty[c d + k]``.
    """
    known = llvm.literals(uniform, g, C)
    if known is None:
        return None

    def generate(context, builder, signature, arguments):
        same, offsets, classes = known
        scalar = llvm.float_type(signature.args[0].dtype)
        V, e, gradient = (
            llvm.array_pointer(context, builder, signature.args[k], arguments[k]) for k in (0, 4, 7)
        )
        feature, features, d, lr = (arguments[k] for k in (1, 2, 3, 6))
        slices = tiles.Slices(builder, scalar, d)
        lanes = slices.lanes
        vector = llvm.vector_type(scalar, lanes)
        exact_rate = llvm.splat(builder, lr, lanes)
        one = llvm.constant(llvm.F64, lanes, 1.0)
        rate = exact_rate if scalar == llvm.F64 else builder.fptrunc(exact_rate, vector)

        def kept(values):
            """``1 - lr values`` as a number of the dtype and the rest."""
            exact = builder.fsub(one, builder.fmul(exact_rate, values))
            if scalar == llvm.F64:
                return exact, None
            high = builder.fptrunc(exact, vector)
            rest = builder.fsub(exact, llvm.to_float64(builder, high, scalar, lanes))
            return high, builder.fptrunc(rest, vector)

        kept_everywhere = kept(llvm.splat(builder, builder.load(e), lanes)) if same else None

        def move(j, c, feature, step, last):
            place = tiles.entry(builder, V, (j * classes, d), (feature, 1), (c, d))
            if same:
                high, low = kept_everywhere
            else:
                position = tiles.entry(builder, e, (feature, 1), (c, d))
                high, low = kept(slices.load(position, last, llvm.F64))
            old = slices.load(place, last)
            change = builder.fneg(builder.fmul(rate, step))
            if low is not None:
                change = llvm.multiply_add(builder, low, old, change)
            slices.store(llvm.multiply_add(builder, high, old, change), place, last)

        _classes(builder, slices, (feature, features), gradient, offsets, classes, move)
        return context.get_dummy_value()

    void = types.void(
        V, types.int64, types.int64, types.int64, penalty, uniform, types.float64, gradient, g, C
    )
    return void, generate


@intrinsic(prefer_literal=True)
def set_gradient(typing, V, d, penalty, kind, gradient, out, g, C):
    """``out <- e V + G`` for all classes; G is kept slice by slice, without the last class.

    e is 0 if the literal `kind` is 0, ``penalty[0]`` if it is 1, else ``penalty[c d + k]``.
    """
    known = llvm.literals(kind, g, C)
    if known is None:
        return None

    def generate(context, builder, signature, arguments):
        which, offsets, classes = known
        scalar = llvm.float_type(signature.args[0].dtype)
        V, e, gradient, out = (
            llvm.array_pointer(context, builder, signature.args[k], arguments[k])
            for k in (0, 2, 4, 5)
        )
        d = arguments[1]
        slices = tiles.Slices(builder, scalar, d)

        def rounded(values):
            if scalar == llvm.F64:
                return values
            return builder.fptrunc(values, llvm.vector_type(scalar, slices.lanes))

        everywhere = None
        if which == 1:
            everywhere = rounded(llvm.splat(builder, builder.load(e), slices.lanes))

        def write(j, c, feature, step, last):
            at = (j * classes, d), (feature, 1), (c, d)
            if which:
                factor = everywhere
                if which == 2:
                    position = tiles.entry(builder, e, (feature, 1), (c, d))
                    factor = rounded(slices.load(position, last, llvm.F64))
                old = slices.load(tiles.entry(builder, V, *at), last)
                step = llvm.multiply_add(builder, factor, old, step)
            slices.store(step, tiles.entry(builder, out, *at), last)

        features = llvm.int64(0), d
        _classes(builder, slices, features, gradient, offsets, classes, write)
        return context.get_dummy_value()

    return types.void(V, types.int64, penalty, kind, gradient, out, g, C), generate
