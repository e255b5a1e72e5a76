"""Experiments on accuracy and rates: each prints tables and leaves a CSV, a figure and a JSON file.

Run ``python -m bench.experiments`` for all of them, ``python -m bench.experiments NAME`` for one,
``--quick`` for short forms that only show that everything works. The files go to
`bench/results/experiments` (not committed); `python -m bench.report bench/README.md` puts the
tables into that page.

Every module named in `NAMES` has two functions::

    run(quick, seed=0) -> Findings      # the measured rows and the tables that sum them up
    draw(findings, figure)              # on an empty matplotlib Figure

and imports no plotting library.
"""

NAMES: tuple[str, ...] = (
    "penalty_error",
    "sample_sharing",
    "zero_chain",
    "nasty",
    "time_scales",
    "oracle_complexity",
    "uniform_convexity",
    "power_cleaning",
    "hyper_cleaning",
    "learn_to_regularize",
)
