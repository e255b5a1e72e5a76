"""Numerical kernels: one specification (`reference`) and one twin per backend (`cpu`).

`KERNELS` is the contract: every name exists, with one signature, in every backend.
"""

KERNELS: tuple[str, ...] = ()
