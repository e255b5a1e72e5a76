"""One call of a kernel to be timed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from fastbilevel._texts.compile import compile_text
from fastbilevel.kernels import cpu


class Case(NamedTuple):
    """`text(repeats, *arguments)` makes `repeats` x `calls` calls of a kernel.

    Attributes
    ----------
    kernel, size : str
    make : callable
        Of the text, see `compile_text`.
    constants, arguments : tuple
    touched : float
        Bytes that one call loads and stores.
    operations : float
        Additions and multiplications in the products of one call; 0: not counted.
    calls : int
        One for each of the minibatches that `arguments` hold.
    """

    kernel: str
    size: str
    make: Callable[..., Any]
    constants: tuple[Any, ...]
    arguments: tuple[Any, ...]
    touched: float
    operations: float = 0.0
    calls: int = 1

    def run(self, repeats: int) -> None:
        """Make the calls; the first time compiles."""
        compile_text(self.make, cpu, *self.constants)(repeats, *self.arguments)
