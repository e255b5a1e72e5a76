"""What texts are given, by name.

Every tuple that a text reads is a record: a named tuple whose fields are read as attributes and
which is made by naming them, so that no two can be swapped. Compiled texts get it by address, see
`fastbilevel._texts.addresses`.

A method's loop is ``chunk(oracles, samplers, state, memory, domain, schedules, fixed, n)``: a
bundle of `Oracle`, whose fields are the names of the oracles asked for; `Samplers`; `State`; the
method's own memory; a `Domain`; and the method's own schedules and fixed numbers.
"""

from __future__ import annotations

import functools
import numbers
from typing import Annotated, Any, NamedTuple, TypeVar, get_type_hints

import numpy as np

from fastbilevel._arrays.tuples import is_record

T = TypeVar("T")


def record(cls: type[T]) -> type[T]:
    """Class decorator: a named tuple that takes its fields by keyword only."""
    kind: Any = cls
    plain, fields = kind.__new__, set(kind._fields)
    required = fields - set(kind._field_defaults)

    def make(cls: type[T], *places: Any, **named: Any) -> T:
        if places:
            raise TypeError(
                f"{cls.__name__} takes its fields by name, so that none can be swapped: "
                f"{cls.__name__}({', '.join(f'{name}=...' for name in kind._fields)})."
            )
        if not required <= named.keys() <= fields:
            lacks, knows_not = required - named.keys(), named.keys() - fields
            found = [f"lacks {', '.join(sorted(lacks))}"] if lacks else []
            found += [f"has no field {', '.join(sorted(knows_not))}"] if knows_not else []
            raise TypeError(
                f"{cls.__name__} {' and '.join(found)}; its fields are {', '.join(kind._fields)}."
            )
        return plain(cls, **named)

    kind.__new__ = make
    # A pickle of a named tuple gives its fields by place.
    kind.__reduce__ = lambda self: (type(self)._make, (tuple(self),))
    return cls


class Array(NamedTuple):
    """What a field holds: kind of numbers, axes, and whether there is one row an iteration."""

    kind: Any
    axes: int
    each: bool = False


Floats = Annotated[Any, Array(np.floating, 1)]
FloatRows = Annotated[Any, Array(np.floating, 2)]
Integers = Annotated[Any, Array(np.integer, 1)]
# One number, or one number for every group of offsets, in each of n iterations.
Rates = Annotated[Any, Array(np.float64, 1, each=True)]
GroupRates = Annotated[Any, Array(np.float64, 2, each=True)]
Counts = Annotated[Any, Array(np.int64, 1, each=True)]


@record
class Nothing(NamedTuple):
    """No memory, or no fixed numbers."""


@record
class Oracle(NamedTuple):
    """An oracle ready to be called: ``function(data, [samplers,] work, ...)``.

    The arguments behind are those of its entry in `fastbilevel.problems.oracle_table`.
    """

    function: Any
    data: Any
    work: Any


@record
class SamplerArrays(NamedTuple):
    """A sampler as `k.draw.draw_batch` takes it."""

    order: Integers
    buffer: Integers
    mode: int
    n: int
    batch: int
    stream: int
    k0: int
    k1: int


@record
class Samplers(NamedTuple):
    """Minibatches of the lower steps, of the hypergradient estimate, of a linear solver."""

    lower: SamplerArrays
    upper: SamplerArrays
    outer_lower: SamplerArrays
    outer_upper: SamplerArrays
    linear: SamplerArrays


@record
class State(NamedTuple):
    """What changes during a run of any method; a method's own memory comes on top.

    Attributes
    ----------
    x, m, phi : (n_x,) arrays
        Upper variable, direction of its steps, latest hypergradient estimate.
    Y : (n_groups, rows*g*cols) array
        Stacked lower iterates.
    weights : (n_groups, g) float64 array
        Weights j nu of the upper objective; on the host.
    norms : (n,) float64 array
        Norm of the direction in every iteration of the chunk.
    flag : (1,) int64 array
        Not 0 once a direction was not finite.
    """

    x: Floats
    Y: FloatRows
    weights: Annotated[Any, Array(np.float64, 2)]
    m: Floats
    phi: Floats
    norms: Rates
    flag: Integers


@record
class Domain(NamedTuple):
    """A convex set as `k.projection.project` takes it."""

    kind: int
    a: Floats
    b: Floats


@record
class Chunk(NamedTuple):
    """The arguments of a method's loop; see the docstring of this module."""

    oracles: Any
    samplers: Samplers
    state: State
    memory: Any
    domain: Domain
    schedules: Any
    fixed: Any
    n: int


@record
class Draws(NamedTuple):
    """Minibatches of one sampler, and how often every oracle is called on each.

    Attributes
    ----------
    sampler : str
        A field of `Samplers`.
    numbers : (k,) int64 array
        Numbers of the draws.
    offset : int
        0 for minibatches that all groups share, else 1 + the number of the group.
    calls : dict of str to int
        Times by name, as in `BilevelResult.oracle_calls`.
    """

    sampler: str
    numbers: Integers
    offset: int
    calls: dict[str, int]


@record
class Progress(NamedTuple):
    """What some iterations add to a method's totals, and the minibatches they draw.

    Attributes
    ----------
    growth : dict of str to (n,) array
        What every iteration adds to each total.
    draws : tuple of Draws
    """

    growth: dict[str, np.ndarray]
    draws: tuple[Draws, ...]


@functools.cache
def _wanted(cls: type) -> dict[str, Any]:
    """What the fields of a record are annotated to be: `Array`, a record, int or float."""
    found = {}
    for name, hint in get_type_hints(cls, include_extras=True).items():
        marks = [mark for mark in getattr(hint, "__metadata__", ()) if isinstance(mark, Array)]
        if marks or is_record(hint) or hint in (int, float):
            found[name] = marks[0] if marks else hint
    return found


def check_record(value: Any, role: str, n: int | None = None) -> None:
    """Raise a sentence unless `value` is a record whose fields are as annotated.

    Parameters
    ----------
    value : record
    role : str
        What it is, for the sentence.
    n : int, optional
        Iterations: rows of the arrays that have one for each.
    """
    if not is_record(value):
        raise TypeError(
            f"{role} must be a record (a named tuple, see fastbilevel._texts.protocol), since "
            f"texts read fields by name; got {type(value).__name__}."
        )
    wanted = _wanted(type(value))  # type: ignore[arg-type]
    for name, field in value._asdict().items():
        where = f"{role}.{name}"
        want = wanted.get(name)
        if isinstance(want, Array):
            _check_array(field, want, where, n)
        elif want in (int, float):
            if not isinstance(field, numbers.Integral if want is int else numbers.Real):
                raise TypeError(f"{where} must be of type {want.__name__}; got {field!r}.")
        elif name in wanted or is_record(field):
            check_record(field, where, n)


def _check_array(value: Any, wanted: Array, where: str, n: int | None) -> None:
    dtype, axes = getattr(value, "dtype", np.dtype(object)), getattr(value, "ndim", None)
    if not (np.issubdtype(dtype, wanted.kind) and axes == wanted.axes):
        raise TypeError(
            f"{where} must be an array of {wanted.kind.__name__} with {wanted.axes} axes; got "
            f"{dtype} with {axes}."
        )
    if wanted.each and n is not None and value.shape[0] != n:
        raise ValueError(f"{where} must have a row for each of {n} iterations; got {value.shape}.")
