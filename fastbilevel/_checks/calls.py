"""Classes whose construction with wrong arguments raises a sentence."""

from __future__ import annotations

from abc import ABCMeta
from typing import Any

from fastbilevel._checks.values import closest


class Explained(ABCMeta):
    """Metaclass: an unknown, a missing or a superfluous argument is named, with the way out."""

    def __call__(cls, *values: Any, **named: Any) -> Any:
        try:
            return super().__call__(*values, **named)
        except TypeError:
            sentence = _misfit(cls, values, named)
            if sentence is None:
                raise
        raise TypeError(sentence)


def _misfit(cls: Any, values: tuple[Any, ...], named: dict[str, Any]) -> str | None:
    """What is wrong with the arguments of the constructor; None if they fit its signature."""
    # Slow to import, and seldom needed.
    import inspect

    try:
        signature = inspect.signature(cls.__init__)
    except (TypeError, ValueError):
        return None
    collecting = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    known = [p for p in list(signature.parameters.values())[1:] if p.kind not in collecting]
    names = [p.name for p in known]
    for name in named:
        if name not in names:
            return closest(name, names, f"argument of {cls.__name__}:")
    places = [p.name for p in known if p.kind != inspect.Parameter.KEYWORD_ONLY]
    if len(values) > len(places):
        if not places:
            return f"{cls.__name__} takes its arguments by name: {_call(cls, names)}."
        return (
            f"{cls.__name__} takes {', '.join(places)} by place and the others by name; got "
            f"{len(values)} by place."
        )
    given = {*places[: len(values)], *named}
    missing = [p.name for p in known if p.default is p.empty and p.name not in given]
    if missing:
        hint = ""
        if {"Xv", "yv"} & {*missing}:
            hint = (
                " The upper level needs validation data of its own: split the rows, for example "
                "with sklearn.model_selection.train_test_split."
            )
        return f"{cls.__name__} needs {' and '.join(missing)}.{hint}"
    return None


def _call(cls: Any, names: list[str]) -> str:
    return f"{cls.__name__}({', '.join(f'{name}=...' for name in names[:3])}, ...)"
