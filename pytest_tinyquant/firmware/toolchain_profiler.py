"""Builds the plug-in of QEMU that profiles an inference, with this computer's C compiler."""

from __future__ import annotations

import functools
import shutil
import subprocess
from pathlib import Path
from typing import Final

from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.firmware.sources import firmware_sources
from pytest_tinyquant.system import environment
from pytest_tinyquant.system.cache import Cache
from pytest_tinyquant.system.digests import program_digest
from pytest_tinyquant.system.program import answer_of
from pytest_tinyquant.system.trouble import refuse_trouble


#: What it is looked for by, in this order; any C11 compiler for this computer will do.
COMPILERS: Final = ("cc", "gcc", "clang")

_FLAGS: Final = ("-std=c11", "-D_DEFAULT_SOURCE", "-O2", "-shared", "-fPIC", "-fvisibility=hidden")
_TIMEOUT: Final = 120.0
_TAIL_LINES: Final = 10


def find_host_compiler() -> Path:
    """Return the C compiler of this computer.

    :raises ToolchainNotFoundError: there is none on the PATH.
    """
    for name in COMPILERS:
        found = shutil.which(name)
        if found is not None:
            return Path(found)
    raise ToolchainNotFoundError(
        f"no C compiler for this computer is on the PATH ({', '.join(COMPILERS)}), and the cycles "
        "of an emulated Cortex-M are estimated with a plug-in of QEMU that it builds. Install "
        "one, for example: apt-get install gcc libc6-dev"
    )


def build_profiler(cache: Cache) -> Path:
    """Return the plug-in, built now unless `cache` has it.

    :raises ToolchainNotFoundError: there is no C compiler, or it does not build the plug-in.
    """
    compiler = find_host_compiler()
    sources = firmware_sources() / "emulator"
    key = Cache.key(
        _version(compiler), program_digest(str(compiler)), _FLAGS, *sorted(sources.glob("*.[ch]"))
    )

    def build(output: Path) -> None:
        program = output / "profile.so"
        result = subprocess.run(
            [compiler, *_FLAGS, "-o", program, sources / "profile.c"],
            capture_output=True,
            text=True,
            env=environment.made(output),
            timeout=_TIMEOUT,
            check=False,
        )
        refuse_trouble(result.returncode, result.stderr, str(compiler))
        if result.returncode:
            tail = "\n".join(result.stderr.strip().splitlines()[-_TAIL_LINES:])
            raise ToolchainNotFoundError(
                f"{compiler} does not build the plug-in of QEMU that profiles an inference "
                f"(libc6-dev may be missing):\n{tail}"
            )

    return cache.entry("profiler", key, build) / "profile.so"


@functools.cache
def _version(compiler: Path) -> str:
    """Return what the compiler says about itself."""
    advice = "reinstall it or put a working C compiler first on the PATH"
    return answer_of([compiler, "--version"], advice=advice)
