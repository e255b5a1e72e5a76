"""The methods: one options class each, found by string or by class."""

from __future__ import annotations

import inspect
from typing import Any

from fastbilevel.methods._options import Options, closest, option_names
from fastbilevel.methods.f2sa_p import F2SAp

METHODS: dict[str, type[Options]] = {"f2sa-p": F2SAp}

__all__ = ["METHODS", "F2SAp", "describe", "list", "resolve"]


def list() -> tuple[str, ...]:
    """Names of all methods."""
    return tuple(sorted(METHODS))


def describe(name: str) -> str:
    """Update, options, complexity and reference of a method.

    Parameters
    ----------
    name : str
        One of `list()`.

    Raises
    ------
    TypeError
        If there is no such method.
    """
    return inspect.cleandoc(_class_of(name).__doc__ or "")


def resolve(method: Any, options: dict[str, Any]) -> Options:
    """The options object that `method` and `options` stand for.

    Parameters
    ----------
    method : str or Options
        A name, with `options` for its class, or an options object, without `options`.
    options : dict

    Raises
    ------
    TypeError
        If the method or an option is unknown; the message lists close matches.
    """
    if isinstance(method, Options):
        if options:
            raise TypeError(
                f"Options {', '.join(sorted(options))} cannot be combined with an instance of "
                f"{type(method).__name__}: pass them to the class."
            )
        return method
    cls = _class_of(method)
    known = option_names(cls)
    for name in options:
        if name not in known:
            raise TypeError(closest(name, known, f"option of method {method!r}:"))
    return cls(**options)


def _class_of(name: Any) -> type[Options]:
    if not isinstance(name, str):
        raise TypeError(
            f"method must be a name ({', '.join(METHODS)}) or an options object; got {name!r}."
        )
    if name not in METHODS:
        raise TypeError(closest(name, METHODS, "method"))
    return METHODS[name]
