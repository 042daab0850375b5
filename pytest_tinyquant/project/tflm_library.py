"""The user's build of TensorFlow Lite Micro, as a board's table in boards.toml names it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from pytest_tinyquant.system.toml_table import Table


#: What TensorFlow Lite Micro's own Makefile always defines; it changes the layout of its structs.
DEFINES: Final = ("TF_LITE_STATIC_MEMORY",)

#: What to do when dense layers with a scale per output are refused.
PER_CHANNEL_ADVICE: Final = (
    "This version of CMSIS-NN's kernels has no dense layer with a scale per output for 16-bit "
    "activations: convert with dense_per_channel = false, or take a library without CMSIS-NN or a "
    "newer one"
)


@dataclass(frozen=True)
class Tflm:
    """A static library of TensorFlow Lite Micro and how its headers are to be read.

    :param include: directories of its headers and of what they include.
    :param defines: macros that it was built with.
    :param commit: the revision that it was built from, as the user says.
    """

    library: Path
    include: tuple[Path, ...]
    defines: tuple[str, ...] = DEFINES
    commit: str = ""

    @cached_property
    def sha256(self) -> str:
        """Digest of the library."""
        return hashlib.sha256(self.library.read_bytes()).hexdigest()

    @property
    def version(self) -> str:
        """Return what a baseline says about the library."""
        return f"tflite-micro {self.commit or 'of unknown commit'}, library {self.sha256[:16]}"


def read_tflm(table: Table) -> Tflm | None:
    """Return what a board's table in boards.toml says; None if it says nothing.

    Paths are relative to the file. Whether they exist is asked when a model is built: a board that
    no test uses must not stop a run.
    """
    if "tflm" not in table.values:
        return None
    inner = table.table("tflm")
    inner.allow(["library", "include", "defines", "commit"])
    root = table.file.parent
    several = isinstance(inner.values.get("include"), list)
    include = inner.array("include", str) if several else (inner.get("include", str),)
    return Tflm(
        library=(root / inner.get("library", str)).resolve(),
        include=tuple((root / directory).resolve() for directory in include),
        defines=inner.array("defines", str) if "defines" in inner.values else DEFINES,
        commit=inner.get("commit", str, ""),
    )
