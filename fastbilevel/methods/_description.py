"""What `fastbilevel.methods.describe` says about a method."""

from __future__ import annotations

from dataclasses import dataclass

LEVELS = {"both": "both levels noisy", "upper": "upper level noisy", "none": "exact gradients"}


@dataclass(frozen=True)
class Description:
    """Complexity, assumptions and oracle needs of a method, and where they are proved.

    Attributes
    ----------
    complexity : dict of str to str
        Oracle calls to reach ``||grad phi|| <= eps``, by which levels are noisy: "both", "upper",
        "none".
    assumptions : tuple of str
        Under which they hold.
    calls : str
        Oracle calls of one outer iteration, in minibatches.
    reference : str
        The paper.
    name, text : str
        String of the method; its update and options.
    oracles : tuple of str
        What the problem must have.
    """

    complexity: dict[str, str]
    assumptions: tuple[str, ...]
    calls: str
    reference: str
    name: str = ""
    text: str = ""
    oracles: tuple[str, ...] = ()

    def __str__(self) -> str:
        rates = [
            f"    {LEVELS.get(noise, noise)}: {calls}" for noise, calls in self.complexity.items()
        ]
        return "\n".join(
            [
                self.text,
                "",
                "Oracle calls to reach ||grad phi|| <= eps",
                *rates,
                "Assumptions",
                *(f"    {each}" for each in self.assumptions),
                f"Needs: {', '.join(self.oracles)}",
                f"Calls per outer iteration: {self.calls}",
                f"Reference: {self.reference}",
            ]
        )
