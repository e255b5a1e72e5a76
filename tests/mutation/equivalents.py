"""Edits after which nothing behaves differently, each with the reason."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import NamedTuple


class Equivalent(NamedTuple):
    """Edits that change no behaviour.

    Attributes
    ----------
    glob : str
        Pattern of the paths.
    statement : str
        Expression for the start of the edited line, without its indentation.
    new : str
        Expression for the start of what comes in.
    reason : str
    """

    glob: str
    statement: str
    new: str
    reason: str


EQUIVALENTS = (
    Equivalent(
        "kernels/cpu/*.py",
        r"prefetch_|(ROWS|FEATURES)_AHEAD = |soon = min\(r \+ ROWS_AHEAD|soon, later = |"
        r"if \(c - start\) % CHUNK == 0:",
        "",
        "Memory that is asked for early, or not, is read all the same.",
    ),
    Equivalent(
        "kernels/cpu/tiles.py",
        r"if at_once > 1:",
        ">=",
        "Slices that come one at a time are all in blocks; the loop over the rest has no pass.",
    ),
    Equivalent(
        "kernels/cpu/tiles.py",
        r"return (16, 16 if|64, 32)",
        "33",
        "The number of registers decides how wide tiles are, which changes the time alone.",
    ),
    Equivalent(
        "fastbilevel/_checks/dense.py",
        r"rows = max\(1, PIECE",
        "",
        "The size of the pieces in which data are searched decides the time alone.",
    ),
    Equivalent(
        "kernels/cpu/vector.py",
        r"for sign in range\(2\):",
        "3",
        "Signs are 0 and 1; of a third there are none, and the loop goes on.",
    ),
    Equivalent(
        "kernels/reference/*.py",
        r"descend = make_descend\(draw, sys.modules\[__name__\], False\)",
        "True",
        "In the reference `descent_step_threaded` is `descent_step`.",
    ),
)


def reason_for(file: str, statement: str, new: str) -> str:
    """Why an edit changes nothing, or nothing."""
    for each in EQUIVALENTS:
        if (
            PurePath(file).match(each.glob)
            and re.match(each.statement, statement)
            and re.match(each.new, new)
        ):
            return each.reason
    return ""
