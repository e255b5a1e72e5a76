"""A chunk of outer iterations on a device: few launches, no waiting, ready for a CUDA graph."""

from __future__ import annotations

import numpy as np
import pytest
from backends import array_library
from methods.test_backends import PROBLEMS, data, options_of, placed

import fastbilevel as fb
from fastbilevel import methods
from fastbilevel._run.engine import Run
from fastbilevel._texts.samplers import key_of
from fastbilevel.kernels import cuda
from fastbilevel.problems.on_host import on_host

N_OUTER = 3
# Every method, on dense and on sparse data in turn; f2sa-p on both.
EVERY = [(method, i % 2 == 0) for i, method in enumerate(fb.methods.list())]
EVERY += [("f2sa-p", sparse) for sparse in (False, True) if ("f2sa-p", sparse) not in EVERY]
GRAPHS = [(*each, "blocks") for each in EVERY] + [("f2sa-p", False, "epochs")]


def make_run(xp, method, sparse, problem="penalties", dtype=np.float32, **options):
    """A run after its first iteration, which allocates scratch and compiles."""
    kind, arguments = PROBLEMS[problem]
    made = kind(*placed(xp, data(problem, sparse, dtype)), **arguments)
    sizes = {"batch_size": 10, "val_batch_size": 9}
    chosen = methods.resolve(method, {**sizes, **options_of(method), **options})
    x, y = made.start()
    chosen = chosen.complete(on_host(made), x, y)
    run = Run(made, chosen, key_of(3), x, y, None, 1)
    run.advance(1)
    return run


def chunk_of(run, n=N_OUTER):
    """The next n iterations, as a function of nothing; what they start from is in place."""
    arguments = run._arguments(run.nit, n)[0]
    return lambda: run._chunk(*arguments)


def state(run):
    return [a.get() for a in (run.state.x, run.state.Y, run.state.m)]


@pytest.mark.parametrize(("method", "sparse"), EVERY)
def test_a_chunk_never_waits_allocates_or_transfers(method, sparse):
    from emulator.fake_cupy import counting

    with array_library("emulated") as xp:
        step = chunk_of(make_run(xp, method, sparse))
        with counting() as seen:
            step()
        assert seen.launches
        assert (seen.syncs, seen.allocations, seen.transfers) == (0, 0, 0)


@pytest.mark.parametrize(("method", "sparse", "sampling"), GRAPHS)
def test_a_graph_of_a_chunk_does_what_the_chunk_does(method, sparse, sampling):
    with array_library("emulated") as xp:
        ends = []
        for captured in (False, True):
            if captured:
                stream = xp.cuda.Stream(non_blocking=True)
                with stream:
                    # Scratch belongs to a stream: the first iteration on this one allocates it.
                    run = make_run(xp, method, sparse, sampling=sampling)
                    before, step = state(run), chunk_of(run)
                    stream.begin_capture()
                    step()
                    graph = stream.end_capture()
                    for old, new in zip(before, state(run), strict=True):
                        np.testing.assert_array_equal(old, new)
                    graph.launch()
            else:
                run = make_run(xp, method, sparse, sampling=sampling)
                chunk_of(run)()
            ends.append(state(run))
        for direct, replayed in zip(*ends, strict=True):
            np.testing.assert_array_equal(direct, replayed)


@pytest.mark.parametrize("order", [1, 2, 5, 10])
@pytest.mark.parametrize(("sparse", "per_step"), [(False, 0), (True, 2)], ids=["dense", "csr"])
def test_all_offsets_take_their_lower_steps_in_the_same_launches(sparse, per_step, order):
    """Dense: one launch for all K steps. CSR: residuals and update, two a step."""
    from emulator.fake_cupy import counting

    counts = []
    with array_library("emulated") as xp:
        for inner_steps in (3, 7):
            options = {"order": order, "inner_steps": inner_steps, "lr_y": 0.1, "nu": 0.02}
            step = chunk_of(make_run(xp, "f2sa-p", sparse, **options), 1)
            with counting() as seen:
                step()
            counts.append(len(seen.launches))
            assert seen.names.count("descend") == (not sparse)
    assert counts[1] - counts[0] == 4 * per_step
    # Penalties at their places, steps, scales moved in, estimate, momentum, means of the offsets.
    assert counts[0] - 3 * per_step <= 8


def test_large_dense_minibatches_take_matrix_products(monkeypatch):
    from emulator.fake_cupy import counting

    with array_library("emulated") as xp:
        for module in (cuda.dense, cuda.layout_dense):
            monkeypatch.setattr(module, "MOST_TILED", 8)
        step = chunk_of(make_run(xp, "f2sa-p", False, order=2, inner_steps=3), 1)
        with counting() as seen:
            step()
        assert "descend" not in seen.names
        assert (seen.syncs, seen.allocations, seen.transfers) == (0, 0, 0)
        # CuPy does not capture cuBLAS.
        stream = xp.cuda.Stream(non_blocking=True)
        with stream:
            step = chunk_of(make_run(xp, "f2sa-p", False, order=2, inner_steps=3), 1)
            stream.begin_capture()
            with pytest.raises(RuntimeError, match="cuBLAS"):
                step()
