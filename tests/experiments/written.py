"""That the command of an experiment writes its files."""

from __future__ import annotations

from importlib import import_module

import pytest

from bench.experiments import __main__


def assert_files_are_written(name, monkeypatch, folder, capsys, findings=None):
    """Run the command, with the findings of a quick run where a test has made one already."""
    pytest.importorskip("matplotlib", reason="figures need Matplotlib, which is not installed")
    asked = []

    def run(quick, seed):
        asked.append((quick, seed))
        return findings

    if findings is not None:
        monkeypatch.setattr(import_module(f"bench.experiments.{name}"), "run", run)
    __main__.main([name, "--quick", "--results", str(folder)])
    assert asked == ([] if findings is None else [(True, 0)])
    assert {file.name for file in folder.iterdir()} == {
        f"{name}.{e}" for e in ("csv", "json", "png")
    }
    lines = (folder / f"{name}.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) > 3
    assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert "Written" in capsys.readouterr().out
