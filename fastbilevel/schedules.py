"""Schedules for step sizes, the penalty and its inverse nu; any callable k -> float also works."""

from fastbilevel._schedules import Constant, Geometric, Linear, Power
from fastbilevel.methods import theory

__all__ = ["Constant", "Geometric", "Linear", "Power", "theory"]
