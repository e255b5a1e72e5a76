# What .ci/run runs, one piece at a time, in an environment made by: pip install -e ".[dev]"
.PHONY: check lint format types imports test quick boundscheck lanes mutants mutants-python bench \
	roofline experiments demo

check: lint format types imports

lint:
	ruff check .

format:
	ruff format --check .

types:
	mypy

# On an installed copy: in the source tree kernels/ lies beside the package, not in it.
imports:
	set -e; copy=$$(mktemp -d); trap 'rm -rf "$$copy"' EXIT; \
	cp -r fastbilevel kernels pyproject.toml README.md LICENSE "$$copy"; \
	pip install -q --no-deps --no-build-isolation --target "$$copy/site" "$$copy"; \
	cd "$$copy/site" && lint-imports --no-cache "$$copy/pyproject.toml"

test:
	pytest -n 2 --dist loadfile

# What needs little compiling: less than a minute and a half once the code is on disk.
quick:
	pytest -n 2 --dist loadfile -m "not slow" --ignore tests/kernels --ignore tests/methods \
	  --ignore tests/emulated --ignore tests/cuda --ignore tests/experiments \
	  --ignore-glob "tests/test_bench*"

# CPU kernels and every method, compiled with checks of every index but those of intrinsics. The
# code is kept in a cache folder of its own.
boundscheck:
	NUMBA_BOUNDSCHECK=1 pytest -n 2 --dist loadfile tests/kernels tests/methods/test_every_method.py \
	  -k "not emulated and not cuda and not other_cpus"

# The CUDA backend on the emulator: other orders of threads, sanitizers.
lanes:
	python tests/emulator/lanes.py

# Seeds bugs into the CUDA backend and shows which lane catches each: minutes.
mutants:
	python tests/emulator/mutants.py

# Seeds bugs into the Python sources, drawn by a seed, and shows which survive: twenty minutes.
mutants-python:
	python tests/mutation/python_mutants.py --seed 0 --minutes 20

# Smoke tests of the benchmarks, not measurements; bench/README.md says how to measure.
BENCHMARKS = kernel_rates startup memory text_iteration text_curve dense_cleaning small_logistic \
	f2sa_logistic single_loop text_methods second_order text_second_order
bench:
	set -e; for name in $(BENCHMARKS); do python -m bench.$$name --quick; done

roofline:
	python -m bench.roofline

# Rates and errors against theory, in full: minutes. One: python -m bench.experiments NAME
experiments:
	python -m bench.experiments

demo:
	fastbilevel demo
