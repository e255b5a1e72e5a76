"""Bugs to seed into the CUDA backend, as data for `mutants.py`: one replacement each."""

from __future__ import annotations

from .mutation import BARRIER, SUMS, K, Mutant
from .mutations_of_calls import OF_CALLS

MUTANTS = (
    # Barriers and warps
    Mutant(
        "missing barrier, read after write",
        f"{K}/common.cuh",
        f"    if (lane == 0) parts[warp] = value;\n{BARRIER}",
        "    if (lane == 0) parts[warp] = value;\n",
        SUMS,
    ),
    Mutant(
        "missing barrier, write after read",
        f"{K}/common.cuh",
        "    __syncthreads();  // `parts` may be written again by the next call\n",
        "",
        "projection.project or proximal",
    ),
    Mutant(
        "missing barrier that no order shows",
        f"{K}/momentum.cu",
        "    __syncthreads();  // everyone has read the memory\n",
        "",
        "momentum.restart",
    ),
    Mutant(
        "barrier in a branch",
        f"{K}/sums.cuh",
        f"    if (lane == 0) tops[threadIdx.x / WARP] = value;\n{BARRIER}",
        f"    if (lane == 0) {{\n        tops[threadIdx.x / WARP] = value;\n{BARRIER}    }}\n",
        "projection.project",
    ),
    Mutant(
        "return before a barrier",
        f"{K}/vector.cu",
        "    const double sum = block_sum(count ?",
        "    if (threadIdx.x >= n) return;\n    const double sum = block_sum(count ?",
        SUMS,
    ),
    Mutant(
        "mask without half of the warp",
        f"{K}/common.cuh",
        "__shfl_down_sync(0xffffffffu",
        "__shfl_down_sync(0xffffu",
        SUMS,
    ),
    Mutant(
        "shuffle in a branch",
        f"{K}/sums.cuh",
        "        value = fmax(value, __shfl_xor_sync",
        "        if (lane < step) value = fmax(value, __shfl_xor_sync",
        "projection.project",
    ),
    Mutant(
        "shuffle from outside the team",
        f"{K}/team.cuh",
        "for (int step = team.width >> 1; step > 0;",
        "for (int step = team.width; step > 0;",
        "softmax",
    ),
    Mutant(
        "shared memory read before it is written",
        f"{K}/common.cuh",
        "for (int w = 0; w < warps; ++w) total",
        "for (int w = 0; w < 32; ++w) total",
        SUMS,
    ),
    # Grids
    Mutant(
        "first grid barrier removed",
        f"{K}/dense_descent.cu",
        "        wait_for_all_blocks();\n        for (long long first",
        "        for (long long first",
        "dense and descend or test_cuda_dense",
    ),
    Mutant(
        "second grid barrier removed",
        f"{K}/dense_descent.cu",
        "        wait_for_all_blocks();\n        for (long long task",
        "        for (long long task",
        "dense and descend or test_cuda_dense",
    ),
    Mutant(
        "launch of a grid barrier that is not cooperative",
        f"{K}/dense.py",
        ", cooperative=True)",
        ")",
        "dense and descend or test_cuda_dense",
    ),
    Mutant(
        "cooperative grid larger than the device",
        f"{K}/dense.py",
        "else min(blocks, device)",
        "else blocks + 8",
        "dense and descend or test_cuda_dense",
    ),
    Mutant(
        "too few blocks",
        f"{K}/launch.py",
        "launch(kernel, dtypes, min(-(-n // THREADS), MOST_BLOCKS), THREADS, *arguments)",
        "launch(kernel, dtypes, min(n // THREADS, MOST_BLOCKS), THREADS, *arguments)",
        "vector.axpy",
    ),
    Mutant(
        "elements past one round of the grid left out",
        f"{K}/common.cuh",
        "i += (long long)gridDim.x * blockDim.x",
        "i += n",
        "large_sizes or several_blocks",
    ),
    # Memory
    Mutant(
        "write past the end of an array",
        f"{K}/common.cuh",
        "threadIdx.x; i < (n);",
        "threadIdx.x; i <= (n);",
        "averages",
    ),
    Mutant(
        "read past the end of an array",
        f"{K}/momentum.cu",
        "const double step = (double)x[i] - (double)previous[i];",
        "const double step = (double)x[i] - (double)previous[i] + 0.0 * (double)x[i + 1];",
        "momentum.restart",
    ),
    Mutant(
        "shared array too short",
        f"{K}/csr.cuh",
        "__shared__ T parts[ROW_THREADS];",
        "__shared__ T parts[ROW_THREADS / 4];",
        "csr.forward or test_cuda_csr",
    ),
    Mutant(
        "index of 32 bits",
        f"{K}/csr.cuh",
        "sum += value[e] * v[index[e] * V.width];",
        "sum += value[e] * v[index[e] * (int)V.width];",
        "ten_gigabytes",
        ("address",),
    ),
    Mutant(
        "race within a block",
        f"{K}/vector.cu",
        "    if (first) norm_out[0] = length;",
        "    norm_out[0] = length;",
        SUMS,
    ),
    Mutant(
        "race between blocks",
        f"{K}/repeats.cu",
        "atomicAdd((unsigned long long*)&counts[rows[r]], 1ull)",
        "counts[rows[r]] += 1",
        "repeat or draw or powers or weights",
    ),
    Mutant(
        "sum in the order in which threads come",
        f"{K}/common.cuh",
        "    if (lane == 0) parts[warp] = value;\n    __syncthreads();\n"
        "    double total = 0.0;\n    for (int w = 0; w < warps; ++w) total += parts[w];\n",
        "    if (threadIdx.x == 0) parts[0] = 0.0;\n    __syncthreads();\n"
        "    if (lane == 0) atomicAdd(&parts[0], value);\n    __syncthreads();\n"
        "    const double total = parts[0];\n",
        "any_order",
        ("plain", "orders"),
    ),
    Mutant(
        "memory that is never set",
        f"{K}/repeats.py",
        '    launch_over(rows.size, "repeats.clear", (rows.dtype,), rows, counts, rows.size)\n',
        "",
        "weights or powers",
    ),
    *OF_CALLS,
)
