"""Fast, tested solvers for stochastic bilevel optimization."""

__version__ = "0.1.0"
