"""Coins that hide the next coordinate of a chain's gradient."""

from __future__ import annotations

from typing import Any, NamedTuple

from fastbilevel._checks.values import check_number
from fastbilevel._texts.protocol import record
from fastbilevel._texts.samplers import key_of
from fastbilevel.problems.hard.carmon_chain import CarmonChain


@record
class Coins(NamedTuple):
    """A chain, which coordinate is hidden, the chance to see it, and the key of the coins."""

    height: float
    scale: float
    threshold: float
    probability: float
    k0: int
    k1: int


def check_chain(chain: Any) -> CarmonChain:
    """`chain` if it is one."""
    if not isinstance(chain, CarmonChain):
        raise TypeError(f"chain must be a CarmonChain; got {type(chain).__name__}.")
    return chain


def probability_for(bound: float, largest: float) -> float:
    """q = min(1, (largest / bound)^2), which makes the variance largest^2 (1 - q) / q <= bound^2.

    Parameters
    ----------
    bound : float
        Wanted standard deviation; 0 for none, so that q = 1.
    largest : float
        Of the partial derivative that is hidden.
    """
    return 1.0 if bound <= largest else (largest / bound) ** 2


def coin_data(chain: CarmonChain, threshold: float, probability: float, seed: Any) -> Coins:
    """The data of a chain's oracles."""
    k0, k1 = key_of(seed, "noise_seed")
    return Coins(
        height=chain.height,
        scale=chain.scale,
        threshold=check_number("threshold", threshold, least=0) * chain.scale,
        probability=probability,
        k0=k0,
        k1=k1,
    )
