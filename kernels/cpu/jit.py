"""How every CPU kernel is compiled: the Numba flags and the cache name come from here alone."""

from __future__ import annotations

import contextlib
import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

from .linked import faces

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

# No "nnan" and no "ninf": they delete the guards that detect a diverging run.
SAFE_FASTMATH = frozenset({"nsz", "arcp", "contract", "afn", "reassoc"})


@functools.cache
def source_stamp() -> str:
    """Hash of the sources of all kernels, layouts and constants included.

    Numba's disk cache looks at the file of the compiled function only, so it would go on using
    machine code whose callees in other files have changed. The stamp becomes part of the name
    under which a function is cached.
    """
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def closure_names(function: Callable[..., Any]) -> list[str]:
    """What `function` closes over, in words: numbers, and the names of modules.

    Numba calls a symbol by the function's name and a number that counts from 0 in every process. So
    two functions that differ in their closures alone, cached by different processes, could have one
    symbol, and a third process that loads both would run one of them in place of the other.
    """
    cells = (cell.cell_contents for cell in function.__closure__ or ())
    return [str(getattr(cell, "__name__", cell)).rpartition(".kernels.")[2] for cell in cells]


def build(
    function: Callable[..., Any],
    threaded: bool = False,
    fastmath: bool = False,
    cache: bool = True,
    inline: bool = False,
    constants: tuple[str, ...] = (),
) -> Any:
    """Compile `function` lazily with the project's flags.

    Parameters
    ----------
    function : callable
        Plain Python text of a kernel, an oracle or a method.
    threaded : bool
        Compile `prange` loops for several threads. Numba's cache key ignores this flag, so
        `function` must also close over a variable that differs between the two versions. With
        NUMBA_BOUNDSCHECK=1 one thread runs them: an IndexError of another one would be lost.
    fastmath : bool
        Allow reassociation and contraction. Never on a function that calls an intrinsic: the flags
        would be put on the intrinsic's own instructions too.
    cache : bool
        Keep the machine code on disk.
    inline : bool
        Merge the code into its callers', where the reference counts of its arguments cancel: they
        cost more than the arithmetic of a problem with one variable. For what is called for every
        element or takes no longer than a call; all others are compiled once and called.
    constants : tuple of str
        Arguments for whose values it is compiled: integers that callers must know when they are
        compiled themselves.
    """
    checked = bool(numba.config.BOUNDSCHECK)  # type: ignore[attr-defined]
    name = [function.__qualname__, *closure_names(function), str(int(threaded)), source_stamp()]
    # Numba's cache key ignores whether indices are checked, too.
    function.__qualname__ = "_".join([*name, "checked"] if checked else name)
    if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
        return function
    options = {
        "nopython": True,
        "nogil": True,
        "error_model": "numpy",
        "parallel": threaded and not checked,
        "fastmath": set(SAFE_FASTMATH) if fastmath else False,
        "forceinline": inline,
        "boundscheck": None,
    }
    return faces(function, options, constants, _enable_caching if cache else lambda face: None)


def _enable_caching(dispatcher: Any) -> None:
    """Keep the machine code of a dispatcher on disk."""
    dispatcher.enable_caching()
    load = dispatcher._cache.load_overload

    def load_what_can_be_linked(*arguments: Any) -> Any:
        try:
            return load(*arguments)
        except KeyError:
            # It calls a function that this process does not have.
            return None

    dispatcher._cache.load_overload = load_what_can_be_linked
    files = dispatcher._cache._cache_file
    _start_anew_if_unreadable(files)
    if fcntl is not None:
        _save_one_at_a_time(files)


def _start_anew_if_unreadable(files: Any) -> None:
    """Take an index of the disk cache for empty where it names a class that is not there.

    An index holds the types of all signatures, and those of records their classes: of a module of
    the caller's that another process cannot import, or of a release in which they lay elsewhere.
    """
    load_index = files._load_index

    def load_what_can_be_read() -> Any:
        try:
            return load_index()
        except (ImportError, AttributeError):
            return {}

    files._load_index = load_what_can_be_read


def _save_one_at_a_time(files: Any) -> None:
    """Let one process at a time add machine code of this function to the disk cache.

    Numba reads the index, picks a free file name, and writes both. Two processes that do so at the
    same time can pick one name, and the index may then lead to the code of the other signature.
    """
    save = files.save

    def locked_save(key: Any, data: Any) -> None:
        with contextlib.ExitStack() as held:
            # Where nothing can be written Numba says so itself.
            with contextlib.suppress(OSError):
                lock = held.enter_context(open(f"{files._index_path}.lock", "w"))
                fcntl.flock(lock, fcntl.LOCK_EX)
            save(key, data)

    files.save = locked_save


def kernel(
    function: Callable[..., Any] | None = None,
    *,
    fastmath: bool = False,
    inline: bool = False,
    constants: tuple[str, ...] = (),
) -> Any:
    """Decorator for a serial kernel; see `build` for what `fastmath` must not be used on."""
    if function is None:
        return functools.partial(kernel, fastmath=fastmath, inline=inline, constants=constants)
    return build(function, fastmath=fastmath, inline=inline, constants=constants)
