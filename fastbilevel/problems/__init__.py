"""Bilevel problems: built-in ones, and `Problem` for your own oracles."""

from importlib import import_module as _import_module
from typing import Any as _Any

_HOME = {
    "HyperCleaning": "hyper_cleaning",
    "LearnToRegularize": "learn_to_regularize",
    "LpRegression": "lp_regression",
    "Problem": "callables",
    "Quadratic": "quadratic",
}

_SUBMODULES = ("hard",)

__all__ = [*_HOME, *_SUBMODULES]


def __getattr__(name: str) -> _Any:
    if name in _SUBMODULES:
        return _import_module(f"fastbilevel.problems.{name}")
    if name in _HOME:
        return getattr(_import_module(f"fastbilevel.problems.{_HOME[name]}"), name)
    raise AttributeError(f"module 'fastbilevel.problems' has no attribute {name!r}")
