"""Rooflines of the CUDA kernels by hand; the benchmark of the device, run on the double of CuPy."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from backends import array_library
from emulator import fake_cupy

import fastbilevel as fb

ROOT = Path(__file__).resolve().parents[1]
if not (ROOT / "bench").is_dir():
    pytest.skip("the benchmarks are not part of this copy", allow_module_level=True)
# At the end, so that an installed package is tested and not the folder beside `bench`.
sys.path.append(str(ROOT))

from bench import gpu, roofline  # noqa: E402
from bench.gpu_cases import Cases  # noqa: E402
from bench.gpu_data import problem_of, rows_of  # noqa: E402
from bench.gpu_floor import Peaks, Work, floor_of_iteration  # noqa: E402
from bench.gpu_work import SETTINGS, Run, Shape  # noqa: E402

SINGLE, DOUBLE = np.dtype(np.float32), np.dtype(np.float64)
IMAGES, TEXT = SETTINGS["images-64"], SETTINGS["text"]
PEAKS = Peaks("paper", 1e9, 1e6, 1e3, "given", launch=1.0, barrier=0.25)
tiny = pytest.mark.parametrize("shape", gpu.TINY, ids=[shape.name for shape in gpu.TINY])


@pytest.fixture
def xp():
    with array_library("emulated") as library:
        yield library


# -- bytes, operations and floors -----------------------------------------------------------------


def test_dense_product_by_hand():
    work = Run(IMAGES, 2, SINGLE).forward()
    # Rows and their numbers, iterates, logits.
    assert work.bytes == 64 * (784 * 4 + 8) + 784 * 20 * 4 + 64 * 20 * 4
    assert (work.float32, work.float64, work.launches) == (2 * 64 * 784 * 20, 0, 1)


def test_sparse_product_by_hand():
    work = Run(TEXT, 10, DOUBLE).forward()
    # Values and feature numbers, where rows begin and end and their numbers; iterates; logits.
    assert work.bytes == 1000 * (134 * 12 + 24) + 27_000 * 200 * 8 + 1000 * 200 * 8
    assert (work.float32, work.float64) == (0, 2 * 1000 * 134 * 200)


def test_features_of_sparse_minibatches_are_at_most_their_entries():
    shape = Shape("", 100, 1000, 3, 10, 7)
    assert [shape.occurring(m) for m in (1, 2)] == [70, 140]
    assert dataclasses.replace(shape, d=50).occurring(2) == 50
    assert dataclasses.replace(shape, features=(60, 90)).occurring(2) == 90


def test_step_reads_data_and_iterates_once():
    run = Run(IMAGES, 2, SINGLE)
    rows, iterates = 128, 784 * 20 * 4
    # Data and row numbers; labels and weights, and x for the lower rows; iterates; one penalty.
    expected = rows * (784 * 4 + 8) + rows * 8 + 64 * 4 + 2 * iterates + 8
    assert run.step().bytes == expected
    products = 2 * 2 * 2 * 64 * 784 * 20
    assert products < run.step().operations < 1.02 * products


def test_sparse_step_moves_the_rows_of_iterates_twice():
    run = Run(TEXT, 2, SINGLE)
    wider = Run(TEXT, 4, SINGLE)
    # What grows with the offsets are those rows, read and written.
    assert wider.step().bytes - run.step().bytes == 2 * 38_000 * 40 * 4
    assert wider.residuals().bytes - run.residuals().bytes == 38_000 * 160 + 2000 * 160


def test_momentum_and_combination_by_hand():
    run = Run(TEXT, 10, SINGLE)
    assert run.normalized_momentum().bytes == 5 * 73_686 * 4
    assert run.normalized_momentum().launches == 2
    assert Run(SETTINGS["ijcnn1"], 2, SINGLE).normalized_momentum().launches == 1
    assert run.combine_offsets().bytes == (10 + 10 + 1) * 73_686 * 4
    assert run.combine_offsets().float32 == 0


def test_penalty_gradient_reads_all_iterates_and_works_in_float64():
    work = Run(TEXT, 2, SINGLE).penalty_gradient()
    assert work.bytes == 73_686 * (40 * 4 + 8 + 2 * 4)
    assert work.float64 == 5 * 73_686 * 20 + 3 * 73_686


def test_small_steps_are_one_launch_with_barriers_and_large_ones_many():
    small = Run(IMAGES, 2, SINGLE).descend()
    assert (small.launches, small.barriers) == (1, 20)
    assert Run(TEXT, 2, SINGLE).descend().launches == 10 * 2 + 2
    full, partial = SETTINGS["images-50000"], dataclasses.replace(IMAGES, batch=5000)
    assert Run(full, 2, SINGLE).descend().launches == 10 * 6 + 1
    assert Run(partial, 2, SINGLE).descend().launches == 10 * 8 + 1


def test_floor_is_the_slowest_resource_and_the_barriers():
    work = Work("", "", bytes=2e9, float32=3e6, float64=1e3, launches=2, barriers=4)
    floor = work.floor(PEAKS)
    assert dataclasses.astuple(floor) == (2.0, 3.0, 1.0, 1.0, 2.0)
    assert floor.device == 4.0
    assert work.intensity == pytest.approx(3_001_000 / 2e9)
    assert floor_of_iteration([(3, work), (1, work)], PEAKS) == (16.0, 8.0)


# -- the command ----------------------------------------------------------------------------------


def test_peaks_are_those_of_a_device_or_given():
    assert roofline.peaks_of(["A100"]).bandwidth == 2.04e12
    custom = roofline.peaks_of(["custom", "900", "80"])
    assert (custom.bandwidth, custom.float32, custom.float64) == (9e11, 8e13, 4e13)
    assert roofline.peaks_of(["custom", "900", "80", "1"]).float64 == 1e12


@pytest.mark.parametrize("words", [["H1000"], ["custom"], ["custom", "9", "0"], ["A100", "1", "2"]])
def test_other_devices_are_refused(words):
    with pytest.raises(ValueError, match="--device takes one of"):
        roofline.peaks_of(words)


def test_table_of_given_shapes(capsys):
    roofline.main(["--shape", "30,3,8", "300,3,8,5", "ijcnn1", "--order", "4", "--device", "L40S"])
    out = capsys.readouterr().out
    assert "dense.descend, 8 x 30 x 12, K = 10" in out
    assert "csr.update, 8 x 300 x 12" in out
    assert "L40S (data sheet; float64: estimate, 1/64; not measured by us)" in out


@pytest.mark.parametrize("words", [["--shape", "3,4"], ["--shape", "3,0,4"], ["--order", "3"]])
def test_wrong_words_are_refused(words, capsys):
    with pytest.raises(SystemExit):
        roofline.main(words)
    assert "error: --" in capsys.readouterr().err


# -- on the double --------------------------------------------------------------------------------


@tiny
@pytest.mark.parametrize("dtype", [SINGLE, DOUBLE], ids=["float32", "float64"])
@pytest.mark.parametrize("order", [2, 4])
def test_kernels_are_launched_as_often_as_the_roofline_says(xp, shape, dtype, order):
    rows = rows_of(shape)
    for case in Cases(xp, rows, Run(rows.shape, order, dtype)).all():
        case.call(0)
        with fake_cupy.counting() as seen:
            case.call(1)
        # The benchmark of `flush` sets the scale first.
        others = case.work.kernel == "csr.flush"
        assert len(seen.launches) + seen.copies - others == case.work.launches, case.work.kernel
        assert (seen.syncs, seen.transfers, seen.allocations) == (0, 0, 0), case.work.kernel


@tiny
def test_iterations_are_launched_as_often_as_the_roofline_says(xp, shape):
    run = Run(shape, 2, SINGLE)
    problem = problem_of(rows_of(shape), xp)
    options = {"method": "f2sa-p", "order": 2, "nu": 0.1, "lr_y": 0.1, "sampling": "blocks"}
    options |= {"inner_steps": shape.steps, "batch_size": shape.batch}
    options |= {"val_batch_size": shape.batch, "record_every": 100, "seed": 0}
    # What is set up once per problem.
    fb.minimize(problem, maxiter=1, **options)
    launches = []
    for iterations in (4, 6):
        with fake_cupy.counting() as seen:
            fb.minimize(problem, maxiter=iterations, **options)
        launches.append(len(seen.launches) + seen.copies)
    assert launches[1] - launches[0] == 2 * sum(n * work.launches for n, work in run.iteration())


@pytest.mark.slow
def test_everything_is_timed(xp, monkeypatch, tmp_path, capsys):
    shapes = gpu.TINY[0], gpu.TINY[2]
    parity = gpu.Table("parity", ["tests", "outcome"])
    monkeypatch.setattr(gpu, "QUICK", gpu.QUICK._replace(shapes=shapes))
    monkeypatch.setattr(gpu, "parity_table", lambda quick: (parity, True))
    monkeypatch.setattr(sys, "argv", ["gpu", "--quick", "--results", str(tmp_path)])
    assert gpu.main() == 0
    assert "a device that the CPU plays" in capsys.readouterr().out
    device, _, *kernels, iterations = json.loads((tmp_path / "gpu.json").read_text())["tables"]
    assert min(device["raw"]["peaks"][name] for name in ("bandwidth", "float32", "launch")) > 0
    assert [table["title"] for table in kernels] == [
        f"{s.name}, p = 2, float32: kernels" for s in shapes
    ]
    for table in kernels:
        for name, kernel in table["raw"].items():
            captured = "full batch" not in table["title"] or "desc" not in name
            assert (kernel["replayed"] is not None) == captured, name
            times = [kernel[key] for key in ("first", "called", "share", "floor")]
            assert min(times) > 0, name
    assert len(iterations["rows"]) == len(shapes)
    assert all(run["share"] > 0 and run["count"] >= 2 for run in iterations["raw"].values())


def test_nothing_is_done_without_a_device(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "cupy", None)
    monkeypatch.setattr(sys, "argv", ["gpu", "--quick", "--results", str(tmp_path)])
    assert gpu.main() == 1
    said = capsys.readouterr()
    assert said.err.startswith("bench.gpu: no CUDA device can be used (")
    assert "An NVIDIA GPU with its driver is needed" in said.err
    assert said.out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("status", "summary", "well"),
    [
        (0, "== 353 passed, 6 deselected in 9 s ==", True),
        (0, "== 353 skipped in 9 s ==", False),
        (1, "== 1 failed, 352 passed in 9 s ==", False),
        (5, "", False),
    ],
)
def test_parity_is_what_pytest_says(status, summary, well, monkeypatch, capsys):
    done = subprocess.CompletedProcess([], status, f"dots\n{summary}\n")
    monkeypatch.setattr(subprocess, "run", lambda *words, **options: done)
    table, outcome = gpu.parity_table(quick=False)
    assert outcome == well
    assert table.rows == [[gpu.PARITY, summary.strip("= ") or "dots"]]
