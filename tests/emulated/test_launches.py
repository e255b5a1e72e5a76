"""Launches: arguments are checked, and what is wrong with a kernel is found and named."""

from __future__ import annotations

import numpy as np
import pytest
from emulator.build import rewrite
from emulator.fake_cupy import config, counting
from emulator.rules import EmulationError

TABLE = np.dtype([("v", np.float64, 4)])
FILL = """
struct Table { double v[4]; };
template <typename T>
__global__ void fill(T* x, int n, float a, Table table, const T* y) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) x[i] = a + table.v[1] + (y ? y[i] : T(0));
}
"""
GOOD = (None, np.int32(40), np.float32(2), np.ones(1, TABLE), None)


def kernel_of(cupy, code, name, **settings):
    module = cupy.RawModule(
        code=code, options=("--std=c++17",), name_expressions=(name,), **settings
    )
    return module.get_function(name)


def test_arguments_arrive(cupy):
    x, y = cupy.empty(40, np.float32), cupy.arange(40).astype(np.float32)
    fill = kernel_of(cupy, FILL, "fill<float>")
    with counting() as seen:
        fill((2,), (32,), (x, *GOOD[1:]))
        fill((2,), (32,), (x, *GOOD[1:4], y))
    np.testing.assert_array_equal(x.get(), 3 + np.arange(40))
    assert seen.names == ["fill", "fill"]
    assert seen.launches[0].grid == (2, 1, 1)
    assert (seen.syncs, seen.allocations) == (0, 0)


@pytest.mark.parametrize(
    ("place", "value", "error"),
    [
        (0, np.zeros(40, np.float32), TypeError),
        (0, "of other dtype", EmulationError),
        (0, "with gaps", EmulationError),
        (0, 7, EmulationError),
        (1, 40, EmulationError),
        (1, "of other dtype", EmulationError),
        (2, 2.0, EmulationError),
        (2, "2", TypeError),
        (3, np.ones(2, TABLE), TypeError),
        (3, np.ones(1), EmulationError),
    ],
)
def test_an_argument_of_the_wrong_kind_is_refused(cupy, place, value, error):
    arrays = {"of other dtype": cupy.zeros(40), "with gaps": cupy.zeros((40, 2), np.float32)[:, 0]}
    arguments = [cupy.zeros(40, np.float32), *GOOD[1:]]
    arguments[place] = arrays.get(value, value) if isinstance(value, str) else value
    with pytest.raises(error, match=f"parameter {place}"):
        kernel_of(cupy, FILL, "fill<float>")((2,), (32,), tuple(arguments))


@pytest.mark.parametrize(
    ("grid", "block", "shared"), [((0,), (32,), 0), ((1,), (2048,), 0), ((1,), (32,), 10**6)]
)
def test_a_shape_that_no_device_takes_is_refused(cupy, grid, block, shared):
    arguments = cupy.zeros(40, np.float32), *GOOD[1:]
    with pytest.raises(EmulationError):
        kernel_of(cupy, FILL, "fill<float>")(grid, block, arguments, shared_mem=shared)


def test_the_number_of_arguments_is_checked(cupy):
    with pytest.raises(EmulationError, match="1 arguments"):
        kernel_of(cupy, FILL, "fill<float>")((1,), (32,), (cupy.zeros(40, np.float32),))


FAULTS = {
    "barrier in a branch": ("if (t < 40) __syncthreads();", "40 of 64 threads"),
    "two barriers": ("if (t < 40)\n __syncthreads();\n else\n __syncthreads();", "different barr"),
    "early return": ("if (t < 3) return; __syncthreads();", "61 of 64 threads"),
    "lane outside": ("__shfl_sync(0xffffu, 1, 0);", "lane 16 is not in its own mask"),
    "lane has exited": ("if (t % 32 < 8) __shfl_sync(~0u, 1, 0);", "which has exited"),
    "source outside": ("if (t % 32 < 8) __shfl_sync(0xffu, 1, 9);", "mask leaves out"),
    "grid barrier": ("cooperative_groups::this_grid().sync();", "not cooperative"),
    "shared memory": ("__shared__ double s[7000]; s[t] = 1;", "48 KB"),
}


def test_a_mask_may_not_name_lanes_past_the_end_of_the_block(cupy):
    kernel = kernel_of(cupy, 'extern "C" __global__ void k() { __syncwarp(); }', "k")
    kernel((1,), (64,), ())
    with pytest.raises(EmulationError, match="past the end of the block"):
        kernel((1,), (40,), ())


@pytest.mark.parametrize("fault", FAULTS)
def test_broken_rules_are_named_with_their_line(cupy, fault):
    body, message = FAULTS[fault]
    code = '#include <cooperative_groups.h>\nextern "C" __global__ void k()\n' + (
        f"{{ const int t = threadIdx.x;\n{body} }}"
    )
    kernel = kernel_of(cupy, code, "k")
    with pytest.raises(EmulationError, match=message) as raised:
        kernel((1,), (64,), ())
    assert "shared" in fault or "source.cu:" in str(raised.value)


def test_threads_that_wait_for_different_things_are_a_deadlock(cupy):
    body = "if (threadIdx.x) __syncthreads(); else __syncwarp();"
    with pytest.raises(EmulationError, match="deadlock, thread 0 of block 0 waits for its warp"):
        kernel_of(cupy, f'extern "C" __global__ void k() {{ {body} }}', "k")((1,), (32,), ())


REDUCTION = """
#include <cooperative_groups.h>
template <typename T>
__global__ void reduce(const T* x, T* parts, T* out, long long n) {
    extern __shared__ double dynamic[];
    __shared__ T warps[32];
    T sum = 0;
    for (long long i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
        sum += x[i];
    for (int o = 16; o > 0; o >>= 1) sum += __shfl_down_sync(0xffffffffu, sum, o);
    if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = sum;
    if (__syncthreads_or(threadIdx.x == 3) && __syncthreads_count(1) == blockDim.x)
        dynamic[threadIdx.x] = warps[threadIdx.x / 32];
    __syncthreads();
    if (threadIdx.x == 0) {
        parts[blockIdx.x] = 0;
        for (int w = 0; w < blockDim.x / 32; ++w) parts[blockIdx.x] += dynamic[32 * w];
    }
    cooperative_groups::this_grid().sync();
    if (threadIdx.x == 0 && blockIdx.x == 0) {
        *out = 0;
        for (int b = 0; b < gridDim.x; ++b) *out += parts[b];
    }
}
"""


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_barriers_shuffles_and_shared_memory_work_in_any_order(cupy, seed, monkeypatch):
    monkeypatch.setattr(config, "seed", seed)
    x, parts, out = cupy.arange(1000.0), cupy.empty(8), cupy.empty(1)
    reduce = kernel_of(cupy, REDUCTION, "reduce<double>", enable_cooperative_groups=True)
    reduce((8,), (64,), (x, parts, out, 1000), shared_mem=64 * 8)
    assert out.item() == 999 * 500
    with pytest.raises(EmulationError, match="same time"):
        reduce((9,), (64,), (x, parts, out, 1000), shared_mem=64 * 8)


@pytest.mark.parametrize(("seed", "in_order"), [(0, True), (1, False), (2, False)])
def test_the_order_of_threads_is_that_of_the_seed(cupy, seed, in_order, monkeypatch):
    monkeypatch.setattr(config, "seed", seed)
    code = """extern "C" __global__ void k(int* next, int* place) {
        place[blockIdx.x * blockDim.x + threadIdx.x] = atomicAdd(next, 1);
    }"""
    place = cupy.empty(256, np.int32)
    kernel_of(cupy, code, "k")((4,), (64,), (cupy.zeros(1, np.int32), place))
    assert sorted(place.get()) == list(range(256))
    assert (place.get() == np.arange(256)).all() == in_order


def test_shared_memory_begins_with_nan(cupy):
    code = 'extern "C" __global__ void k(double* x) { __shared__ double s[2]; *x = s[1]; }'
    x = cupy.zeros(1)
    kernel_of(cupy, code, "k")((1,), (32,), (x,))
    assert cupy.isnan(x).all()


def test_a_source_that_does_not_compile_says_where(cupy):
    with pytest.raises(EmulationError, match=r"mine\.cuh:7"):
        kernel_of(cupy, '#line 7 "mine.cuh"\nextern "C" __global__ void k() { nothing(); }', "k")


def test_a_header_of_the_host_is_not_there(cupy):
    code = 'extern "C" __global__ void k(double* x) { *x = std::exp(1.0); }'
    with pytest.raises(EmulationError, match="std"):
        kernel_of(cupy, code, "k")


def test_shared_variables_in_an_unknown_form_are_refused():
    with pytest.raises(EmulationError, match="one variable a declaration"):
        rewrite("__shared__ int a[3], b[4];")
    assert "__shared__" in rewrite("// about __shared__ memory")
