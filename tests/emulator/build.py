"""CUDA C++ as a shared library for this CPU: rewritten in two places, compiled by g++, cached."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import platform
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from .rules import EmulationError

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("EMULATOR_CACHE", HERE / ".cache"))
# "", "address" (with undefined behaviour) or "thread": one for a process, whose Python has to be
# started with the sanitizer's library, see lanes.py.
SANITIZER = os.environ.get("EMULATOR_SANITIZER", "")
COMMON = ("-std=gnu++17", "-fPIC", "-shared", "-w")
KERNEL_FLAGS = {
    "": ("-O1",),
    "address": (
        *("-O1", "-g1", "-fno-omit-frame-pointer", "-fno-sanitize-recover=all"),
        "-fsanitize=address,bounds,alignment,shift,signed-integer-overflow,float-cast-overflow",
        "-fsanitize=integer-divide-by-zero,null,vla-bound,unreachable,return,bool",
    ),
    "thread": ("-O1", "-g1", "-fsanitize=thread"),
}
RUNTIME_FLAGS = {
    "": (),
    "address": ("-DEMULATED_ADDRESS_SANITIZER",),
    "thread": ("-DEMULATED_THREAD_SANITIZER",),
}
_ALIGNMENT = r"(?:__align__\s*\(\s*\d+\s*\)\s*)?"
_DYNAMIC = re.compile(rf"extern\s+__shared__\s+{_ALIGNMENT}([\w:<> ]+?)\s+(\w+)\s*\[\s*\]\s*;")
_STATIC = re.compile(
    rf"__shared__\s+{_ALIGNMENT}([\w:<>, ]+?)\s+(\w+)\s*((?:\[[^\]]*\]\s*)*);", re.DOTALL
)
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)


def rewrite(source: str) -> str:
    """The source with its shared variables in the memory of the emulated block."""
    source = _DYNAMIC.sub(r"EMULATED_DYNAMIC_SHARED(\2, \1)", source)
    source = _STATIC.sub(r"EMULATED_SHARED(\2, \3, \1)", source)
    if "__shared__" in _COMMENT.sub("", source):
        raise EmulationError(
            "A shared variable is declared in a form that the emulator does not know: "
            "one variable a declaration, __shared__ T name[n]; or extern __shared__ T name[];"
        )
    return source


def unavailable() -> str:
    """Why kernels cannot be compiled here, or nothing."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return "the emulator of CUDA switches stacks on x86-64 only"
    return "" if shutil.which("g++") else "g++ is not installed, which compiles CUDA for the CPU"


def _compile(arguments: tuple[str, ...], library: Path, text: str | None = None) -> None:
    """Two processes may do this at the same time: the library appears in one go."""
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        made = Path(folder) / library.name
        command = ["g++", *arguments, "-o", str(made)]
        finished = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        if finished.returncode:
            raise EmulationError(f"g++ refuses the source:\n{finished.stderr[:4000]}")
        os.replace(made, library)


def _name(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:24]


@functools.cache
def _text_of(folder: str) -> tuple[str, ...]:
    return tuple(path.read_text() for path in sorted((HERE / folder).glob("*.*")) if path.is_file())


@functools.cache
def runtime() -> ctypes.CDLL:
    """The scheduler, one for all kernels of the process."""
    CACHE.mkdir(parents=True, exist_ok=True)
    flags = (*COMMON, "-O2", *RUNTIME_FLAGS[SANITIZER])
    library = CACHE / f"runtime-{_name(_text_of('runtime'), flags)}.so"
    if not library.exists():
        _compile((*flags, *map(str, sorted((HERE / "runtime").glob("*.cpp")))), library)
    return ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)


def build(source: str, options: tuple[str, ...], kernels: tuple[str, ...]) -> ctypes.CDLL:
    """The kernels of a source, number i as emulated_call_i."""
    runtime()
    exports = "".join(f"EMULATED_KERNEL({i}, {name})\n" for i, name in enumerate(kernels))
    text = (
        f'#include "device.h"\n#line 1 "source.cu"\n{rewrite(source)}\n#line 1 "exports"\n{exports}'
    )
    definitions = tuple(option for option in options if option.startswith("-D"))
    flags = (*COMMON, *KERNEL_FLAGS[SANITIZER], *definitions)
    library = CACHE / f"{_name(_text_of('device'), text, flags)}.so"
    if not library.exists():
        _compile((*flags, "-I", str(HERE / "device"), "-x", "c++", "-"), library, text)
    return ctypes.CDLL(str(library))
