"""Streams and graphs: what a capture records and what it forbids."""

from __future__ import annotations

import numpy as np
import pytest
from emulator.fake_cupy import counting
from emulator.rules import CUDARuntimeError, EmulationError

ADD = 'extern "C" __global__ void add(double* x, double a) { x[threadIdx.x] += a; }'


@pytest.fixture
def add(cupy):
    return cupy.RawModule(code=ADD).get_function("add")


@pytest.fixture
def stream(cupy):
    return cupy.cuda.Stream(non_blocking=True)


def test_a_graph_repeats_what_was_captured(cupy, add, stream):
    x, y = cupy.zeros(2), cupy.zeros(2)
    with stream, counting() as seen:
        assert cupy.cuda.get_current_stream() is stream
        stream.begin_capture()
        assert stream.is_capturing()
        add((1,), (2,), (x, 1.0))
        y[:] = x
        x[0] = 10
        graph = stream.end_capture()
    assert cupy.cuda.get_current_stream().ptr == 0
    assert seen.names == ["add"]
    assert seen.launches[0].recorded
    np.testing.assert_array_equal(x.get(), [0, 0])
    with counting() as seen:
        graph.launch()
        graph.launch(stream)
    assert (seen.graph_launches, seen.launches) == (2, [])
    np.testing.assert_array_equal(x.get(), [10, 2])
    np.testing.assert_array_equal(y.get(), [11, 2])


FORBIDDEN = {
    "get": lambda cupy, x: x.get(),
    "float": lambda cupy, x: float(x[0]),
    "allocation": lambda cupy, x: cupy.zeros(2),
    "arithmetic": lambda cupy, x: x + 1,
    "transfer": lambda cupy, x: cupy.asarray(np.zeros(2)),
    "set": lambda cupy, x: x.set(np.zeros(2)),
    "device": lambda cupy, x: cupy.cuda.Device().synchronize(),
    "index": lambda cupy, x: x.__setitem__([0, 1], 0),
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_waiting_allocating_and_transfers_break_a_capture(cupy, stream, what):
    x = cupy.zeros(2)
    with stream:
        stream.begin_capture()
        with pytest.raises(CUDARuntimeError, match="cudaErrorStreamCaptureUnsupported"):
            FORBIDDEN[what](cupy, x)
        with pytest.raises(CUDARuntimeError, match="Invalidated"):
            stream.end_capture()
    assert not stream.is_capturing()


def test_views_and_copies_on_the_device_do_not_break_a_capture(cupy, stream):
    x = cupy.zeros(4)
    with stream:
        stream.begin_capture()
        x[2:][:] = 1
        x.reshape(2, 2)[0] = x[2:]
        x += x
        stream.end_capture().launch()
    np.testing.assert_array_equal(x.get(), [2, 2, 2, 2])


def test_a_graph_does_not_keep_memory_alive(cupy, add, stream):
    x = cupy.zeros(2)
    with stream:
        stream.begin_capture()
        add((1,), (2,), (x, 1.0))
        graph = stream.end_capture()
    del x
    with pytest.raises(EmulationError, match="has been freed"):
        graph.launch()


def test_captures_have_a_beginning_and_an_end(cupy, stream):
    with pytest.raises(RuntimeError, match="default"):
        cupy.cuda.Stream.null.begin_capture()
    with pytest.raises(CUDARuntimeError):
        stream.end_capture()
    stream.begin_capture()
    with pytest.raises(CUDARuntimeError):
        stream.begin_capture()
    stream.end_capture()
