"""Callbacks as in `scipy.optimize`: recognised by the keyword ``intermediate_result``."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

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
        raise TypeError(f"callback must be callable; got {type(callback).__name__}.")
    try:
        by_keyword = "intermediate_result" in inspect.signature(callback).parameters
    except ValueError:
        by_keyword = False

    def notify(result: BilevelResult) -> bool:
        try:
            if by_keyword:
                return bool(callback(intermediate_result=result))
            return bool(callback(result.x.copy()))
        except StopIteration:
            return True
        except Exception as error:
            # The run must not be lost with the caller's mistake.
            error.partial_result = result  # type: ignore[attr-defined]
            raise

    return notify
