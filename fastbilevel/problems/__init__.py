"""Bilevel problems: built-in ones, and `Problem` for your own oracles.

One file each, found through `_HOME`, the one place where a problem is registered. `base` has what
all of them offer, `oracle_table` the protocol of their oracles; files with `_` are for this room.
"""

from importlib import import_module as _import_module
from typing import Any as _Any

_HOME = {
    "BilevelProblem": "base",
    "HyperCleaning": "hyper_cleaning",
    "LearnToRegularize": "learn_to_regularize",
    "LpRegression": "lp_regression",
    "Problem": "callables",
    "Quadratic": "quadratic",
}

_SUBMODULES = ("hard",)

__all__ = [*_HOME, *_SUBMODULES]


def names() -> tuple[str, ...]:
    """Names of the classes of problems, those of `hard` apart."""
    return tuple(name for name in _HOME if name != "BilevelProblem")


def __getattr__(name: str) -> _Any:
    if name in _SUBMODULES:
        return _import_module(f"fastbilevel.problems.{name}")
    if name in _HOME:
        return getattr(_import_module(f"fastbilevel.problems.{_HOME[name]}"), name)
    raise AttributeError(f"module 'fastbilevel.problems' has no attribute {name!r}")
