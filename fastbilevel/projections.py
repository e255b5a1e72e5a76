"""Convex sets that x, or y, is confined to, each with the projection onto it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from fastbilevel._arrays.placement import is_device_array, place
from fastbilevel._arrays.tuples import read_only
from fastbilevel._checks.arrays import check_real, to_array
from fastbilevel._checks.calls import Explained
from fastbilevel._checks.values import check_number
from fastbilevel._texts.protocol import Domain
from fastbilevel.kernels.reference.projection import BALL, BOX, NONE, SIMPLEX, project

__all__ = ["Ball", "Box", "NonNegative", "Projection", "Simplex"]

Pack = Callable[[np.ndarray], np.ndarray]


class Projection(metaclass=Explained):
    """A convex set; calling it projects a vector onto it."""

    @abstractmethod
    def domain(self, n: int, dtype: npt.DTypeLike, pack: Pack = np.array) -> Domain:
        """The set as the projection kernel takes it, for vectors of n elements.

        Parameters
        ----------
        n : int
        dtype : dtype
            That of the vectors.
        pack : callable
            Called with every (n,) array; returns it in the layout of the vectors.

        Returns
        -------
        Domain
            `a` and `b` of `dtype`, read-only, C-contiguous.
        """

    def __call__(self, v: npt.ArrayLike) -> np.ndarray:
        """The point of the set next to v, a new array of the shape and the float dtype of v."""
        out = _copy_of(v)
        project(out.reshape(-1), *self.domain(out.size, out.dtype))
        return out

    def _values(self) -> tuple[Any, ...]:
        """The fields, in the order of the constructor."""
        return tuple(getattr(self, f.name) for f in fields(self))  # type: ignore[arg-type]

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and all(
            np.array_equal(mine, theirs)
            for mine, theirs in zip(self._values(), other._values(), strict=True)
        )

    def __hash__(self) -> int:
        # `+ 0.0` because -0.0 equals 0.0.
        numbers = ((np.asarray(v) + 0.0).tobytes() for v in self._values())
        return hash((type(self), *numbers))

    def __reduce__(self) -> tuple[Any, ...]:
        # Through the constructor: a pickle of an array forgets that it is read-only.
        return type(self), self._values()


@dataclass(frozen=True, eq=False)
class Box(Projection):
    """``lower <= v <= upper``, elementwise.

    Parameters
    ----------
    lower, upper : float, (n,) array or None
        -inf and inf, or None, for no bound.
    """

    lower: Any
    upper: Any

    def __post_init__(self) -> None:
        for name, none in (("lower", -np.inf), ("upper", np.inf)):
            given = getattr(self, name)
            if isinstance(given, list | tuple):
                given = [none if end is None else end for end in given]
            bound = _number_or_vector(f"The {name} bound", none if given is None else given)
            if np.isnan(bound).any():
                raise ValueError(f"The {name} bound contains NaN; use -inf or inf for no bound.")
            object.__setattr__(self, name, bound)
        shapes = {np.shape(self.lower), np.shape(self.upper)} - {()}
        if len(shapes) > 1:
            raise ValueError(
                "The lower and the upper bound must have one shape, or be numbers; got shapes "
                f"{np.shape(self.lower)} and {np.shape(self.upper)}."
            )
        lower, upper = np.broadcast_arrays(*np.atleast_1d(self.lower, self.upper))
        for i in np.flatnonzero(lower > upper)[:1]:
            raise ValueError(
                f"A box must have lower <= upper everywhere; at coordinate {i} the bounds are "
                f"{lower[i]} and {upper[i]}."
            )
        for i in np.flatnonzero((lower == np.inf) | (upper == -np.inf))[:1]:
            raise ValueError(
                "A lower bound of inf or an upper one of -inf leaves no number; at coordinate "
                f"{i} the bounds are {lower[i]} and {upper[i]}."
            )

    def domain(self, n: int, dtype: npt.DTypeLike, pack: Pack = np.array) -> Domain:
        lower, upper = (
            _packed(f"The {name} bound", getattr(self, name), n, dtype, pack)
            for name in ("lower", "upper")
        )
        return Domain(kind=BOX, a=lower, b=upper)


@dataclass(frozen=True, eq=False)
class NonNegative(Projection):
    """``v >= 0``, elementwise."""

    def domain(self, n: int, dtype: npt.DTypeLike, pack: Pack = np.array) -> Domain:
        return Box(0.0, np.inf).domain(n, dtype, pack)


@dataclass(frozen=True, eq=False)
class Ball(Projection):
    """``||v - center||_2 <= radius``.

    Parameters
    ----------
    radius : float
        Positive.
    center : float or (n,) array
    """

    radius: float
    center: Any = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "radius", check_number("radius", self.radius, above=0))
        center = _number_or_vector("center", self.center)
        if not np.isfinite(center).all():
            raise ValueError("center must be finite; it contains NaN or infinity.")
        object.__setattr__(self, "center", center)

    def domain(self, n: int, dtype: npt.DTypeLike, pack: Pack = np.array) -> Domain:
        center = _packed("center", self.center, n, dtype, pack)
        if not np.isfinite(center).all():
            raise ValueError(f"center must be finite in {np.dtype(dtype)}; take smaller numbers.")
        return Domain(kind=BALL, a=center, b=_single("radius", self.radius, dtype))


@dataclass(frozen=True, eq=False)
class Simplex(Projection):
    """``v >= 0`` and ``sum v = total``.

    Parameters
    ----------
    total : float
        Positive.
    """

    total: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "total", check_number("total", self.total, above=0))

    def domain(self, n: int, dtype: npt.DTypeLike, pack: Pack = np.array) -> Domain:
        if n == 0:
            raise ValueError("A simplex needs vectors of one element at least; got size 0.")
        nothing = read_only(np.empty(0, dtype))
        return Domain(kind=SIMPLEX, a=nothing, b=_single("total", self.total, dtype))


@dataclass(frozen=True, eq=False)
class Custom(Projection):
    """The set whose projection is the caller's own function.

    Parameters
    ----------
    function : callable
        ``function(v) -> projected v``; it gets a copy.
    name : str
        The argument by which it was given, for messages.
    """

    function: Callable[[np.ndarray], npt.ArrayLike]
    name: str = "projection"

    def __call__(self, v: Any) -> np.ndarray:
        out = _copy_of(v)
        given = v.copy() if is_device_array(v) else out.copy()
        returned = _real(f"What the function {self.name} returns", self.function(given))
        if returned.shape != out.shape:
            raise ValueError(
                f"The function {self.name} must return an array of the shape of its argument, "
                f"{out.shape}; got {returned.shape}."
            )
        out[...] = returned
        return out

    def domain(self, n: int, dtype: npt.DTypeLike, pack: Pack = np.array) -> Domain:
        raise TypeError(
            "A projection by a function of your own cannot be given to a kernel; call it instead."
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Custom) and self.function == other.function

    def __hash__(self) -> int:
        return hash((Custom, self.function))


def _real(name: str, value: Any) -> np.ndarray:
    return check_real(name, to_array(name, value), "fiu")


def _copy_of(v: npt.ArrayLike) -> np.ndarray:
    array = _real("v", v)
    return np.array(array, dtype=array.dtype if array.dtype.kind == "f" else float, order="C")


def _number_or_vector(name: str, value: Any) -> Any:
    array = _real(name, value)
    if array.ndim > 1:
        raise ValueError(f"{name} must be a number or have one dimension; got shape {array.shape}.")
    return read_only(np.array(array, float)) if array.ndim else float(array)


def _packed(name: str, value: Any, n: int, dtype: npt.DTypeLike, pack: Pack) -> np.ndarray:
    if np.shape(value) not in ((), (n,)):
        raise ValueError(f"{name} must be a number or have shape ({n},); got {np.shape(value)}.")
    with np.errstate(over="ignore"):  # to infinity, which is what such a bound means
        full = np.full(n, value, dtype)
    return read_only(np.array(pack(full), dtype, order="C").reshape(-1))


def _single(name: str, value: float, dtype: npt.DTypeLike) -> np.ndarray:
    with np.errstate(over="ignore", under="ignore"):
        array = np.full(1, value, dtype)
    if not 0 < array[0] < np.inf:
        raise ValueError(f"{name} must be positive and finite in {array.dtype}; got {value}.")
    return read_only(array)


def domain_of(
    projection: Projection | None, n: int, dtype: npt.DTypeLike, pack: Pack = np.array
) -> Domain:
    """The set as texts take it, for vectors of n elements packed by `pack`.

    No set at all if there is none or the caller's own function has to be called instead.
    """
    if projection is None or isinstance(projection, Custom):
        nothing = read_only(np.empty(0, dtype))
        return Domain(kind=NONE, a=nothing, b=nothing)
    return projection.domain(n, dtype, pack)


def place_domain(k: ModuleType, domain: Domain) -> Domain:
    """The set where the kernels `k` want it: radii and totals are numbers, on the host."""
    return place(k, domain) if domain.kind == BOX else domain._replace(a=place(k, domain.a))


def clipped_count(x: np.ndarray, bounds: Projection | None) -> int:
    """How many coordinates of x lie on a bound, if the bounds are a box."""
    domain = domain_of(bounds, x.size, x.dtype)
    on_it = (x == domain.a) | (x == domain.b) if domain.kind == BOX else np.zeros(0)
    return int(np.count_nonzero(on_it))
