"""The methods: one options class each, found by string or by class."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

from fastbilevel._checks.values import closest
from fastbilevel.methods._description import Description
from fastbilevel.methods._options import Options, option_names
from fastbilevel.methods.acc_f2ba import AccF2BA
from fastbilevel.methods.amigo import AmIGO
from fastbilevel.methods.bo_rep import BOREP
from fastbilevel.methods.bome import BOME
from fastbilevel.methods.bsa import BSA
from fastbilevel.methods.f2ba import F2BA
from fastbilevel.methods.f2sa import F2SA
from fastbilevel.methods.f2sa_p import F2SAp
from fastbilevel.methods.f3sa import F3SA
from fastbilevel.methods.galet import GALET
from fastbilevel.methods.ma_soba import MASOBA
from fastbilevel.methods.mrbo import MRBO
from fastbilevel.methods.prox_f2sa import ProxF2SA
from fastbilevel.methods.prox_f3sa import ProxF3SA
from fastbilevel.methods.saba import SABA
from fastbilevel.methods.soba import SOBA
from fastbilevel.methods.stocbio import StocBiO
from fastbilevel.methods.sustain import SUSTAIN
from fastbilevel.methods.ttsa import TTSA
from fastbilevel.methods.unibio import UniBiO
from fastbilevel.methods.vrbo import VRBO

_CLASSES: tuple[type[Options], ...] = (
    F2SA,
    F3SA,
    F2BA,
    AccF2BA,
    F2SAp,
    ProxF2SA,
    ProxF3SA,
    BOME,
    GALET,
    BSA,
    TTSA,
    StocBiO,
    MRBO,
    VRBO,
    SUSTAIN,
    SOBA,
    SABA,
    MASOBA,
    AmIGO,
    UniBiO,
    BOREP,
)
METHODS: dict[str, type[Options]] = {cls.name: cls for cls in _CLASSES}

__all__ = [
    "BOME",
    "BOREP",
    "BSA",
    "F2BA",
    "F2SA",
    "F3SA",
    "GALET",
    "MASOBA",
    "METHODS",
    "MRBO",
    "SABA",
    "SOBA",
    "SUSTAIN",
    "TTSA",
    "VRBO",
    "AccF2BA",
    "AmIGO",
    "Description",
    "F2SAp",
    "ProxF2SA",
    "ProxF3SA",
    "StocBiO",
    "UniBiO",
    "describe",
    "list",
    "resolve",
]


def list() -> tuple[str, ...]:
    """Names of all methods."""
    return tuple(sorted(METHODS))


def describe(name: str) -> Description:
    """What a method needs, costs and assumes; print it, or read its attributes.

    Parameters
    ----------
    name : str
        One of `list()`.

    Returns
    -------
    Description
        Complexity by noise, assumptions, oracles, calls per iteration, reference; ``str`` of it
        adds the update and the options.

    Raises
    ------
    TypeError
        If there is no such method.
    """
    cls = _class_of(name)
    text = inspect.cleandoc(cls.__doc__ or "")
    return dataclasses.replace(cls.description, name=name, text=text, oracles=cls().requires)


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
