"""How long compiling takes, for those who wait for it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator


class _Watch(threading.local):
    """Of a thread: seconds so far, how deep it is in functions that compile others, who listens."""

    seconds = 0.0
    depth = 0
    listener: Callable[[float], None] | None = None


_watch = _Watch()


def seconds_compiling() -> float:
    """Seconds that this thread has spent compiling, or loading what was compiled before."""
    return _watch.seconds


@contextlib.contextmanager
def compiling() -> Iterator[None]:
    """What is done in the block is compiling."""
    start = time.perf_counter()
    _watch.depth += 1
    try:
        yield
    finally:
        _watch.depth -= 1
        if not _watch.depth:
            _watch.seconds += time.perf_counter() - start
            if _watch.listener is not None:
                _watch.listener(_watch.seconds)


@contextlib.contextmanager
def listening(listener: Callable[[float], None]) -> Iterator[None]:
    """Call `listener` with the seconds so far whenever something was compiled in the block."""
    before, _watch.listener = _watch.listener, listener
    try:
        yield
    finally:
        _watch.listener = before
