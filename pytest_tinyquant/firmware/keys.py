"""What an image depends on and is known before a compiler runs, by step of its build.

What compilers read beyond that is recorded (:mod:`pytest_tinyquant.firmware.compiler_reads`).
Whoever adds an input to a build adds it to its table here, and tests/attacks/test_keys.py fails
until a row there changes it and sees another key.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from typing import Final

from pytest_tinyquant.system.digests import code_digest
from pytest_tinyquant.system.digests import installed_tree_digest
from pytest_tinyquant.system.digests import program_digest
from pytest_tinyquant.system.reads import tree_digest


#: Inputs of the libraries that all images of a board share.
LIBRARY_INPUTS: Final[Mapping[str, str]] = {
    "toolchain": "contents of the compiler's programs and of its C library",
    "build tools": "contents of CMake and Ninja",
    "builder": "this package's code that calls them",
    "sources": "names and contents of the firmware's files, so that a new one counts",
    "toolchain file": "CMake's, where a kind of board brings its own",
    "kind": "the core that code is made for; several may share a directory of boards/",
    "machine": "the board's directory in the firmware",
    "own board": "names and contents of a user's own board directory and set-up file",
    "console": "a UART, or the debugger's mailbox",
    "cflags": "the board's compiler flags",
    "files in cflags": "contents of what the flags name",
    "runtime": "what runs the model",
}

#: Inputs of the kernels that replace reference kernels.
KERNEL_INPUTS: Final[Mapping[str, str]] = {
    "libraries": "all of the above, and what compiling them read",
    "set": "name of a set of the firmware, empty for an own one",
    "names": "the own kernels' sources, so that a new one counts",
}

#: Inputs of one model's image.
IMAGE_INPUTS: Final[Mapping[str, str]] = {
    "libraries": "as above",
    "kernels": "as above",
    "compiler of C++": "contents of its programs, where the runtime is in C++",
    "model": "contents of the generated files",
    "model sources": "which of them are compiled",
    "samples": "the check samples",
    "board": "the board's name, which the firmware prints",
    "memory": "bytes and addresses of flash and RAM, which the linker is given",
    "linked": "CMake variables of what the runtime links",
    "linked files": "contents of what they name",
}

#: What decides how a build is driven and not what is in it: no part of an image's identity.
DRIVING: Final = ("build tools", "builder")

_NOT_COMPILED = (".md",)
_PATH = re.compile(r"/[^,;]*")
_SEARCHED_FOR_HEADERS = ("-I", "-isystem", "-iquote", "-idirafter")


def library_inputs(
    sources: Path,
    *,
    toolchain: str,
    tools: Iterable[Path],
    toolchain_file: Path | None,
    kind: str,
    machine: str,
    own_files: Mapping[str, Path],
    console: str,
    cflags: Iterable[str],
    runtime: str,
) -> dict[str, Any]:
    """Return the values of :data:`LIBRARY_INPUTS`.

    :param sources: directory of the firmware's sources.
    :param toolchain: the compiler's identity.
    :param tools: CMake and Ninja.
    :param own_files: of a user's own board directory and set-up file, by name.
    """
    return {
        "toolchain": toolchain,
        "build tools": [program_digest(str(tool)) for tool in tools],
        "builder": code_digest("firmware", "system"),
        "sources": installed_tree_digest(sources, _NOT_COMPILED),
        "toolchain file": toolchain_file or "",
        "kind": kind,
        "machine": machine,
        "own board": dict(own_files),
        "console": console,
        "cflags": list(cflags),
        "files in cflags": dict(_named_files(cflags)),
        "runtime": runtime,
    }


def kernel_inputs(libraries: str, kernels: str, own: Path | None) -> dict[str, Any]:
    """Return the values of :data:`KERNEL_INPUTS`.

    :param kernels: name of a set of the firmware.
    :param own: the directory of the user's kernels instead.
    """
    return {
        "libraries": libraries,
        "set": "" if own else kernels,
        "names": sorted(path.name for path in own.glob("*.[cS]")) if own else [],
    }


def _named_files(cflags: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield every path in the flags that is there, with the digest of what is in it.

    Directories of headers are left to the records of what was read.
    """
    before = ""
    for flag in cflags:
        if flag.startswith(_SEARCHED_FOR_HEADERS) or before in _SEARCHED_FOR_HEADERS:
            before = flag
            continue
        before = flag
        for start in (match.start() for match in re.finditer("/", flag)):
            match = _PATH.match(flag, start)
            if match is None or (start and flag[start - 1].isalnum() and flag[:2] != "-B"):
                continue
            path = match.group()
            if os.path.isfile(path):
                yield path, program_digest(path, lasting=False)
            elif os.path.isdir(path) and path.strip("/"):
                yield path, tree_digest(Path(path))
