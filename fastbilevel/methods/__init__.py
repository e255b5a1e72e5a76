"""The methods: one options class each, found by string or by class.

`NAMES` is the one place where a method is registered. The file of ``"f2sa-p"`` is ``f2sa_p.py``;
it is imported when the method is first asked for. Files with `_` hold what families share and are
for this room only.
"""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastbilevel.methods._description import Description
    from fastbilevel.methods._options import Options


# Class names by the strings that callers use.
NAMES: dict[str, str] = {
    "f2sa": "F2SA",
    "f3sa": "F3SA",
    "f2ba": "F2BA",
    "acc-f2ba": "AccF2BA",
    "f2sa-p": "F2SAp",
    "prox-f2sa": "ProxF2SA",
    "prox-f3sa": "ProxF3SA",
    "bome": "BOME",
    "pbgd": "PBGD",
    "galet": "GALET",
    "bsa": "BSA",
    "ttsa": "TTSA",
    "stocbio": "StocBiO",
    "mrbo": "MRBO",
    "vrbo": "VRBO",
    "sustain": "SUSTAIN",
    "soba": "SOBA",
    "saba": "SABA",
    "ma-soba": "MASOBA",
    "amigo": "AmIGO",
    "unibio": "UniBiO",
    "bo-rep": "BOREP",
}

# Arguments of `minimize` that a misspelt option may mean.
ARGUMENTS = (
    "bounds", "callback", "maxiter", "n_threads", "progress", "record_every", "seed", "time_limit",
    "tol", "x0", "y0",
)  # fmt: skip

__all__ = [*NAMES.values(), "METHODS", "NAMES", "describe", "list", "resolve", "theory"]


def __getattr__(name: str) -> Any:
    if name == "METHODS":
        # Every class by its string; importing them all takes a moment.
        return {each: class_of(each) for each in NAMES}
    if name == "theory":
        return _import_module("fastbilevel.methods._theory").theory
    for string, cls in NAMES.items():
        if name == cls:
            module = _import_module(f"fastbilevel.methods.{string.replace('-', '_')}")
            return getattr(module, cls)
    raise AttributeError(f"module 'fastbilevel.methods' has no attribute {name!r}")


def list() -> tuple[str, ...]:
    """Names of all methods."""
    return tuple(sorted(NAMES))


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
    # Imported here because they are slow to import and seldom needed.
    import dataclasses
    import inspect

    cls = class_of(name)
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
    from fastbilevel._checks.values import closest
    from fastbilevel.methods._options import Options, option_names

    if isinstance(method, Options):
        if options:
            raise TypeError(
                f"Options {', '.join(sorted(options))} cannot be combined with an instance of "
                f"{type(method).__name__}: pass them to the class."
            )
        return method
    cls = class_of(method)
    known = option_names(cls)
    for name in options:
        if name not in known:
            known = [*known, *ARGUMENTS]
            raise TypeError(closest(name, known, f"option of method {method!r}:"))
    return cls(**options)


def class_of(name: Any) -> type[Options]:
    """The options class of a method's string."""
    from fastbilevel._checks.values import closest, shown

    if not isinstance(name, str):
        raise TypeError(
            f"method must be a name ({', '.join(NAMES)}) or an options object; got {shown(name)}."
            f"{' Make an object of the class.' if isinstance(name, type) else ''}"
        )
    if name not in NAMES:
        raise TypeError(closest(name, NAMES, "method"))
    return __getattr__(NAMES[name])
