"""Hard instances: small problems on which classes of methods fail, or lose the most."""

from importlib import import_module as _import_module
from typing import Any as _Any

_HOME = {
    "CarmonChain": "carmon_chain",
    "Nasty": "nasty",
    "PolyakLojasiewicz": "polyak_lojasiewicz",
    "Separable": "separable",
    "SinePL": "sine_pl",
    "UniformlyConvex": "uniformly_convex",
    "YStarOracle": "y_star_oracle",
    "ZeroChain": "zero_chain",
}

__all__ = [*_HOME]


def names() -> tuple[str, ...]:
    """Names of the classes of problems."""
    return tuple(name for name in _HOME if name != "CarmonChain")


def __getattr__(name: str) -> _Any:
    if name in _HOME:
        return getattr(_import_module(f"fastbilevel.problems.hard.{_HOME[name]}"), name)
    raise AttributeError(f"module 'fastbilevel.problems.hard' has no attribute {name!r}")
