"""Builds the cross compiler for Renesas RX from Debian's own source packages.

Debian has no binary package of it, but the sources of binutils, GCC and newlib. Building them
takes about ten minutes on two cores. The result goes to the cache, where one entry holds the
whole toolchain and a manifest of its files; what is unfinished stays beside it, so that a build
that was stopped goes on where it was.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pytest_tinyquant import atomic
from pytest_tinyquant.cache import Cache
from pytest_tinyquant.errors import ToolchainNotFoundError


COMMAND = "tinyquant toolchain rx-elf"
TARGET = "rx-elf"
CACHE_KIND = "toolchain"
COMPILER = Path("bin") / f"{TARGET}-gcc"

PACKAGES = (
    "binutils-source gcc-12-source newlib-source build-essential texinfo flex bison libgmp-dev "
    "libmpfr-dev libmpc-dev zlib1g-dev xz-utils"
)

_SOURCES = {
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

_HEARTBEAT = 20.0
_TAIL_LINES = 15
_LOCK_TIMEOUT = 2 * 3600.0


@dataclass(frozen=True)
class _Stage:
    """One step of the build, done once.

    :param command: its program and arguments; runs at low priority.
    :param before: prepares the step.
    """

    name: str
    command: tuple[str, ...]
    directory: Path
    before: Callable[[], None] = lambda: None


def find_built_toolchain(cache: Cache) -> Path | None:
    """Return the compiler that :func:`build_toolchain` put into `cache`, if it is intact."""
    entry = cache.find(CACHE_KIND, _key())
    return None if entry is None else entry / COMPILER


def build_toolchain(cache: Cache, say: Callable[[str], None]) -> Path:
    """Return the compiler in `cache`, built now if it is not there.

    :param say: is given a line for every step, and now and then while one lasts.
    :raises ToolchainNotFoundError: the sources are missing and cannot be installed by this
        user, or a step failed; the next call goes on with that step.
    """
    if (compiler := find_built_toolchain(cache)) is not None:
        return compiler
    sources = _find_sources(say)
    work = cache.root / CACHE_KIND / f"{TARGET}.work"

    def build(entry: Path) -> None:
        prefix = work / "prefix"
        for stage in _stages(work, prefix, sources):
            _run_stage(stage, work, prefix, say)
        say("keeping what compiling needs")
        shutil.copytree(prefix, entry, dirs_exist_ok=True, symlinks=True)
        _prune(entry)
        _record_sources(entry, sources)
        say("compiling and linking a program with it")
        verify_toolchain(entry / COMPILER, work)

    entry = cache.entry(CACHE_KIND, _key(), build, lock_timeout=_LOCK_TIMEOUT)
    shutil.rmtree(work, ignore_errors=True)
    return entry / COMPILER


def verify_toolchain(compiler: Path, directory: Path) -> None:
    """Compile and link a program that needs the compiler, libgcc, libc and libm.

    :param directory: existing directory for the files that this takes.
    :raises ToolchainNotFoundError: the compiler refuses, or its result is not for RX.
    """
    source, program = directory / "verify.c", directory / "verify.elf"
    source.write_text(_VERIFY)
    command = (compiler, "-O2", "-mno-allow-string-insns", "-nostartfiles", "-Wl,-e,_main")
    result = subprocess.run(
        [*command, source, "-o", program, "-lm"], capture_output=True, text=True, check=False
    )
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


@functools.cache
def _key() -> str:
    """Return the cache key of the toolchain, from everything that decides what is built."""
    return Cache.key(TARGET, PACKAGES, _CONFIGURE, [list(step) for step in _MAKE])


def _find_sources(say: Callable[[str], None]) -> dict[str, Path]:
    """Return the source archives by package, installed now if root runs this on Debian."""
    sources = _installed_sources()
    if len(sources) < len(_SOURCES) or shutil.which("makeinfo") is None:
        install = f"apt-get install --yes --no-install-recommends {PACKAGES}"
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            raise ToolchainNotFoundError(
                "the compiler for Renesas RX is built from Debian's source packages; install "
                f"them first: sudo {install}"
            )
        say("installing Debian's source packages and what building them needs")
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in ("apt-get update --quiet", install):
            result = subprocess.run(
                command.split(), env=environment, capture_output=True, text=True, check=False
            )
            if result.returncode:
                raise ToolchainNotFoundError(f"{command} failed: {_tail(result.stderr)}")
        sources = _installed_sources()
    if missing := sorted(_SOURCES.keys() - sources.keys()):
        patterns = ", ".join(_SOURCES[name] for name in missing)
        raise ToolchainNotFoundError(f"no source archive is at {patterns}; reinstall {PACKAGES}")
    return sources


def _installed_sources() -> dict[str, Path]:
    """Return the newest source archive of every package that has one."""
    found = {name: sorted(Path("/").glob(where[1:])) for name, where in _SOURCES.items()}
    return {name: archives[-1] for name, archives in found.items() if archives}


def _stages(work: Path, prefix: Path, sources: dict[str, Path]) -> list[_Stage]:
    """Return the steps of the build in order."""
    stages = []
    for package, archive in sources.items():
        source, build = work / "source" / package, work / "build" / package
        unpack = ("tar", "-xf", str(archive), "--strip-components=1", "-C", str(source))
        stages.append(_Stage(f"{package}: unpack", unpack, work, functools.partial(_empty, source)))
        options = (f"--target={TARGET}", f"--prefix={prefix}", *_CONFIGURE[package].split("|"))
        configure = (str(source / "configure"), *options)
        prepare = functools.partial(_empty, build)
        stages.append(_Stage(f"{package}: configure", configure, build, prepare))
        for name, step, arguments in _MAKE:
            if name == package:
                # newlib's installation does not order its steps.
                jobs = "-j1" if step == "install" else f"-j{os.cpu_count() or 1}"
                make = ("make", jobs, *arguments.split("|"))
                stages.append(_Stage(f"{package}: {step}", make, build, _touch_manual(build)))
    return stages


def _empty(directory: Path) -> None:
    """Make `directory` an empty one."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)


def _touch_manual(build: Path) -> Callable[[], None]:
    """Return what marks GCC's manual as up to date: Debian's archive lacks its source."""

    def touch() -> None:
        if (build / "gcc" / "Makefile").is_file():
            (build / "gcc" / "s-tm-texi").touch()

    return touch


def _run_stage(stage: _Stage, work: Path, prefix: Path, say: Callable[[str], None]) -> None:
    """Run one step unless it is done; its output goes to a file in `work`."""
    name = stage.name.replace(": ", "-")
    done, log = work / f"{name}.done", work / f"{name}.log"
    if done.is_file():
        say(f"{stage.name}: done before")
        return
    stage.before()
    environment = {**os.environ, "PATH": f"{prefix / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    # Flags of the caller's environment are for the caller's own programs.
    for variable in ("CFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS", "MAKEFLAGS", "MFLAGS"):
        environment.pop(variable, None)
    started = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            ("nice", "-n", "10", *stage.command),
            cwd=stage.directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _wait(process, stage.name, started, say)
    if process.returncode:
        raise ToolchainNotFoundError(
            f"building the compiler for Renesas RX failed at {stage.name} (log {log}):\n"
            f"{_tail(log.read_text(errors='replace'))}\nMend the cause; `{COMMAND}` goes on there."
        )
    atomic.write_text(done, "")
    say(f"{stage.name}: {time.monotonic() - started:.0f} s")


def _wait(
    process: subprocess.Popen[bytes], name: str, started: float, say: Callable[[str], None]
) -> None:
    """Wait for a step to end and report every so often that it has not."""
    try:
        while True:
            try:
                process.wait(_HEARTBEAT)
                return
            except subprocess.TimeoutExpired:
                say(f"{name}: running for {time.monotonic() - started:.0f} s")
    finally:
        process.kill()
        process.wait()


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


def _record_sources(entry: Path, sources: dict[str, Path]) -> None:
    """Write which archives the toolchain was built from."""
    lines = []
    for archive in sources.values():
        with archive.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        lines.append(f"{digest}  {archive.name}\n")
    atomic.write_text(entry / "SOURCES", "".join(lines))


def _tail(text: str) -> str:
    """Return the last lines of a program's output."""
    return "\n".join(text.strip().splitlines()[-_TAIL_LINES:])
