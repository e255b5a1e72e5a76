"""What bugs are seeded into, and which tests may catch them, by room and file."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Chosen(NamedTuple):
    """Tests to run at a time.

    Attributes
    ----------
    paths : tuple of str
        Relative to the folder of the tests.
    which : str
        Expression that selects some of them; by default all.
    compiled : bool
        Whether Numba compiles: only for bugs in `kernels.cpu`, which it does at every one anew.
        Elsewhere the reference kernels run, and texts as they are: there is no machine code that
        could be older than a bug.
    """

    paths: tuple[str, ...]
    which: str = ""
    compiled: bool = False


ROOMS: dict[str, tuple[str, ...]] = {
    "kernels/reference": ("kernels/reference/*.py",),
    "kernels/cpu": ("kernels/cpu/*.py",),
    "_arrays": ("fastbilevel/_arrays/*.py",),
    "_schedules": ("fastbilevel/_schedules.py",),
    "_checks": ("fastbilevel/_checks/*.py",),
    "projections": ("fastbilevel/projections.py", "fastbilevel/_bounds.py"),
    "_oracles": ("fastbilevel/_oracles/*.py",),
    "_run": ("fastbilevel/_run/engine.py", "fastbilevel/_run/arguments.py"),
}

TRACES = ("methods/test_hand_traces.py", "methods/test_second_order_traces.py")
COUNTS = ("methods/test_oracle_counts.py", "methods/test_second_order_counts.py")
# All but what is said of machine code, told by words in its names.
PLAIN = (
    "not (numba_kernels or without_compilation or there or swapped or fit or any_record or slow)"
)
OF_ROOM: dict[str, tuple[Chosen, ...]] = {
    "_arrays": (
        Chosen(("test_arrays.py", "test_dispatch.py", "problems/test_astype.py"), PLAIN),
        Chosen(("test_validation_limits.py", "methods/test_hand_traces.py")),
        Chosen(("test_minimize.py",), PLAIN),
    ),
    "_schedules": (
        Chosen(
            ("test_schedules.py", "test_arguments.py", "methods/test_option_errors.py", *TRACES)
        ),
        Chosen(COUNTS),
        Chosen(("test_minimize.py", "methods/test_iterates.py"), PLAIN),
    ),
    "_checks": (
        Chosen(
            (
                "test_validation.py",
                "test_validation_dense.py",
                "test_validation_limits.py",
                "test_validation_sparse.py",
                "test_arguments.py",
                "test_bad_input.py",
                "test_border.py",
                "test_border_findings.py",
                "test_conversions.py",
                "test_datasets.py",
                "test_frames.py",
                "test_messages.py",
            ),
            PLAIN,
        ),
        Chosen(("test_protocol.py", "test_estimation.py"), PLAIN),
    ),
    "projections": (
        Chosen(("test_projections.py", "test_border.py", "test_conversions.py"), PLAIN),
    ),
    "_oracles": (
        Chosen(("test_composed_oracles.py", *TRACES)),
        Chosen(("test_protocol.py", "test_protocol_of_problems.py", *COUNTS), PLAIN),
        Chosen(("methods/test_iterates.py", "methods/test_second_order_normalized.py"), PLAIN),
        Chosen(("methods/test_second_order_estimators.py",), PLAIN),
    ),
    "_run": (
        Chosen(("test_engine.py", "test_arguments.py", "test_bad_input.py", *TRACES)),
        Chosen(("test_protocol.py", *COUNTS), PLAIN),
        Chosen(("test_minimize.py", "methods/test_iterates.py"), PLAIN),
    ),
}

# Families of kernels that a file of `kernels.cpu` serves, where it is none itself.
SERVES = {
    "jit": ("vector",),
    "cells": ("linked",),
    "llvm": ("softmax", "penalty"),
    "tiles": ("penalty", "dense"),
    "simd_rows": ("csr", "csr_curvature"),
    "simd_softmax": ("softmax", "csr"),
    "simd_curvature": ("softmax", "csr_curvature"),
    "class_differences": ("dense",),
    "lane_residuals": ("dense",),
    "lane_curvature": ("dense_curvature",),
    "panel_products": ("dense",),
    "small_blocks": ("dense",),
    "tile_products": ("dense",),
}
# Families whose text for Numba is plain Python too, in which most bugs show without a compiler.
INTERPRETED = (
    "averages",
    "chain",
    "draw",
    "linear_system",
    "momentum",
    "powers",
    "proximal",
    "quadratic",
    "sine",
    "vector",
    "weights",
)
# Families whose machine code takes minutes: no more of it than each text once, none of the tests
# that only the full suite runs.
SLOW = ("csr", "dense", "csr_curvature", "dense_curvature")
# Tests of a family in files that do not bear its name alone.
MORE = {
    "csr": ("kernels/test_csr_decay.py",),
    "csr_curvature": ("kernels/test_curvature.py",),
    "dense": ("kernels/test_dense_facts.py",),
    "dense_curvature": ("kernels/test_curvature.py",),
    "draw": ("kernels/test_draw_normals.py",),
}


def chosen_for(room: str, file: str) -> tuple[Chosen, ...]:
    """The tests of a file, in the order in which they are tried."""
    name = Path(file).stem
    if name == "__init__":
        return OF_ROOM["_arrays"]
    if room == "kernels/reference":
        return _of_reference(name)
    if room == "kernels/cpu":
        families = SERVES.get(name, (name,))
        plain = [
            _twins("cpu", family, compiled=False) for family in families if family in INTERPRETED
        ]
        compiled = [_twins("cpu", family, compiled=True) for family in families]
        own = [Chosen(_own(f), "not emulated", compiled=True) for f in families if f not in SLOW]
        return (*plain, *compiled, *own)
    return OF_ROOM[room]


def _of_reference(name: str) -> tuple[Chosen, ...]:
    """The facts that tests state of the reference, its twins, and methods that run on it."""
    facts = Chosen(_own(name), "reference and not cpu and not emulated")
    of_name = () if name in ("csr", "dense") else (facts,)
    return (_twins("emulated", name, compiled=False), *of_name, Chosen(TRACES))


def _twins(backend: str, family: str, *, compiled: bool) -> Chosen:
    which = f"twins_leave and {backend} and -{family}."
    if compiled and family in SLOW:
        which += " and not threaded and not descend"
    return Chosen(("kernels/test_parity.py",), which, compiled)


def _own(family: str) -> tuple[str, ...]:
    named = () if family.endswith("_curvature") else (f"kernels/test_{family}.py",)
    return (*named, *MORE.get(family, ()))
