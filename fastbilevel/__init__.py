"""Fast, tested solvers for stochastic bilevel optimization.

min over x of phi(x) = f(x, y*(x))   with   y*(x) in argmin over y of g(x, y)
"""

from importlib import import_module as _import_module
from importlib import metadata as _metadata
from pathlib import Path as _Path
from typing import Any as _Any

try:
    _kernels = _import_module("fastbilevel.kernels")
except ModuleNotFoundError as error:
    if error.name != "fastbilevel.kernels":
        raise
    raise ImportError(
        "fastbilevel was imported from its source tree, where its kernels lie in another folder. "
        "Install it first (`pip install -e .`), or leave the folder."
    ) from None

__version__ = _metadata.version("fastbilevel")

from fastbilevel import methods as _methods

# An editable installation finds the kernels of its own tree, whatever tree this file is of.
_here, _there = (_Path(path).resolve() for path in (__path__[0], _kernels.__path__[0]))
if _there not in (_here / "kernels", _here.parent / "kernels"):
    raise ImportError(
        f"fastbilevel was imported from {_here}, but its kernels come from {_there}: two "
        "checkouts are mixed. Install the one that you want (`pip install -e .` in it), or leave "
        "the folder of the other."
    )

# Heavy libraries (Numba, SciPy) load with the first name that needs them.
_HOME = {
    "BilevelResult": "_run.result",
    "ConditioningWarning": "_numerics.curvature",
    "ConvergenceWarning": "_numerics.lower_solver",
    **dict.fromkeys(_methods.NAMES.values(), "methods"),
    "Status": "_run.result",
    "finite_difference_coefficients": "_numerics.stencil",
    "hypergradient": "estimation",
    "minimize": "_run.minimize",
    "solve_lower": "estimation",
    "warmup": "_run.minimize",
}
_SUBMODULES = (
    "datasets",
    "estimation",
    "methods",
    "problems",
    "projections",
    "schedules",
    "testing",
)

__all__ = ["__version__", *_HOME, *_SUBMODULES]


def __getattr__(name: str) -> _Any:
    if name in _SUBMODULES:
        return _import_module(f"fastbilevel.{name}")
    if name in _HOME:
        value = getattr(_import_module(f"fastbilevel.{_HOME[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'fastbilevel' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
