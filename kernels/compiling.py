"""How long compiling takes, for those who wait for it, and interrupts that wait meanwhile."""

from __future__ import annotations

import contextlib
import signal
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
        with interrupts_held():
            yield
    finally:
        _watch.depth -= 1
        if not _watch.depth:
            _watch.seconds += time.perf_counter() - start
            if _watch.listener is not None:
                _watch.listener(_watch.seconds)


@contextlib.contextmanager
def interrupts_held() -> Iterator[None]:
    """Let Ctrl-C wait for the end of the block, a second one excepted.

    A compiler that is interrupted may be left in pieces, and a callback from machine code cannot
    raise. Handlers of the caller's own, and other threads than the main one, are left alone.
    """
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    seen: list[int] = []

    def hold(number: int, frame: object) -> None:
        if seen:
            raise KeyboardInterrupt
        seen.append(number)

    signal.signal(signal.SIGINT, hold)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if seen:
        raise KeyboardInterrupt


@contextlib.contextmanager
def listening(listener: Callable[[float], None]) -> Iterator[None]:
    """Call `listener` with the seconds so far whenever something was compiled in the block."""
    before, _watch.listener = _watch.listener, listener
    try:
        yield
    finally:
        _watch.listener = before
