"""Bugs in arguments, chunks, arithmetic and what runs only on a device; see `mutations`."""

from __future__ import annotations

from .mutation import K, Mutant

OF_CALLS = (
    # Arguments
    Mutant(
        "float32 for a double parameter",
        f"{K}/vector.py",
        "(y.dtype,), float(a), x, y, y.size)",
        "(y.dtype,), np.float32(a), x, y, y.size)",
        "vector.axpy",
    ),
    Mutant(
        "integer for a double parameter",
        f"{K}/vector.py",
        "(y.dtype,), float(a), x, y, y.size)",
        "(y.dtype,), int(a), x, y, y.size)",
        "vector.axpy",
    ),
    Mutant(
        "int32 for a long long parameter",
        f"{K}/vector.py",
        "(y.dtype,), float(a), x, y, y.size)",
        "(y.dtype,), float(a), x, y, np.int32(y.size))",
        "vector.axpy",
    ),
    Mutant(
        "array of another type",
        f"{K}/launch.py",
        "return cupy.empty(size, np.float64)",
        "return cupy.empty(2 * size, np.float32)",
        "large_sizes or several_blocks",
    ),
    Mutant(
        "array of the host",
        f"{K}/averages.py",
        "(h.dtype,), h, new,",
        "(h.dtype,), h, new.get(),",
        "averages",
    ),
    Mutant(
        "array with gaps",
        f"{K}/vector.py",
        "(y.dtype,), float(a), x, y, y.size)",
        "(y.dtype,), float(a), x[::2], y, y.size // 2)",
        "vector.axpy",
    ),
    Mutant(
        "host and device in one expression",
        f"{K}/vector.py",
        "    n, dtypes = x.size, (x.dtype,)\n",
        "    n, dtypes = x.size, (x.dtype,)\n    x = x * np.ones(n, x.dtype)\n",
        "vector.norm",
    ),
    Mutant(
        "one table for another",
        f"{K}/vector.py",
        "        table(alpha),\n",
        "        table(weights),\n",
        "vector.combine_offsets",
    ),
    Mutant(
        "table with the wrong order",
        f"{K}/launch.py",
        "np.asarray(values, np.float64).reshape(-1)",
        "np.asarray(values, np.float64).reshape(-1)[::-1]",
        "vector.combine_offsets or vector.recenter",
    ),
    # Chunks
    Mutant(
        "the host waits in a chunk",
        f"{K}/vector.py",
        "    arguments = (x, m, phi, float(lr)",
        "    float(norm_out[0])\n    arguments = (x, m, phi, float(lr)",
        "never_waits_allocates",
        ("chunks",),
    ),
    Mutant(
        "allocation in a chunk",
        f"{K}/vector.py",
        "    arguments = (x, m, phi, float(lr)",
        "    phi = phi.copy()\n    arguments = (x, m, phi, float(lr)",
        "never_waits_allocates",
        ("chunks",),
    ),
    # Arithmetic
    Mutant(
        "off by one",
        f"{K}/vector.cu",
        "k < groups * g; ++k)",
        "k < groups * g - 1; ++k)",
        "vector.recenter",
    ),
    Mutant(
        "sign",
        f"{K}/averages.cu",
        "const T change = gradient - row[i];",
        "const T change = gradient + row[i];",
        "averages.saga",
    ),
    Mutant(
        "lost guard against NaN",
        f"{K}/projection.cuh",
        "above < 0.0 ? (T)0 : (T)(total * above)",
        "above > 0.0 ? (T)(total * above) : (T)0",
        "projection.project",
    ),
    Mutant(
        "lost guard against infinity",
        f"{K}/vector.cu",
        "if (!is_finite(length)) {",
        "if (length != length) {",
        "vector.normalized_momentum",
    ),
    # What runs only on a device
    Mutant(
        "double precision in a float kernel",
        f"{K}/vector.cu",
        "for (STRIDE(i, n)) y[i] += factor * x[i];",
        "for (STRIDE(i, n)) y[i] = (T)((double)y[i] + sqrt(a) * (double)x[i]);",
        "double_precision",
        ("offline",),
    ),
    Mutant(
        "more registers than there are",
        f"{K}/dense_descent.cu",
        "__launch_bounds__(THREADS, 1) descend",
        "__launch_bounds__(1024, 1) descend",
        "90 and spills",
        ("offline",),
    ),
    Mutant(
        "a name that CuPy lacks",
        f"{K}/layout_csr.py",
        "cupy.asarray(",
        "cupy.as_array(",
        "exists_in_cupy",
        ("surface",),
    ),
)
