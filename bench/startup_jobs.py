"""What `bench.startup` has fresh interpreters do; each prints one line of JSON.

They use nothing but the public calls, so that another version of the package can do them too.
"""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import scipy.sparse as sp
from numba.core import compiler

import fastbilevel as fb

SMALL = {"batch_size": 50, "val_batch_size": 50, "maxiter": 2, "n_threads": 1}


def yardstick() -> float:
    """CPU seconds that Numba takes for twelve small functions, by which machines compare."""

    def make(i: int) -> Any:
        @numba.njit(fastmath={"nsz", "arcp", "contract", "afn", "reassoc"})
        def function(a, b, c):
            total = 0.0
            for k in range(a.shape[0]):
                for j in range(a.shape[1]):
                    total += a[k, j] * b[j] + i
                    c[k, j] = max(total, np.exp(-abs(a[k, j])))
            return total

        return function

    start = time.process_time()
    for i in range(12):
        make(i)(np.ones((3, 4), np.float32), np.ones(4), np.ones((3, 4)))
    return time.process_time() - start


def sparse_problem(classes: int = 3, index: Any = np.int32, dtype: Any = np.float32) -> Any:
    """A small text classifier with a penalty per feature."""
    X = sp.random(400, 300, 0.05, format="csr", random_state=0, dtype=dtype)
    y, halves = np.arange(400) % classes, [X[:200], X[200:]]
    for half in halves:
        half.indices, half.indptr = half.indices.astype(index), half.indptr.astype(index)
    return fb.problems.LearnToRegularize(halves[0], y[:200], halves[1], y[200:])


def dense_problem(classes: int = 3) -> Any:
    """Hyper-cleaning of small images."""
    X = np.random.default_rng(0).standard_normal((400, 30)).astype(np.float32)
    y = np.arange(400) % classes
    return fb.problems.HyperCleaning(X[:200], y[:200], X[200:], y[200:])


def seconds_of(problem: Any, method: str) -> float:
    """CPU seconds of two outer iterations."""
    start = time.process_time()
    fb.minimize(problem, method=method, **SMALL)
    return time.process_time() - start


def calls() -> dict[str, tuple[Callable[[], Any], str]]:
    """Problems and methods of one call after another, in the order of the table."""
    return {
        "first call: f2sa-p, CSR": (sparse_problem, "f2sa-p"),
        "another method: stocbio": (sparse_problem, "stocbio"),
        "another method: soba": (sparse_problem, "soba"),
        "another method: bome": (sparse_problem, "bome"),
        "f2sa-p, 5 classes": (lambda: sparse_problem(5), "f2sa-p"),
        "f2sa-p, int64 indices": (lambda: sparse_problem(index=np.int64), "f2sa-p"),
        "f2sa-p, float64": (lambda: sparse_problem(dtype=np.float64), "f2sa-p"),
        "f2sa-p, dense": (dense_problem, "f2sa-p"),
        "soba, dense": (dense_problem, "soba"),
    }


def compiling() -> dict[str, float]:
    """CPU seconds of the calls."""
    found = {"yardstick": yardstick()}
    for name, (make, method) in calls().items():
        found[name] = seconds_of(make(), method)
    return found


def functions() -> dict[str, list[str]]:
    """What Numba compiles in each of the calls: function, and the types of its arguments."""
    compiled: list[str] = []
    core = compiler.CompilerBase._compile_core

    def noting(self: Any) -> Any:
        types = ", ".join(str(each)[:60] for each in self.state.args)
        compiled.append(f"{self.state.func_id.func_name}({types})")
        return core(self)

    compiler.CompilerBase._compile_core = noting
    found = {}
    for name, (make, method) in calls().items():
        compiled.clear()
        seconds_of(make(), method)
        found[name] = list(compiled)
    return found


def first() -> dict[str, float]:
    """Seconds of the first call of a process."""
    problem = sparse_problem()
    start = time.perf_counter()
    fb.minimize(problem, method="f2sa-p", **SMALL)
    return {"seconds": time.perf_counter() - start}


def text(nonzeros: int) -> tuple[Any, Any]:
    """Rows of 150 words, features by Zipf's law, 20 classes."""
    n, d = max(1000, nonzeros // 150), max(20_000, nonzeros // 50)
    rng = np.random.default_rng(0)
    words = (d ** rng.random(n * 150)).astype(np.int32) - 1
    X = sp.csr_matrix((np.full(n * 150, 0.1, np.float32), words, np.arange(n + 1) * 150), (n, d))
    X.sum_duplicates()
    return X, rng.integers(0, 20, n)


def setup(nonzeros: int) -> dict[str, float]:
    """Seconds of setup on sparse data, what they are beside, and the memory that they take."""
    X, y = text(nonzeros)
    half = X.shape[0] // 2
    data = X.data.nbytes + X.indices.nbytes + X.indptr.nbytes
    parts = X[:half], y[:half], X[half:], y[half:]
    del X
    options = {"method": "f2sa-p", "batch_size": 200, "val_batch_size": 200, "n_threads": 1}
    fb.minimize(sparse_problem(20), maxiter=1, **options)
    start = time.perf_counter()
    parts[0].tocsc(), parts[2].tocsc()
    tocsc = time.perf_counter() - start
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    problem = fb.problems.LearnToRegularize(*parts)
    calls = []
    for lr_y in (0.1, 0.1, 0.1, None, None):
        start = time.perf_counter()
        fb.minimize(problem, maxiter=1, lr_y=lr_y, **options)
        calls.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    start = time.perf_counter()
    fb.minimize(problem, maxiter=21, lr_y=0.1, record_every=100, **options)
    iteration = (time.perf_counter() - start - calls[2]) / 20
    return {
        "nonzeros": float(parts[0].nnz + parts[2].nnz),
        "tocsc": tocsc,
        "first": calls[0] - iteration,
        "again": min(calls[1], calls[2]) - iteration,
        "step": calls[3] - min(calls[1], calls[2]),
        "step again": calls[4] - min(calls[1], calls[2]),
        "iteration": iteration,
        "memory": 1024 * peak / data,
    }


def again() -> dict[str, float]:
    """Milliseconds of a second call of one iteration on the smallest problem."""
    problem = fb.problems.hard.SinePL()
    times = []
    for _ in range(30):
        start = time.perf_counter()
        fb.minimize(problem, method="f2sa-p", maxiter=1, n_threads=1)
        times.append(1e3 * (time.perf_counter() - start))
    return {"milliseconds": statistics.median(times[1:])}


JOBS: dict[str, Callable[..., dict[str, Any]]] = {
    "compiling": compiling,
    "functions": functions,
    "first": first,
    "setup": setup,
    "again": again,
}

if __name__ == "__main__":
    print(json.dumps(JOBS[sys.argv[1]](*map(int, sys.argv[2:]))))
