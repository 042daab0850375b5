"""Runs CMake and Ninja on the firmware, and says what the compiler or the linker refused."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.firmware.compiler_reads import BuildRecords
from pytest_tinyquant.firmware.overflow import does_not_fit
from pytest_tinyquant.firmware.toolchain import find_build_tool
from pytest_tinyquant.system import environment
from pytest_tinyquant.system.reads import Places
from pytest_tinyquant.system.reads import Reads
from pytest_tinyquant.system.trouble import ending


TIMEOUT = 600.0

_OVERFLOW = re.compile(r"region `(\w+)' overflowed by (\d+) bytes?\b")
# CMake tries the compiler first; if that was killed, it says no more than that it does not work.
_COMPLAINT = re.compile(
    r"error:|undefined reference|multiple definition|Error: |\.ld:\d+:"
    r"|CMake Error(?! at \S*CMakeTest\w+Compiler)"
)
_COMPLAINTS_SHOWN = 6
# What a linker script asserts is printed as it stands there, behind the linker's name alone.
_ASSERTED = re.compile(
    r"^\S*\bld(?:\.\w+)?: (?!warning|cannot |\S+\.(?:o|a)\b"
    r"|.*(?:overflowed|undefined|will not fit|failed|: ))(\S.*)$",
    re.M,
)


class BuildFailedError(Exception):
    """A build step failed; the text is the tool's output.

    :param code: the tool's exit code; below zero the signal that ended it.
    """

    def __init__(self, output: str, code: int) -> None:
        super().__init__(output)
        self.code = code


@dataclass(frozen=True)
class Build:
    """A configured build.

    :param directory: where CMake put it.
    :param records: of what is read in it.
    """

    directory: Path
    records: BuildRecords
    _scratch: Path

    def make(self, *targets: str) -> None:
        """Build some targets, or everything.

        :raises BuildFailedError: the compiler or the linker failed.
        """
        ninja = str(self.records.ninja)
        _run([ninja, "-C", str(self.directory), *targets], self._scratch)

    def compile_anew(self, source: str) -> None:
        """Have a source compiled again by the next :meth:`make`.

        Its time stamp may not tell that it changed: two changes can lie within one tick.
        """
        for name in self.records.objects():
            if name.rpartition(".")[0].endswith(source):
                (self.directory / name).unlink()

    def everything(self) -> Reads:
        """Build everything and return what that read."""
        self.make()
        return self.records.compiled().together(self.records.linked_and_configured())


@contextmanager
def configured(
    sources: Path,
    output: Path,
    toolchain_file: Path,
    definitions: Mapping[str, str],
    *,
    places: Places,
    own: Sequence[Path] = (),
) -> Iterator[Build]:
    """Configure `sources`; results go to `output`, all else is deleted at the end.

    :param definitions: CMake cache variables.
    :param places: names for what is read.
    :param own: directories made for this build, or known whole by its key.
    :raises BuildFailedError: CMake failed.
    :raises BenchError: a directory has a name with which CMake cannot work.
    """
    _check_names(sources, output, toolchain_file)
    build = output / "build"
    scratch = output / "scratch"
    scratch.mkdir()
    ninja = find_build_tool("ninja")
    configure = [
        str(find_build_tool("cmake")),
        *("-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}"),
        *("-S", str(sources), "-B", str(build), "-Wno-dev"),
        f"-DCMAKE_TOOLCHAIN_FILE={toolchain_file}",
        "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON",
        f"-DTQ_OUTPUT_DIR={output}",
        *(f"-D{name}={value}" for name, value in definitions.items()),
    ]
    try:
        _run(configure, scratch)
        yield Build(build, BuildRecords(build, ninja, own, places), scratch)
    finally:
        shutil.rmtree(build, ignore_errors=True)
        shutil.rmtree(scratch, ignore_errors=True)


def _check_names(*paths: Path) -> None:
    """Refuse a directory that CMake would take for a list of several.

    What it says then blames compiler flags and kernels.
    """
    for path in paths:
        if ";" in str(path):
            raise BenchError(
                f"{path}: CMake divides names at ';', so firmware can be built in no directory "
                "whose name has one; move it, or set TINYQUANT_CACHE to another directory"
            )


@contextmanager
def explained(advice: str, available: Mapping[str, int], samples: int = 0) -> Iterator[None]:
    """Turn a failed build step into the error that says what to do.

    :param advice: what to look at when a compiler complains.
    :param available: bytes of each of the linker's memory regions.
    :param samples: how many check samples the image holds.
    :raises DoesNotFitError: the image is larger than a region.
    :raises BenchError: a tool was killed, or lacked memory, disk or files.
    :raises ConfigurationError: anything else.
    """
    try:
        yield
    except BuildFailedError as failure:
        output = str(failure)
        ended = ending(failure.code, output)
        if ended.machine or ended.crashed:
            raise BenchError(
                f"the firmware was not built: a build tool {ended.words}\n{_complaints(output)}"
            ) from None
        if not _COMPLAINT.search(output):
            # What a shell runs in its own place ends without a word when it is killed.
            raise BenchError(
                f"the firmware was not built: a build tool ended without saying why, as "
                f"one does that is killed; run again\n{_complaints(output)}"
            ) from None
        overflows = {name: int(size) for name, size in _OVERFLOW.findall(output)}
        if overflows:
            raise does_not_fit(overflows, available, samples) from None
        asserted = _ASSERTED.findall(output)
        if asserted:
            raise ConfigurationError(
                f"the firmware cannot be linked: {'; '.join(dict.fromkeys(asserted))}, as its "
                "linker script says. Correct flash_bytes and ram_bytes of the board in boards.toml"
            ) from None
        raise ConfigurationError(
            f"the firmware cannot be built; {advice}\n{_complaints(output)}"
        ) from None


def _complaints(output: str) -> str:
    """Return the first lines in which the compiler or the linker says what is wrong."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    complaints = [line for line in lines if _COMPLAINT.search(line)] or lines[-_COMPLAINTS_SHOWN:]
    return "\n".join(f"  {line}" for line in complaints[:_COMPLAINTS_SHOWN])


def _run(command: Sequence[str], scratch: Path) -> None:
    """Run a build tool; nothing of the user's shell reaches it or the compilers it starts."""
    try:
        result = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            env=environment.made(scratch, NINJA_STATUS=""),
            timeout=TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BenchError(
            f"{command[0]} did not finish ({error}); check the installation"
        ) from error
    if result.returncode != 0:
        raise BuildFailedError(result.stdout, result.returncode)
