"""Finds the programs that build firmware: cross compilers, CMake and Ninja."""

from __future__ import annotations

import functools
import hashlib
import importlib
import shutil
from collections.abc import Iterable
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.project.kinds import KINDS
from pytest_tinyquant.project.kinds import Compiler
from pytest_tinyquant.system.digests import program_digest
from pytest_tinyquant.system.program import answer_of


@dataclass(frozen=True)
class Toolchain:
    """A cross compiler and everything that decides what it generates.

    :param cc: path of the compiler.
    :param version: name and version for reports, such as ``arm-none-eabi-gcc 12.2.1``.
    :param identity: digest of the programs and of the C library that make an image of C.
    """

    cc: Path
    version: str
    identity: str

    @property
    def prefix(self) -> str:
        """Return path and prefix of its programs, such as ``/usr/bin/arm-none-eabi-``."""
        return str(self.cc).removesuffix("gcc")

    @property
    def root(self) -> Path:
        """Return the directory that it is installed below."""
        return self.cc.parents[1]

    def cxx_identity(self) -> str:
        """Return the digest of what compiles C++ beside the programs for C."""
        return "".join(_programs(self.cc, ("cc1plus", "g++")))


# What the compiler starts, and what CMake takes from beside it.
_PROGRAMS = ("cc1", "as", "collect2", "ld", "ar", "ranlib")


@functools.cache
def find_toolchain(kind: str, compiler: str = "") -> Toolchain:
    """Return the cross compiler for boards of `kind`, such as ``cortex-m4``.

    :param compiler: path of the compiler to take; without it one on the PATH, and then one that
        this package built, is taken.
    :raises ToolchainNotFoundError: it is not on the PATH, does not run, or lacks its C library.
    """
    wanted = _compiler_of(kind)
    cc = _compiler(wanted, compiler)
    number = _ask(cc, "-dumpfullversion").strip()
    digest = hashlib.sha256(_ask(cc, "--version").encode())
    for program in (program_digest(str(cc), lasting=False), *_programs(cc, _PROGRAMS)):
        digest.update(program.encode())
    for library in wanted.libraries:
        digest.update(_library(cc, library, wanted).read_bytes())
    return Toolchain(cc, f"{wanted.program} {number}", digest.hexdigest())


def compiler_text(kind: str, compiler: str = "") -> str:
    """Return which compiler boards of `kind` are built with, or what to do for one; starts none.

    :param compiler: as for :func:`find_toolchain`.
    """
    wanted = _compiler_of(kind)
    try:
        return str(_compiler(wanted, compiler))
    except ToolchainNotFoundError as error:
        return str(error)


def _compiler_of(kind: str) -> Compiler:
    """Return what boards of this kind are built with."""
    compiler = KINDS[kind].compiler if kind in KINDS else None
    if compiler is None:
        raise ToolchainNotFoundError(
            f"no firmware can be built for boards of kind {kind!r}; kinds with a toolchain: "
            f"{', '.join(sorted(name for name in KINDS if KINDS[name].compiler))}"
        )
    return compiler


def _compiler(wanted: Compiler, named: str) -> Path:
    """Return the path of the compiler to take."""
    found = shutil.which(named or wanted.program)
    if found is not None:
        return Path(found)
    if named:
        raise ToolchainNotFoundError(
            f"{named} is not a program; correct the key toolchain in boards.toml, or leave it out "
            f"to take {wanted.program} from the PATH"
        )
    if (built := wanted.built()) is not None:
        return built
    raise ToolchainNotFoundError(f"{wanted.program} is not on the PATH. {wanted.install}")


def find_build_tool(name: str) -> Path:
    """Return the path of ``cmake`` or ``ninja``: from the Python package of that name, or the PATH.

    :raises ToolchainNotFoundError: there is neither.
    """
    directories = {"cmake": "CMAKE_BIN_DIR", "ninja": "BIN_DIR"}
    try:
        # The package's program itself: its entry point would start a second Python.
        package = importlib.import_module(name)
        found = shutil.which(name, path=str(getattr(package, directories[name])))
    except (ImportError, AttributeError):
        found = None
    found = found or shutil.which(name)
    if found is None:
        raise ToolchainNotFoundError(
            f"{name} is not installed; firmware is built with it. Install it, for example: "
            f"pip install {name}"
        )
    return Path(found)


def _ask(cc: Path, *arguments: str) -> str:
    """Return what the compiler prints."""
    return answer_of([cc, *arguments], advice="reinstall it or put a working one first on the PATH")


def _programs(cc: Path, names: Iterable[str]) -> Iterator[str]:
    """Yield the digests of programs that a compiler starts."""
    for name in names:
        # It echoes a name that it does not know, and would then look for it on the PATH.
        path = shutil.which(_ask(cc, f"-print-prog-name={name}").strip())
        yield program_digest(path, lasting=False) if path else "absent"


def _library(cc: Path, name: str, wanted: Compiler) -> Path:
    """Return the path of a file of the compiler's C library."""
    # It echoes a name that it does not find.
    path = Path(_ask(cc, f"-print-file-name={name}").strip())
    if not path.is_absolute():
        raise ToolchainNotFoundError(
            f"{cc} has no {name}: its C library is missing. {wanted.install}"
        )
    return path
