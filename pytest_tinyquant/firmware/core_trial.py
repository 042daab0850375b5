"""Tries whether a cross compiler makes programs for one core: not every build knows every core."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Final

from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.firmware.sources import firmware_sources
from pytest_tinyquant.firmware.toolchain import find_toolchain
from pytest_tinyquant.project.kinds import KINDS
from pytest_tinyquant.system import environment
from pytest_tinyquant.system.scratch import scratch_directory
from pytest_tinyquant.system.trouble import refuse_trouble


#: The flags for the core in a CMake toolchain file: the text that begins with them.
_CORE_FLAGS: Final = re.compile(r'"(-mcpu=[^"]*)"')
_TIMEOUT: Final = 60.0
_LINES_SHOWN: Final = 3

#: Calls both libraries, so that there must be ones for this core and its way to pass floats.
_PROGRAM: Final = """
#include <math.h>
#include <string.h>
float trial(float *to, const float *from, unsigned bytes);
float trial(float *to, const float *from, unsigned bytes) {
  memcpy(to, from, bytes);
  return expf(*to);
}
"""


def check_core(kind: str, compiler: str = "") -> str:
    """Return name and version of the compiler for boards of `kind`, once it made a program for one.

    :param compiler: as for :func:`~pytest_tinyquant.firmware.toolchain.find_toolchain`.
    :raises ToolchainNotFoundError: there is none, or it does not know the core or has no C library
        for it.
    """
    toolchain = find_toolchain(kind, compiler)
    wanted = KINDS[kind].compiler
    assert wanted is not None, "else there is no toolchain"
    with scratch_directory() as directory:
        source = directory / "trial.c"
        source.write_text(_PROGRAM, encoding="ascii")
        options = [*core_flags(kind), "-O2", "-nostartfiles", "-Wl,--entry=trial"]
        done = subprocess.run(
            [toolchain.cc, *options, source, "-lm", "-o", directory / "trial.elf"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            env=environment.made(directory),
            timeout=_TIMEOUT,
            check=False,
        )
    refuse_trouble(done.returncode, done.stderr, str(toolchain.cc))
    if done.returncode:
        said = [line.strip() for line in done.stderr.splitlines() if "error" in line]
        words = "; ".join((said or done.stderr.strip().splitlines())[:_LINES_SHOWN])
        raise ToolchainNotFoundError(
            f"{toolchain.cc} ({toolchain.version}) makes no program for a {kind}: {words}. Take a "
            f"newer one, or one with the C library for this core. {wanted.install}"
        )
    return toolchain.version


def core_flags(kind: str) -> list[str]:
    """Return the compiler's flags for the core of a kind, from its CMake toolchain file."""
    file = KINDS[kind].toolchain_file or firmware_sources() / "cmake" / f"{kind}.cmake"
    found = _CORE_FLAGS.search(Path(file).read_text("utf-8"))
    return found[1].split() if found else []
