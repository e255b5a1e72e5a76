"""The papers' options of every method, which each keeps in its own file."""

from __future__ import annotations

from typing import Any

from fastbilevel import methods
from fastbilevel._checks.values import check_choice, check_integer, check_number, closest
from fastbilevel.methods._setting import setting_of
from fastbilevel.problems.base import BilevelProblem, require_problem

NOISES = ("both", "upper", "none")


def theory(
    method: str,
    problem: BilevelProblem,
    noise: str = "both",
    *,
    eps: float = 0.1,
    sigma: float = 1.0,
    order: int = 2,
) -> dict[str, Any]:
    """Options of `method` as its paper chooses them, for ``fb.minimize(..., **theory(...))``.

    The exponents are the papers'. The constants in front, which the papers give up to factors only,
    come from the largest and the smallest curvature of g in y and the largest of f, estimated at
    the problem's starting point.

    Parameters
    ----------
    method : str
        One of `fastbilevel.methods.list()`.
    problem : BilevelProblem
    noise : {"both", "upper", "none"}
        Which levels are noisy. It decides exponents, and batch sizes where the paper has them;
        "none" asks for the full data.
    eps : float
        Wanted norm of the hypergradient; read by methods whose parameters do not change during the
        run, such as "f2ba" and "f2sa-p", and for the length of Neumann series.
    sigma : float
        Standard deviation of one sample's gradient; read by the same.
    order : int
        p of "f2sa-p".

    Returns
    -------
    dict of str to object
        Options by name. Batch sizes are left out where the paper takes single samples: choose them.

    Raises
    ------
    ValueError
        If the method has no such schedule, the noise is one its paper does not treat, or g has no
        positive curvature at the starting point.
    """
    if not isinstance(method, str) or method not in methods.NAMES:
        raise ValueError(closest(method, methods.NAMES, "method with a theory schedule:"))
    require_problem(problem)
    noise = check_choice("noise", noise, NOISES)
    eps, sigma = check_number("eps", eps, above=0), check_number("sigma", sigma, above=0)
    order = check_integer("order", order, 1)
    setting = setting_of(problem, noise, eps, sigma, order)
    try:
        return methods.class_of(method).theory(setting)
    except (OverflowError, ZeroDivisionError):
        raise ValueError(
            f"eps = {eps:g}, sigma = {sigma:g} and order = {order} lead beyond the range of floats "
            f"with a condition number of {setting.kappa:.3g}; take a larger eps, a smaller sigma "
            "or a lower order."
        ) from None
