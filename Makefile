# What .ci/run runs, one piece at a time, in an environment made by: pip install -e ".[dev]"
.PHONY: check test bench demo

check:
	ruff check .
	ruff format --check .
	mypy

test:
	pytest

bench:
	fastbilevel bench

demo:
	fastbilevel demo
