"""Warnings that point at the caller's line."""

from __future__ import annotations

import inspect
import warnings


def warn_caller(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn, naming the innermost line outside this package."""
    frame, level = inspect.currentframe(), 1
    while frame is not None and frame.f_globals.get("__name__", "").startswith("fastbilevel."):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
