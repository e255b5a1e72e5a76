"""What the benchmarks of all methods share: their options, their oracles' paths, their runs."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import fastbilevel as fb
from fastbilevel._texts.samplers import key_of

# The others have benchmarks of their own, `second_order` and `text_second_order`.
FIRST_ORDER = tuple(
    name for name in fb.methods.list() if "hvp_lower_yy" not in fb.methods.METHODS[name]().requires
)


def variants(
    given: dict[str, Any],
    alternatives: dict[str, tuple[Any, ...]],
    names: tuple[str, ...] = FIRST_ORDER,
) -> dict[str, dict[str, Any]]:
    """Arguments of `fb.minimize` for every method in `names`, by label.

    Parameters
    ----------
    given : dict
        Values of options; a method takes those that it knows. One that has both `lr_z` and `lr_y`
        takes only `lr_z`, so that its two lower problems step together.
    alternatives : dict
        Several values of an option: a method that knows it enters once for each of them.
    names : tuple of str

    Returns
    -------
    dict of str to dict
    """
    found = {}
    for name in names:
        known = {field.name for field in dataclasses.fields(fb.methods.METHODS[name])}
        options = {option: value for option, value in given.items() if option in known}
        if "lr_z" in options:
            options.pop("lr_y", None)
        choices = {option: values for option, values in alternatives.items() if option in known}
        for values in itertools.product(*choices.values()):
            chosen = dict(zip(choices, values, strict=True))
            label = ", ".join([name, *(f"{option}={value}" for option, value in chosen.items())])
            found[label] = {"method": name, **options, **chosen}
    return found


def oracle_paths(problem: Any, method: str, **options: Any) -> dict[str, str]:
    """How each oracle that a method's text calls is evaluated on a problem.

    "fused" is the problem's own text for the whole update; "stacked" is composed of the simple
    oracles, one gradient after the other.
    """
    chosen = fb.methods.resolve(method, options)
    plan = chosen.plan(problem, key_of(0), 1)
    own = problem.fused_texts(plan)
    return {name: "fused" if name in own else "stacked" for name in chosen.oracles._fields}
