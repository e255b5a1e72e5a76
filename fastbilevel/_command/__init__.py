"""What `fastbilevel.cli` prints: the demo and tables.

Import `demo` and `table`; nothing imports this room but the command and the benchmarks.
"""
