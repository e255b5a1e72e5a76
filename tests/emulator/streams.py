"""Streams, graphs and the device. Work is done at once, except while a stream captures it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from .rules import CUDARuntimeError, EmulationError, config, count

_UNSUPPORTED = "cudaErrorStreamCaptureUnsupported: operation not permitted when stream is capturing"


class Stream:
    """A CUDA stream; number 0 is the null stream."""

    null: Stream
    _current: Stream
    _created = 0

    def __init__(self, null: bool = False, non_blocking: bool = False, ptds: bool = False) -> None:
        Stream._created += not null
        self.ptr = 0 if null else Stream._created
        self.is_non_blocking = non_blocking
        self._work: list[tuple[Callable[[], None], tuple[Any, ...]]] | None = None
        self._invalid = False
        self._before: list[Stream] = []

    def __enter__(self) -> Stream:
        self._before.append(Stream._current)
        return self.use()

    def __exit__(self, *_: object) -> None:
        self._before.pop().use()

    def use(self) -> Stream:
        Stream._current = self
        return self

    def synchronize(self) -> None:
        forbid_in_capture("synchronize", self)
        count("syncs")

    def is_capturing(self) -> bool:
        return self._work is not None

    def begin_capture(self, mode: int | None = None) -> None:
        if self.ptr == 0:
            raise RuntimeError("cannot capture on the default (legacy) stream")
        if self.is_capturing():
            raise CUDARuntimeError("cudaErrorIllegalState: the stream is capturing already")
        self._work, self._invalid = [], False

    def end_capture(self) -> Graph:
        if self._work is None:
            raise CUDARuntimeError("cudaErrorIllegalState: the stream is not capturing")
        work, self._work = self._work, None
        if self._invalid:
            raise CUDARuntimeError("cudaErrorStreamCaptureInvalidated: the capture has failed")
        graph = Graph.__new__(Graph)
        graph._work = work
        return graph


Stream.null = Stream._current = Stream(null=True)


def get_current_stream() -> Stream:
    return Stream._current


class Event:
    """A moment: work is done at once, so the time of the host is that of the device."""

    _time: float | None = None

    def __init__(
        self, block: bool = False, disable_timing: bool = False, interprocess: bool = False
    ) -> None:
        pass

    def record(self, stream: Stream | None = None) -> None:
        enqueue(self._note, (), stream)

    def _note(self) -> None:
        self._time = time.perf_counter()

    def synchronize(self) -> None:
        synchronize("synchronize an event")


def get_elapsed_time(start_event: Event, end_event: Event) -> float:
    """Milliseconds."""
    if start_event._time is None or end_event._time is None:
        raise CUDARuntimeError("cudaErrorInvalidResourceHandle: an event has not been recorded")
    return 1e3 * (end_event._time - start_event._time)


class Graph:
    """What a stream has captured: work with its arguments, to be repeated."""

    _work: list[tuple[Callable[[], None], tuple[Any, ...]]]

    def __init__(self) -> None:
        raise NotImplementedError("a graph is created via stream capture")

    def launch(self, stream: Stream | None = None) -> None:
        forbid_in_capture("launch of a graph", stream)
        count("graph_launches")
        for action, memories in self._work:
            # A real graph keeps no array alive and would write to memory of somebody else.
            if any(memory() is None for memory in memories):
                raise EmulationError("a graph uses memory that has been freed since its capture")
            action()

    def upload(self, stream: Stream | None = None) -> None:
        forbid_in_capture("upload of a graph", stream)


def forbid_in_capture(what: str, stream: Stream | None = None) -> None:
    stream = stream or Stream._current
    if stream.is_capturing():
        stream._invalid = True
        raise CUDARuntimeError(f"{_UNSUPPORTED} ({what})")


def synchronize(what: str) -> None:
    forbid_in_capture(what)
    count("syncs")


def allocate(what: str) -> None:
    """CuPy's memory pool could serve this while a stream captures only if it has a free piece."""
    forbid_in_capture(what)
    count("allocations")


def transfer(what: str) -> None:
    forbid_in_capture(what)
    count("transfers")


def enqueue(
    action: Callable[[], None], memories: tuple[Any, ...], stream: Stream | None = None
) -> bool:
    """Do `action`, or record it, which is the answer.

    `memories` are weak references to the memory that it uses.
    """
    stream = stream or Stream._current
    if stream._work is None:
        action()
        return False
    stream._work.append((action, memories))
    return True


class Device:
    """A device; there is one."""

    def __init__(self, device: int = 0) -> None:
        if device != 0:
            raise CUDARuntimeError("cudaErrorInvalidDevice: invalid device ordinal")
        self.id = 0
        self.compute_capability = "90"

    @property
    def attributes(self) -> dict[str, int]:
        return {
            "MultiProcessorCount": config.multiprocessors,
            "MaxSharedMemoryPerBlockOptin": 232448,
            "MaxThreadsPerBlock": 1024,
            "WarpSize": 32,
        }

    @property
    def mem_info(self) -> tuple[int, int]:
        return 1 << 36, 1 << 36

    def __enter__(self) -> Device:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def use(self) -> None:
        pass

    def synchronize(self) -> None:
        synchronize("synchronize the device")
