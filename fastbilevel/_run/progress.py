"""The progress bar of `minimize`: tqdm if it is installed, else plain lines."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

from fastbilevel._run.recorder import Recorder


class Silent:
    """Shows nothing."""

    def update(self, nit: int, recorder: Recorder) -> None:
        """Called after every record."""

    def say(self, what: str) -> None:
        """Tell what takes so long before the first one."""


class Lines(Silent):
    """One line a record, on standard error."""

    def __init__(self, maxiter: int):
        self.maxiter = maxiter

    def update(self, nit: int, recorder: Recorder) -> None:
        rate = nit / max(recorder.seconds, 1e-12)
        sys.stderr.write(
            f"{nit}/{self.maxiter}  upper value {recorder.fun:.6g}  "
            f"hypergradient norm {recorder.grad_norm:.3g}  {rate:.3g} iterations/s\n"
        )

    def say(self, what: str) -> None:
        sys.stderr.write(f"{what}\n")


class Bar(Silent):
    """A tqdm bar."""

    def __init__(self, bar: Any):
        self.bar = bar

    def update(self, nit: int, recorder: Recorder) -> None:
        self.bar.set_description()
        self.bar.set_postfix(upper=f"{recorder.fun:.6g}", norm=f"{recorder.grad_norm:.3g}")
        self.bar.update(nit - self.bar.n)

    def say(self, what: str) -> None:
        self.bar.set_description(what)


@contextlib.contextmanager
def progress_of(show: bool, maxiter: int) -> Iterator[Silent]:
    """Something with an `update` method, closed at the end of the block."""
    if not show:
        yield Silent()
        return
    try:
        from tqdm import tqdm
    except ImportError:
        yield Lines(maxiter)
        return
    with tqdm(total=maxiter, unit="it") as bar:
        yield Bar(bar)
