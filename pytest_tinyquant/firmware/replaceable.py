"""The kernels that a project may replace by its own, and the sources to begin with."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.firmware.sources import firmware_sources


_DECLARED: Final = re.compile(r"^TQ_KERNEL void (tq_\w+)\(", re.MULTILINE)
_NAME: Final = re.compile(r"\btq_\w+\b")

#: What makes a reference kernel weak, and what a kernel of the user's includes in its place.
_WEAK, _PLAIN = "tq_reference.h", "tq_kernels.h"


@dataclass(frozen=True)
class ReferenceKernel:
    """A kernel as everyone may replace it.

    :param source: the file that defines it.
    :param header: the one that declares it, with its parameters.
    """

    name: str
    source: Path
    header: Path


def reference_kernels() -> tuple[ReferenceKernel, ...]:
    """Return all kernels that a directory of own kernels may replace, by file and name."""
    engine = firmware_sources() / "engine"
    sources = {
        file: frozenset(_NAME.findall(file.read_text()))
        for file in sorted((engine / "kernels" / "reference").glob("*.c"))
    }
    found = [
        ReferenceKernel(name, _source(name, sources), header)
        for header in sorted((engine / "include").glob("tq_kernels_*.h"))
        if not header.stem.startswith("tq_kernels_dsp")
        for name in _DECLARED.findall(header.read_text())
    ]
    return tuple(sorted(found, key=lambda kernel: (kernel.source.name, kernel.name)))


def _source(name: str, sources: dict[Path, frozenset[str]]) -> Path:
    """Return the file that defines a kernel; a macro may put its name together of two types."""
    for file, names in sources.items():
        if name in names:
            return file
    return next(file for file in sources if name.startswith(f"tq_{file.stem}_"))


def copy_kernel(name: str, directory: Path) -> tuple[Path, list[str]]:
    """Copy the source of a reference kernel into a directory of own kernels.

    :returns: the copy, and the kernels that it defines.
    :raises ConfigurationError: there is no such kernel, or the file is there.
    """
    kernels = {kernel.name: kernel for kernel in reference_kernels()}
    if name not in kernels:
        close = difflib.get_close_matches(name, kernels)
        hint = f" (closest: {', '.join(close)})" if close else ""
        raise ConfigurationError(
            f"no kernel {name!r} can be replaced{hint}; `tinyquant kernels` lists those that can"
        )
    source = kernels[name].source
    target = directory / source.name
    if target.exists():
        raise ConfigurationError(f"{target} is there already; move it away to get a new copy")
    directory.mkdir(parents=True, exist_ok=True)
    target.write_text(source.read_text().replace(_WEAK, _PLAIN))
    return target, [kernel.name for kernel in kernels.values() if kernel.source == source]
