"""Cases of softmax regression on CSR and on dense data."""

import numpy as np
import scipy.sparse as sp

from kernel_cases import Case, Laid, cases_of

N, D, BATCH, G, C = 23, 11, 8, 2, 3
ROWS = np.array([4, 0, 4, 22, 9])
ORDER = np.random.default_rng(3).permutation(N)
NONE, SIGMOID = 0, 1


def matrix(dtype, seed):
    """Sparse rows, one of them and one column empty."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((N, D)) * (rng.random((N, D)) < 0.4)
    X[4], X[:, 5] = 0.0, 0.0
    return X.astype(dtype)


def csr(dtype, seed, index=np.int32):
    X = sp.csr_array(matrix(dtype, seed))
    return X.indptr.astype(np.int64), X.indices.astype(index), X.data


def dense(dtype, seed):
    return (matrix(dtype, seed),)


def random(dtype, *shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def products(dtype, data):
    """Arguments of `forward` and of `backward`."""
    for width in (2, G * C):
        Z = random(dtype, (ROWS.size + 1) * width, seed=1)
        V = random(dtype, D * width)
        yield (data, ROWS, V, Z, width), (data, ROWS, Z, 0.7, V, width)
        nothing = np.empty(0, np.int64)
        yield (data, nothing, V, Z, width), (data, nothing, Z, 0.7, V, width)


def side(data, family, dtype, seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, C, N).astype(np.int32)
    weight = rng.uniform(0.5, 1.5, N).astype(dtype)
    return data, labels, weight, Laid(family, "build_blocks", (data, ORDER, BATCH, True))


def steps(dtype, make, family, penalties):
    """Arguments of `descent_step`: on blocks and on rows, with each shape of penalty."""
    train, val = (side(make(dtype, seed), family, dtype, seed) for seed in (5, 6))
    work = Laid(family, "workspace", (D, BATCH, BATCH, G, C, dtype))
    V, x = random(dtype, D * G * C), random(dtype, N, seed=2)
    weights = np.array([-0.1, 0.1])
    scale = np.linspace(0.5, 1.0, D)
    for shape in penalties:
        penalty = np.random.default_rng(4).uniform(0.1, 1.0, shape)
        for block, kind in ((1, NONE), (2, NONE), (-1, SIGMOID)):
            rows = ROWS if block < 0 else ORDER[BATCH * block : BATCH * (block + 1)]
            yield Case(
                (
                    *(train, rows, block, val, rows, block, x, weights, penalty, 0.3),
                    *(V, scale, work, G, C, kind, 0.0, 2),
                ),
                roundings=64,
                scratch=(12,),
            )


@cases_of("csr.forward")
def csr_forward(dtype):
    for forward, _ in products(dtype, csr(dtype, 0)):
        yield Case(forward, 16)
    yield Case(next(products(dtype, csr(dtype, 0, np.int64)))[0], 16)


@cases_of("csr.backward")
def csr_backward(dtype):
    for _, backward in products(dtype, csr(dtype, 0)):
        yield Case(backward, 16)
    yield Case(next(products(dtype, csr(dtype, 0, np.int64)))[1], 16)


@cases_of("csr.flush")
def csr_flush(dtype):
    yield Case((random(dtype, D * G * C), np.linspace(0.1, 1, D), G * C))


@cases_of("csr.descent_step")
@cases_of("csr.descent_step_threaded")
def csr_descent_step(dtype):
    yield from steps(dtype, csr, "csr", ((D, 1), (D, C)))


@cases_of("dense.forward")
def dense_forward(dtype):
    for forward, _ in products(dtype, dense(dtype, 0)):
        yield Case(forward, 16)


@cases_of("dense.backward")
def dense_backward(dtype):
    for _, backward in products(dtype, dense(dtype, 0)):
        yield Case(backward, 16)


@cases_of("dense.flush")
def dense_flush(dtype):
    yield Case((random(dtype, D * G * C), np.linspace(0.1, 1, D), G * C))


@cases_of("dense.descent_step")
@cases_of("dense.descent_step_threaded")
def dense_descent_step(dtype):
    yield from steps(dtype, dense, "dense", ((1, 1), (1, C * D)))
