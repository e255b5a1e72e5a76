"""The command line, and what the demo claims."""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import fastbilevel
from fastbilevel import cli, problems
from fastbilevel._command import demo as _demo
from fastbilevel._command import warmup
from fastbilevel._rates import measure as rates
from fastbilevel.problems import typical

README = Path(__file__).resolve().parents[1] / "README.md"
ROW = re.compile(r"^(\S.*?\S) {2,}(\S.*?\S) {2,}([\d.]+) {2,}([\d.]+)%$", re.MULTILINE)


class Shown(NamedTuple):
    """What a run of the demo left: its text, its table {(model, fitted on): (loss, accuracy)}."""

    seconds: float
    text: str
    table: dict[tuple[str, str], tuple[float, float]]
    figure: Path


def _table(text):
    return {(m[1], m[2]): (float(m[3]), float(m[4]) / 100) for m in ROW.finditer(text)}


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    figure = tmp_path_factory.mktemp("demo") / "demo.png"
    text = io.StringIO()
    start = time.process_time()
    with contextlib.redirect_stdout(text):
        status = cli.main(["demo", "--figure", str(figure)])
    assert status == 0
    seconds = time.process_time() - start
    return Shown(seconds, text.getvalue(), _table(text.getvalue()), figure)


# ----------------------------------------------------------------------------------- the demo


@pytest.mark.parametrize("fitted_on", ["training", "training + validation"])
def test_learned_penalties_beat_the_tuned_one(shown, fitted_on):
    tuned_loss, tuned_accuracy = shown.table["one tuned penalty", fitted_on]
    loss, accuracy = shown.table["learned penalties", fitted_on]
    assert loss < 0.75 * tuned_loss
    assert accuracy > tuned_accuracy + 0.02


def test_noise_is_penalised_more_than_pixels(shown):
    noise, pixels = re.search(r"([\d.e-]+) on noise, ([\d.e-]+) on pixels", shown.text).groups()
    assert float(noise) > 20 * float(pixels)


def test_cleaning_beats_what_can_be_done_without(shown):
    table = shown.table
    cleaned = table["cleaned", "kept + clean"]
    for name in (
        ("no cleaning", "training"),
        ("no cleaning", "training + clean"),
        ("clean rows alone", "clean"),
    ):
        assert cleaned[0] < table[name][0]
        assert cleaned[1] > table[name][1] + 0.005
    # knowing the wrong labels is the bound
    assert cleaned[0] > table["wrong labels known", "right"][0]


def test_wrong_labels_are_found(shown):
    precision, recall = re.search(r"precision ([\d.]+)%, recall ([\d.]+)%", shown.text).groups()
    assert float(precision) > 85
    assert float(recall) > 85


def test_demo_takes_well_under_a_minute(shown):
    # processor time, compilation included: wall time would measure what else the machine does
    assert shown.seconds < 60
    assert re.search(r"^[\d.]+ s in all", shown.text, re.MULTILINE)


def test_demo_draws_a_figure(shown):
    image = pytest.importorskip("matplotlib.image")
    height, width = image.imread(shown.figure).shape[:2]
    assert height > 400
    assert width > 800


def test_demo_without_matplotlib_names_the_extra(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    empty = _demo.Learned([], None, np.zeros(0, bool))
    assert "fastbilevel[plot]" in _demo._draw(empty, empty, tmp_path / "demo.png")
    assert list(tmp_path.iterdir()) == []


def test_readme_tables_are_what_the_demo_prints(shown):
    printed = _table(README.read_text(encoding="utf-8"))
    assert printed.keys() == shown.table.keys()
    for name, (loss, accuracy) in printed.items():
        # rounding differs between processors, and a few digits near the border with it
        assert shown.table[name][0] == pytest.approx(loss, abs=0.02), name
        assert shown.table[name][1] == pytest.approx(accuracy, abs=0.01), name


def test_splits_do_not_overlap():
    rows = np.arange(1797)
    split = _demo._split(rows[:, None], rows, (200, 500))
    parts = [split.y, split.y_val, split.y_test]
    assert [part.size for part in parts] == [200, 500, 1097]
    assert np.array_equal(np.sort(np.concatenate(parts)), rows)
    for X, y in ((split.X, split.y), (split.X_val, split.y_val), (split.X_test, split.y_test)):
        assert np.array_equal(X[:, 0], y)


# --------------------------------------------------------------------------- the other commands


def test_info_names_versions_and_machine(capsys):
    assert cli.main(["info"]) == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    for name in ("fastbilevel", "numpy", "scipy", "numba"):
        assert lines[name] == metadata.version(name)
    assert lines["python"] == ".".join(map(str, sys.version_info[:3]))
    assert int(lines["cores"]) >= 1
    assert "CPU" in lines["backends"]
    assert {"processor", "target", "threads"} <= lines.keys()


def test_info_says_what_is_absent(capsys, monkeypatch):
    monkeypatch.setattr(cli, "EXTRAS", ("no-such-distribution",))
    cli.main(["info"])
    assert "no-such-distribution not installed" in capsys.readouterr().out


class InProcess:
    """A pool of processes that is none."""

    def __init__(self, processes, mp_context):
        assert processes == 2
        assert mp_context.get_start_method() == "spawn"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    map = staticmethod(map)


def test_warmup_says_what_it_did(capsys, monkeypatch):
    every = typical.built_in()
    few = {name: every[name] for name in ("Quadratic, float64", "Nasty, float64")}
    monkeypatch.setattr(typical, "built_in", lambda: few)
    monkeypatch.setattr(warmup, "ProcessPoolExecutor", InProcess)
    assert cli.main(["warmup"]) == 0
    first, second, last = capsys.readouterr().out.splitlines()
    n = len(fastbilevel.methods.list())
    assert re.fullmatch(rf"Quadratic, float64: {n} methods, [\d.]+ s", first)
    # It has bounds in y.
    assert re.fullmatch(r"Nasty, float64: 2 methods, \d+ do not fit, [\d.]+ s", second)
    assert last.startswith("Compiled, or loaded from the disk cache, in ")


def test_warmup_has_every_problem_in_every_dtype_that_it_takes():
    found = typical.built_in()
    on_data = {"LearnToRegularize", "HyperCleaning", "LpRegression"}
    names = {*problems.names(), *problems.hard.names()} - {"Problem"}
    assert {name.partition(",")[0] for name in found} == names
    for name in on_data:
        assert sum(label.startswith(name) for label in found) == 4
    for label, make in found.items():
        assert label.endswith(make().dtype.name)


def test_bench_prints_the_rates_of_the_kernels(capsys, monkeypatch):
    # one kernel of every family: compiling them all takes long
    every = list(rates.cases(np.dtype(np.float32)))
    one_each = {case.kernel.split(".")[0]: case for case in reversed(every)}
    monkeypatch.setattr(rates, "cases", lambda dtype: list(one_each.values()))
    assert cli.main(["bench", "--seconds", "0.001"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.search(r"[\d.]+ GB/s; .* [\d.]+ GFLOP/s", lines[0])
    head = next(i for i, line in enumerate(lines) if line.startswith(rates.COLUMNS[0]))
    assert [name for name in rates.COLUMNS if name not in lines[head]] == []
    shown = [line.split()[0] for line in lines[head + 2 :]]
    assert shown == [case.kernel for case in one_each.values()]


def test_module_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "fastbilevel", "--version"], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout.strip()) == (0, metadata.version("fastbilevel"))


@pytest.mark.parametrize("arguments", [[], ["solve"], ["demo", "--nonsense"]])
def test_unknown_words_end_with_the_usage(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2
    assert "usage: fastbilevel" in capsys.readouterr().err


def test_interrupt_ends_quietly(monkeypatch, capsys):
    def interrupted(figure):
        raise KeyboardInterrupt

    monkeypatch.setattr(_demo, "run", interrupted)
    assert cli.main(["demo"]) == 130
    assert capsys.readouterr().err == "Interrupted.\n"
