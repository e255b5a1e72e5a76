"""A method with its options and the fractions that its three outer steps end at."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from methods import hand_traces as traces


def fractions(*texts: str) -> tuple[Fraction, ...]:
    return tuple(Fraction(text) for text in texts)


@dataclass(frozen=True)
class Case:
    """A method with its options, and its iterates (x, z, y) after each of three outer steps.

    `estimate` says which of the two lower iterates is the method's estimate of y*(x).
    """

    method: str
    function: Callable[..., Any]
    start: tuple[Fraction, ...]
    bounds: tuple[Fraction, ...] | None
    options: dict[str, Any]
    steps: tuple[tuple[Fraction, ...], ...]
    estimate: str = "z"

    def derived(self, **changes: Any) -> list[traces.Step]:
        return traces.trace(self.function, *self.start, self.bounds, **(self.options | changes))

    def lower(self, step: int) -> Fraction:
        return self.steps[step][1 if self.estimate == "z" else 2]
