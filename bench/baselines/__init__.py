"""Competitors, written as well as their users would write them, and the float64 reference.

The sparse ones share one interface: ``Solver(train, val, W0, x0, setting)`` with `train` and
`val` lists of blocks ``(CSR matrix, labels)``, ``solver.iterate(plan)`` for one outer iteration on
the blocks that `plan` (K, 2) names, ``solver.result()`` for ``(x, W)`` as NumPy arrays.
"""
