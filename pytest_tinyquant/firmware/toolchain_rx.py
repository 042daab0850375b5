"""The cross compiler for Renesas RX, of which Debian has the sources only.

Building binutils, GCC and newlib takes about ten minutes on two cores.
"""

from __future__ import annotations

import functools
import shutil
import subprocess
from pathlib import Path

from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.firmware.recipe import Package
from pytest_tinyquant.firmware.recipe import Recipe
from pytest_tinyquant.firmware.source_build import find_built
from pytest_tinyquant.system import environment
from pytest_tinyquant.system.cache import Cache
from pytest_tinyquant.system.trouble import refuse_trouble


TARGET = "rx-elf"

_DEBIAN = (
    "binutils-source gcc-12-source newlib-source build-essential texinfo flex bison libgmp-dev "
    "libmpfr-dev libmpc-dev zlib1g-dev xz-utils"
)

_ARCHIVES = {
    "binutils": "/usr/src/binutils/binutils-*.tar.xz",
    "gcc": "/usr/src/gcc-12/gcc-12*.tar.xz",
    "newlib": "/usr/src/newlib/newlib-*.tar.xz",
}

_HOST = "CFLAGS=-O2 -g0|CXXFLAGS=-O2 -g0|LDFLAGS=-s|MAKEINFO=true"
# The string instructions move any number of bytes and count as one instruction, and emulators
# get some of them wrong: the libraries do without them, as the firmware does.
_LIBRARIES = "CFLAGS_FOR_TARGET=-Os -g0 -ffunction-sections -fdata-sections -mno-allow-string-insns"
_CONFIGURE = {
    "binutils": "--disable-nls|--disable-werror|--disable-gdb|--disable-sim|--disable-gprof|"
    "--disable-gprofng|--disable-shared|--disable-multilib|--with-system-zlib|--without-zstd|"
    + _HOST,
    "gcc": "--enable-languages=c|--disable-bootstrap|--without-headers|--with-newlib|"
    "--disable-multilib|--disable-nls|--disable-shared|--disable-threads|--disable-tls|"
    "--disable-lto|--disable-libssp|--disable-libquadmath|--disable-libgomp|--disable-libatomic|"
    "--disable-libcc1|--disable-libstdcxx|--disable-decimal-float|--disable-fixed-point|"
    "--disable-plugin|--disable-gcov|--with-system-zlib|--without-zstd|--without-isl|"
    # GCC takes most of the time to build; how fast it runs hardly matters here.
    "--enable-checking=release|" + _HOST.replace("-O2", "-O1"),
    "newlib": "--disable-multilib|--disable-nls|--disable-newlib-supplied-syscalls|"
    "--enable-newlib-nano-malloc|--enable-newlib-nano-formatted-io|--enable-newlib-reent-small|"
    "--disable-newlib-fvwrite-in-streamio|--disable-newlib-fseek-optimization|"
    "--disable-newlib-wide-orient|--disable-newlib-unbuf-stream-opt|--enable-newlib-global-atexit|"
    "--enable-lite-exit|MAKEINFO=true|" + _LIBRARIES,
}
# (package, name of the stage, arguments of make)
_MAKE = (
    ("binutils", "make", "MAKEINFO=true"),
    ("binutils", "install", "MAKEINFO=true|install-strip"),
    ("gcc", "make", "MAKEINFO=true|all-gcc"),
    ("gcc", "libgcc", f"MAKEINFO=true|{_LIBRARIES}|all-target-libgcc"),
    ("gcc", "install", "MAKEINFO=true|install-strip-gcc|install-target-libgcc"),
    ("newlib", "make", f"MAKEINFO=true|{_LIBRARIES}"),
    ("newlib", "install", "MAKEINFO=true|install"),
)
# What compiling C does not need: documentation, and the programs that nothing here calls.
_KEPT_PROGRAMS = (
    *("addr2line", "ar", "as", "gcc", "ld", "nm", "objcopy", "objdump", "ranlib", "readelf"),
    *("size", "strip"),
)
_PRUNED = ("share", "include", "lib/bfd-plugins", f"{TARGET}/bin/ld.bfd")
_PRUNED_PATTERNS = ("libexec/**/install-tools", "lib/gcc/**/install-tools", "libexec/**/lto-*")


@functools.cache
def recipe() -> Recipe:
    """Return how the compiler is built."""
    return Recipe(
        name=TARGET,
        what="the compiler for Renesas RX",
        # The spelling of these tables, and not only what they say, is in the key.
        key=Cache.key(TARGET, _DEBIAN, _CONFIGURE, [list(step) for step in _MAKE]),
        debian=_DEBIAN,
        tools=("makeinfo",),
        packages=tuple(
            Package(
                name,
                archive,
                (f"--target={TARGET}", *_CONFIGURE[name].split("|")),
                tuple(
                    (step, tuple(arguments.split("|")))
                    for package, step, arguments in _MAKE
                    if package == name
                ),
                _touch_manual,
            )
            for name, archive in _ARCHIVES.items()
        ),
        program=Path("bin") / f"{TARGET}-gcc",
        prune=_prune,
        verify=verify_compiler,
    )


def find_built_compiler(cache: Cache) -> Path | None:
    """Return the compiler that was built into `cache`, if it is intact."""
    return find_built(recipe(), cache)


def verify_compiler(compiler: Path, directory: Path) -> None:
    """Compile and link a program that needs the compiler, libgcc, libc and libm.

    :param directory: existing directory for the files that this takes.
    :raises ToolchainNotFoundError: the compiler refuses, or its result is not for RX.
    """
    source, program = directory / "verify.c", directory / "verify.elf"
    source.write_text(_VERIFY)
    command = (compiler, "-O2", "-mno-allow-string-insns", "-nostartfiles", "-Wl,-e,_main")
    result = subprocess.run(
        [*command, source, "-o", program, "-lm"],
        capture_output=True,
        text=True,
        env=environment.made(directory),
        check=False,
    )
    refuse_trouble(result.returncode, result.stderr, str(compiler))
    if result.returncode:
        raise ToolchainNotFoundError(f"{compiler} does not work: {result.stderr.strip()}")
    machine = int.from_bytes(program.read_bytes()[18:20], "little")
    if machine != _EM_RX:
        raise ToolchainNotFoundError(
            f"{compiler} does not compile for Renesas RX: its programs are for ELF machine "
            f"{machine}, not {_EM_RX}"
        )


_EM_RX = 173
_VERIFY = """
#include <math.h>
#include <stdint.h>
#include <string.h>
volatile int64_t quotient = 1;
volatile float power = 1;
char text[64];
int main(void)
{
    memset(text, (int)(quotient / 3), sizeof text);
    power = expf(power) + tanhf(power);
    return (int)power;
}
"""


def _touch_manual(build: Path) -> None:
    """Mark GCC's manual as up to date: Debian's archive lacks its source."""
    if (build / "gcc" / "Makefile").is_file():
        (build / "gcc" / "s-tm-texi").touch()


def _prune(prefix: Path) -> None:
    """Remove what compiling C does not need."""
    kept = {f"{TARGET}-{name}" for name in _KEPT_PROGRAMS}
    for program in (prefix / "bin").iterdir():
        if program.name not in kept:
            program.unlink()
    patterns = [path for pattern in _PRUNED_PATTERNS for path in prefix.glob(pattern)]
    for path in (*(prefix / name for name in _PRUNED), *patterns):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
