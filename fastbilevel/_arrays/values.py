"""Objects that travel: they are pickled, copied and sent to other processes."""

from __future__ import annotations

from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from fastbilevel._arrays.dispatch import kernels_named
from fastbilevel._arrays.tuples import map_tuple, read_only


class Frozen(NamedTuple):
    """A read-only array on its way: a copy of one forgets that it is."""

    array: np.ndarray


class Kernels(NamedTuple):
    """A module of kernels on its way."""

    name: str


class Value:
    """Base of objects whose state is what they were made of: caches do not travel; they print."""

    # Attributes that are found again.
    _caches: tuple[str, ...] = ()

    def __getstate__(self) -> dict[str, Any]:
        state = {name: v for name, v in self.__dict__.items() if name not in self._caches}
        return {name: _packed(value) for name, value in state.items()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({name: _unpacked(value) for name, value in state.items()})

    def facts(self) -> dict[str, Any]:
        """What the object is made of, by name."""
        return {}

    def __repr__(self) -> str:
        facts = (f"{name}={value}" for name, value in self.facts().items())
        return f"{type(self).__name__}({', '.join(facts)})"

    def _repr_html_(self) -> str:
        from html import escape

        rows = "".join(
            f"<tr><th>{escape(name)}</th><td>{escape(str(value))}</td></tr>"
            for name, value in self.facts().items()
        )
        return f"<table><caption>{escape(type(self).__name__)}</caption>{rows}</table>"


def _packed(value: Any) -> Any:
    if isinstance(value, np.ndarray) and not value.flags.writeable:
        return Frozen(value)
    if isinstance(value, ModuleType) and hasattr(value, "ON_DEVICE"):
        return Kernels(value.NAME)
    return map_tuple(_packed, value) if isinstance(value, tuple) else value


def _unpacked(value: Any) -> Any:
    if isinstance(value, Frozen):
        return read_only(value.array)
    if isinstance(value, Kernels):
        return kernels_named(value.name)
    return map_tuple(_unpacked, value) if isinstance(value, tuple) else value
