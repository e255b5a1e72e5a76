"""Compile every CUDA kernel for one architecture as CuPy would, without a device.

    python tests/cuda/offline_compile.py 90 [--disassemble]

Prints JSON: for every instantiation its registers, bytes of stack and of spills, and, if asked for,
the double precision instructions in its machine code. Needs the real CuPy and NVRTC, and nvdisasm.
"""

from __future__ import annotations

import collections
import io
import itertools
import json
import re
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from cupy._core import core
from cupy.cuda import compiler

from fastbilevel.kernels.cuda import launch

DOUBLE = re.compile(r"/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+\s+)?(D(?:ADD|MUL|FMA|SETP)|MUFU\.\w+64H)\b")


def instantiations(family: str) -> list[str]:
    """All that launches may ask for; they ask for one choice of types at a time."""
    found = set()
    for parameters in launch.kernels_of(family).values():
        for types in itertools.product(*map(launch.choices_of, parameters)):
            found.update(launch.expressions_of(family, types))
    return sorted(found)


def build(family: str, architecture: str) -> tuple[bytes, Any, str]:
    """The machine code, the mangled name of every kernel, and what the assembler reports."""
    # What CuPy 14 hands to NVRTC for a RawModule.
    options = core.assemble_cupy_compiler_options(launch.OPTIONS)
    options += ("-ftz=true", f"-arch=sm_{architecture}", "--device-as-default-execution-space")
    log = io.StringIO()
    program = compiler._NVRTCProgram(
        launch.source_of(family),
        f"{family}.cu",
        name_expressions=instantiations(family),
        method="cubin",
    )
    code, names = program.compile((*options, "--ptxas-options=-v"), log)
    return code, names, log.getvalue()


def resources(log: str, names: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Registers, stack and spills of every kernel, from the assembler's report."""
    kernels = {mangled: name for name, mangled in names.items()}
    found: dict[str, dict[str, Any]] = collections.defaultdict(dict)
    current = ""
    for line in log.splitlines():
        if match := re.search(r"Compiling entry function '(\w+)'", line):
            current = kernels[match[1]]
        elif match := re.search(r"(\d+) bytes stack frame, (\d+) .* (\d+) bytes spill loads", line):
            found[current] |= {"stack": int(match[1]), "spills": int(match[2]) + int(match[3])}
        elif match := re.search(r"Used (\d+) registers", line):
            found[current]["registers"] = int(match[1])
    return found


def disassembler() -> str | None:
    """nvdisasm, as the package from the registry installs it."""
    home = Path(sysconfig.get_paths()["purelib"]) / "nvidia"
    return next((str(path) for path in home.glob("*/bin/nvdisasm")), None)


def double_instructions(tool: str, code: bytes, names: dict[str, str]) -> dict[str, int]:
    """How many instructions of every kernel compute in double precision."""
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        # CuPy hands over one byte too few.
        file.write(code + b"\0")
        file.flush()
        text = subprocess.run([tool, "-c", file.name], capture_output=True, text=True, check=True)
    kernels, counts, current = {m: n for n, m in names.items()}, collections.Counter(), ""
    for line in text.stdout.splitlines():
        if match := re.match(r"\s*\.text\.(\w+):", line):
            current = kernels.get(match[1], "")
        elif current and DOUBLE.search(line):
            counts[current] += 1
    return {name: counts[name] for name in names}


def main(architecture: str, *options: str) -> None:
    tool = disassembler() if "--disassemble" in options else None
    report = {}
    for family in sorted(path.stem for path in launch.SOURCES.glob("*.cu")):
        code, names, log = build(family, architecture)
        doubles = {} if tool is None else double_instructions(tool, code, names)
        for name, found in resources(log, names).items():
            report[f"{family}.{name}"] = {**found, "doubles": doubles.get(name)}
    print(json.dumps(report))


if __name__ == "__main__":
    main(*sys.argv[1:])
