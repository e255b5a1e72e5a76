"""Callbacks as in `scipy.optimize`: recognised by the keyword ``intermediate_result``."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from fastbilevel._checks.values import as_scalar, shown
from fastbilevel._run.result import BilevelResult


def as_callback(callback: Any) -> Callable[[BilevelResult], bool] | None:
    """A function of a result that says whether to stop.

    Parameters
    ----------
    callback : callable or None
        ``callback(intermediate_result=...)``, or ``callback(x)`` if it has no such parameter.

    Raises
    ------
    TypeError
        If it is not callable.
    """
    if callback is None:
        return None
    if not callable(callback):
        raise TypeError(f"callback must be callable; got {shown(callback)}.")
    if isinstance(callback, type):
        raise TypeError(f"callback is the class {callback.__name__}; make an object of it.")
    try:
        signature = inspect.signature(callback)
    except ValueError:
        by_keyword = False
    else:
        by_keyword = "intermediate_result" in signature.parameters
        if not (
            _takes(signature, intermediate_result=None) if by_keyword else _takes(signature, None)
        ):
            raise TypeError(
                "callback must take one argument, callback(x) or "
                f"callback(intermediate_result=...); its signature is {signature}."
            )

    def notify(result: BilevelResult) -> bool:
        try:
            if by_keyword:
                return _is_stop(callback(intermediate_result=result))
            return _is_stop(callback(result.x.copy()))
        except StopIteration:
            return True
        except Exception as error:
            # The run must not be lost with the caller's mistake.
            error.partial_result = result  # type: ignore[attr-defined]
            raise

    return notify


def _takes(signature: inspect.Signature, *values: Any, **named: Any) -> bool:
    try:
        signature.bind(*values, **named)
    except TypeError:
        return False
    return True


def _is_stop(returned: Any) -> bool:
    """Whether a return value ends the run: None, False and 0 do not, True and 1 do."""
    found = as_scalar(returned)
    if found is None or isinstance(found, int):
        return bool(found)
    raise TypeError(
        "callback must return True to end the run, and False or None to go on; it returned "
        f"{shown(returned)}."
    )
