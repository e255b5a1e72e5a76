"""Checks of single values: each returns the value that callers keep, or raises a sentence."""

from __future__ import annotations

import difflib
import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from fastbilevel._arrays.placement import fetch, is_device_array

# The largest integer that compiled code can hold.
LARGEST = 2**63 - 1

# What people write who come from elsewhere, and what it is called here.
FOREIGN = {
    "C": "reg, the inverse of C",
    "alpha": "reg (a penalty) or lr_x (a step size)",
    "args": "data, the argument of fb.problems.Problem",
    "constraints": "bounds, a set of fb.projections or a function that projects",
    "epochs": "maxiter, and sampling='epochs'",
    "eta": "lr_x",
    "eta0": "lr_x",
    "gtol": "tol",
    "lambda_": "penalty",
    "learning_rate": "lr_x and lr_y",
    "lr": "lr_x and lr_y",
    "max_iter": "maxiter",
    "n_epochs": "maxiter, and sampling='epochs'",
    "n_iter": "maxiter",
    "n_jobs": "n_threads",
    "niter": "maxiter",
    "options": "a list of keywords, maxiter and others: pass its entries one by one",
    "random_state": "seed",
    "rtol": "tol",
    "step_size": "lr_x and lr_y",
    "verbose": "progress",
    "disp": "progress",
}


def as_scalar(value: Any) -> Any:
    """What a NumPy scalar or an array without axes holds, as Python's own; all else as it is."""
    if isinstance(value, np.ma.MaskedArray):
        return value
    if isinstance(value, np.generic | np.ndarray) or is_device_array(value):
        # The items of dates and of durations are integers.
        if getattr(value, "ndim", None) != 0 or value.dtype.kind in "mMV":
            return value
        item = fetch(value).item()
        # A long double stays one; an array of objects may hold a scalar of NumPy.
        return float(item) if isinstance(item, np.floating) else as_scalar(item)
    return value


def shown(value: Any) -> str:
    """What was given, short enough for a sentence."""
    if isinstance(getattr(value, "shape", None), tuple) and value.shape:
        return f"{type(value).__name__} of shape {tuple(value.shape)}"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if callable(value) or isinstance(value, Iterator):
        return f"the {type(value).__name__} {getattr(value, '__name__', '')}".rstrip()
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def check_number(
    name: str,
    value: Any,
    kind: type = float,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    below: float | None = None,
    finite: bool = True,
    or_else: str = "",
) -> Any:
    """`value` as a Python int or float within limits.

    Parameters
    ----------
    name : str
        What the caller knows it by.
    value : object
        Python's and NumPy's numbers and arrays of them without axes; booleans are none.
    kind : {float, int}
    least, above, most, below : float, optional
        Limits: `least` and `most` are allowed themselves, `above` and `below` are not.
    finite : bool
        Whether infinity is refused; NaN always is.
    or_else : str
        What else the caller may give, for the sentence.

    Raises
    ------
    TypeError, ValueError
    """
    number = as_scalar(value)
    allowed = int if kind is int else int | float
    if isinstance(number, bool) or not isinstance(number, allowed):
        raise TypeError(
            f"{name} must be {'an integer' if kind is int else 'a number'}{or_else}; got "
            f"{shown(value)}.{_way_out(number, kind)}"
        )
    number = int(number) if kind is int else as_float(number)
    largest = LARGEST if kind is int and most is None else most
    inside = (
        (least is None or number >= least)
        and (above is None or number > above)
        and (largest is None or number <= largest)
        and (below is None or number < below)
    )
    beyond = kind is float and (math.isnan(number) or (finite and math.isinf(number)))
    if beyond or not inside:
        if kind is int:
            wanted = f"at least {least}" if least is not None and number < least else ""
            wanted = wanted or f"at most {largest}"
        else:
            wanted = _range_of_floats(least, above, most, below, finite, beyond)
        raise ValueError(f"{name} must be {wanted}; got {shown(as_scalar(value))}.")
    return number


def as_float(number: Any) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def _way_out(number: Any, kind: type) -> str:
    if kind is int and isinstance(number, float) and number.is_integer():
        return f" Write {int(number)}."
    if isinstance(number, str):
        try:
            kind(number)
        except ValueError:
            return ""
        return " Write it without quotes."
    return ""


def _range_of_floats(
    least: Any, above: Any, most: Any, below: Any, finite: bool, beyond: bool
) -> str:
    """The limits in words; `beyond` if the value was no finite number."""
    if most is not None or below is not None:
        lower = f"({-math.inf if above is None else above:g}" if least is None else f"[{least:g}"
        upper = f"{below:g})" if most is None else f"{most:g}]"
        return f"in {lower}, {upper}"
    if least == 0:
        return "finite and not negative"
    if least is not None:
        return f"at least {least:g}{' and finite' if beyond else ''}"
    if above is not None:
        what = "positive" if above == 0 else f"above {above:g}"
        return f"{what} and finite" if finite else what
    return "finite"


def check_integer(name: str, value: Any, least: int, most: int | None = None) -> int:
    """`value` as an int of at least `least` and at most `most`."""
    return check_number(name, value, int, least=least, most=most)


def check_flag(name: str, value: Any) -> bool:
    """`value` as a bool."""
    found = as_scalar(value)
    if not isinstance(found, bool):
        raise TypeError(f"{name} must be True or False; got {shown(value)}.")
    return found


def check_choice(name: str, value: Any, choices: Iterable[str]) -> str:
    """`value` if it is one of `choices`."""
    choices = tuple(choices)
    found = as_scalar(value)
    if not isinstance(found, str):
        raise TypeError(f"{name} must be one of {', '.join(choices)}; got {shown(value)}.")
    if found not in choices:
        near = difflib.get_close_matches(found.lower(), choices, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"{name} must be one of {', '.join(choices)}; got {found!r}.{hint}")
    return str(found)


def check_batch(name: str, value: Any, n: int, level: str) -> None:
    """Raise unless `value`, which is None or an int, is at most the number of rows `n`."""
    if value is not None and value > n:
        raise ValueError(
            f"{name} is {value}, but the {level} level has {n} rows; take at most {n}, or None for "
            "all of them."
        )


def check_path(name: str, value: Any) -> Path:
    """`value` as a path."""
    if not isinstance(value, str | os.PathLike):
        raise TypeError(f"{name} must be the name of a file or folder; got {shown(value)}.")
    return Path(value)


def check_seed(name: str, value: Any) -> Any:
    """`value` as an int, or if it is a SeedSequence, a Generator or None."""
    found = as_scalar(value)
    if isinstance(found, np.random.SeedSequence | np.random.Generator | None):
        return found
    if isinstance(found, bool) or not isinstance(found, int):
        raise TypeError(
            f"{name} must be an int, a numpy.random.SeedSequence, a numpy.random.Generator or "
            f"None; got {shown(value)}."
        )
    if found < 0:
        raise ValueError(f"{name} must be 0 or more; got {found}.")
    return found


def closest(name: str, known: Iterable[str], kind: str) -> str:
    """A sentence that says `name` is unknown and lists the closest of the `known` names."""
    known = sorted(known)
    folded = {each.lower(): each for each in reversed(known)}
    near = difflib.get_close_matches(str(name).lower(), folded, n=3, cutoff=0.4)
    matches = [folded[each] for each in near]
    hint = f"Did you mean {' or '.join(matches)}?" if matches else f"Known: {', '.join(known)}."
    meant = FOREIGN.get(name, "")
    if any(word.strip(",.:") in known for word in meant.split()):
        hint = f"What is called so elsewhere is here {meant}."
    return f"Unknown {kind} {name!r}. {hint}"
