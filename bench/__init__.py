"""Benchmarks: our solvers and their competitors side by side; see README.md of this folder."""
