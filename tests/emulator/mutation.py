"""A bug to seed into the CUDA backend."""

from __future__ import annotations

from typing import NamedTuple

K = "kernels/cuda"
BARRIER = "    __syncthreads();\n"


class Mutant(NamedTuple):
    """A bug.

    Attributes
    ----------
    kind : str
    file : str
    old, new : str
        `old` occurs in the file; its first occurrence becomes `new`.
    tests : str
        Expression that selects the tests of the kernels concerned.
    lanes : tuple of str
        The lanes that have a chance, in the order in which they are tried.
    """

    kind: str
    file: str
    old: str
    new: str
    tests: str
    lanes: tuple[str, ...] = ("plain", "orders", "address", "thread")


SUMS = "vector.norm or vector.normalized_momentum or momentum.restart"
