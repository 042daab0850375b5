"""The kernels that a project may replace by its own, and the sources to begin with."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.firmware.sources import firmware_sources


_DECLARED: Final = re.compile(r"^TQ_KERNEL void (tq_\w+)\(", re.MULTILINE)
_NAME: Final = re.compile(r"\btq_\w+\b")
_BEGUN: Final = re.compile(r"\b(tq_\w+)_##|\((tq_\w+),")
_TEMPLATE: Final = re.compile(r'^#include "(tq_\w+_template\.h)"', re.MULTILINE)

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
        file: _named(file, engine / "include")
        for file in sorted((engine / "kernels" / "reference").glob("*.c"))
    }
    found = [
        ReferenceKernel(name, source, header)
        for header, name in declared_kernels()
        if (source := _source(name, sources))
    ]
    return tuple(sorted(found, key=lambda kernel: (kernel.source.name, kernel.name)))


def declared_kernels() -> list[tuple[Path, str]]:
    """Return header and name of every kernel that belongs to no core's own set."""
    engine = firmware_sources() / "engine"
    # A set's headers are named by a word of its own name: tq_kernels_dsp_conv.h, tq_kernels_rx.h.
    folders = [folder.name for folder in (engine / "kernels").glob("*_*")]
    sets = {word for name in folders for word in name.split("_")}
    return [
        (header, name)
        for header in sorted((engine / "include").glob("tq_kernels_*.h"))
        if header.stem.removeprefix("tq_kernels_").partition("_")[0] not in sets
        for name in _DECLARED.findall(header.read_text())
    ]


def _named(file: Path, include: Path) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names in a file, and the beginnings of those that macros put together."""
    text = file.read_text()
    names = frozenset(_NAME.findall(text))
    text += "".join((include / name).read_text() for name in _TEMPLATE.findall(text))
    return names, frozenset(a or b for a, b in _BEGUN.findall(text))


def _source(
    name: str, sources: Mapping[Path, tuple[frozenset[str], frozenset[str]]]
) -> Path | None:
    """Return the file that defines a kernel."""
    for file, (names, _) in sources.items():
        if name in names:
            return file
    base = name.rpartition("_")[0]
    for file, (_, begun) in sources.items():
        if base in begun or name.startswith(f"tq_{file.stem}_"):
            return file
    return None


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
