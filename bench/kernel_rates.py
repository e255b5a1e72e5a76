"""Speed of every kernel beside this machine's copy bandwidth and matrix product, one thread.

Run `python -m bench.kernel_rates`.
"""

from __future__ import annotations

from .timing import use_one_core

use_one_core()

import numpy as np  # noqa: E402

from fastbilevel._rates import measure as rates  # noqa: E402

from .record import Table, arguments, publish  # noqa: E402


def main() -> None:
    options = arguments(__doc__)
    seconds, types = (0.1, (np.float32,)) if options.quick else (1.5, (np.float32, np.float64))
    tables = []
    for dtype in types:
        before = rates.measure_limits(dtype, seconds)
        measured = rates.kernel_rates(dtype, seconds)
        after = rates.measure_limits(dtype, seconds)
        limits = rates.Limits(*map(max, before, after))
        table = Table(
            f"Kernels, one thread, {np.dtype(dtype).name}; copy {limits.copy * 1e-9:.1f} GB/s, "
            f"matrix product {limits.gemm * 1e-9:.1f} GFLOP/s",
            list(rates.COLUMNS),
            notes=[
                "Bytes are all that loads and stores touch, so a share of the copy bandwidth above "
                "100 % is the work of the caches; operations are those of the products."
            ],
        )
        for rate in measured:
            table.add(*rate.row(limits))
        table.raw = {f"{rate.kernel}, {rate.size}": rate._asdict() for rate in measured}
        tables.append(table)
    publish("kernel_rates", tables, options)


if __name__ == "__main__":
    main()
