"""What compilers, assemblers, the linker and CMake read in a build, from their own records.

A file that is not there can decide as much as one that is: a header that appears in a directory
searched earlier is taken instead, and ``__has_include`` answers otherwise. Such places are noted
as well.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.system import environment
from pytest_tinyquant.system.reads import ABSENT
from pytest_tinyquant.system.reads import Digests
from pytest_tinyquant.system.reads import Places
from pytest_tinyquant.system.reads import Reads


_TIMEOUT = 60.0
_SEARCHED = ("-I", "-isystem", "-iquote", "-idirafter")
_SYSTEM_DIRECTORIES = re.compile(r"search starts here:\n((?: .*\n)*)")
_ASKED_FOR = re.compile(rb"__has_(?:include|embed)(?:_next)?\s*\(\s*(?:[<\"]([^>\"\n]+)[>\"]|\w)")
# A precompiled header is taken instead of its header, even of one that is not there.
_PRECOMPILED = ".gch"


@dataclass(frozen=True)
class BuildRecords:
    """The records of a build with Ninja.

    :param build: its directory.
    :param own: further directories that were made for it, or that its key knows whole.
    """

    build: Path
    ninja: Path
    own: Sequence[Path]
    places: Places

    def objects(self) -> list[str]:
        """Return the objects to be compiled, relative to the build's directory."""
        # Absolute or not, as the version of CMake likes it.
        outputs = [self._absolute(command["output"]) for command in self._commands()]
        return [os.path.relpath(output, self.build) for output in outputs]

    def compiled(self) -> Reads:
        """Return what compiling read so far.

        :raises BenchError: an object has no record.
        """
        read = {path for path in self._read_by_compilers() if self._is_foreign(path)}
        nearby = self._nearby(read)
        digests = Digests()
        files = {path: digests.of(path) for path in read}
        wanted = set(_as_included(read, nearby))
        for path in read:
            for name in _asked_for(path):
                if name:
                    wanted.add(name)
                    files |= _existing(name, nearby, digests)
                elif not self._is_installed(path):
                    # Which one cannot be told without the preprocessor: any new name may be.
                    files |= {place: digests.listing(place) for place in nearby}
        absent: dict[str, set[str]] = {}
        for directory, name in itertools.product(nearby, wanted):
            for candidate in (f"{directory}/{name}", f"{directory}/{name}{_PRECOMPILED}"):
                if digests.of(candidate) == ABSENT and self._is_foreign(candidate):
                    place, leaf = os.path.split(candidate)
                    absent.setdefault(place, set()).add(leaf)
        return self._reads(files, absent)

    def linked_and_configured(self) -> Reads:
        """Return what CMake and the linker read."""
        query = self._ask("query", "build.ninja")
        lines = [line.strip().removeprefix("| ") for line in query.splitlines()]
        paths = {self._absolute(line) for line in lines if line.endswith((".cmake", ".txt", ".in"))}
        for file in self.build.rglob("*.ld.d"):
            paths |= {self._absolute(path) for path in _prerequisites(file.read_text())}
        digests = Digests()
        read = {path for path in paths if self._is_foreign(path) and os.path.isfile(path)}
        return self._reads({path: digests.of(path) for path in read}, {})

    def _commands(self) -> list[Mapping[str, str]]:
        commands: list[Mapping[str, str]] = json.loads(
            (self.build / "compile_commands.json").read_text()
        )
        return commands

    def _read_by_compilers(self) -> Iterator[str]:
        """Yield the files that preprocessors and assemblers read."""
        recorded = _by_object(self._ask("deps"))
        for name in self.objects():
            assembled = self.build / f"{name}.as.d"
            if not recorded.get(name) or not assembled.is_file():
                raise BenchError(
                    f"{self.build / name}: the compiler did not record what it read, so that its "
                    "result can be kept for no later run; use GCC 12 or newer with GNU's assembler"
                )
            for path in (*recorded[name], *_prerequisites(assembled.read_text())):
                yield self._absolute(path)

    def _nearby(self, read: Iterable[str]) -> list[str]:
        """Return the directories in which an included file may be looked for."""
        commands = [shlex.split(command["command"]) for command in self._commands()]
        searched = {self._absolute(path) for command in commands for path in _searched(command)}
        by_compiler = {command[0]: command for command in commands}
        for command in by_compiler.values():
            searched |= set(self._system_directories(command))
        # A name in quotes is looked for beside the file that includes it.
        beside = {os.path.dirname(path) for path in read if not self._is_installed(path)}
        return sorted({place.rstrip("/") for place in searched | beside if self._is_foreign(place)})

    def _system_directories(self, command: Sequence[str]) -> list[str]:
        """Return the directories that a compiler searches of its own accord."""
        kept = [word for word in command[1:] if word.startswith(("-m", "-std", "--sys", "-nostd"))]
        language = "c++" if command[0].endswith("++") else "c"
        said = _output([command[0], *kept, "-x", language, "-E", "-v", os.devnull])
        return [
            self._absolute(line.strip())
            for block in _SYSTEM_DIRECTORIES.findall(said)
            for line in block.splitlines()
        ]

    def _ask(self, *what: str) -> str:
        return _output([str(self.ninja), "-C", str(self.build), "-t", *what])

    def _absolute(self, path: str) -> str:
        return os.path.join(self.build, path)

    def _is_foreign(self, path: str) -> bool:
        """Tell whether a file was there before the build, and no key knows it yet."""
        return not f"{path}/".startswith(tuple(f"{d}/" for d in (self.build.parent, *self.own)))

    def _is_installed(self, path: str) -> bool:
        return self.places.name(path).startswith("{toolchain}")

    def _reads(self, files: Mapping[str, str], absent: Mapping[str, Iterable[str]]) -> Reads:
        name = self.places.name
        return Reads(
            {name(path): digest for path, digest in sorted(files.items())},
            {name(place): tuple(sorted(names)) for place, names in sorted(absent.items())},
        )


def _output(command: Sequence[str]) -> str:
    """Return all that a program prints."""
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="surrogateescape",
            env=environment.made(),
            timeout=_TIMEOUT,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise BenchError(f"{command[0]} does not tell what was read: {error}") from error
    return done.stdout


def _by_object(text: str) -> dict[str, list[str]]:
    """Return the files of every object in what ``ninja -t deps`` prints."""
    found: dict[str, list[str]] = {}
    files: list[str] = []
    for line in text.splitlines():
        if line.startswith("    "):
            files.append(line[4:])
        elif ": #deps " in line:
            files = found[line.rpartition(": #deps ")[0]] = []
    return found


def _prerequisites(text: str) -> list[str]:
    """Return the files of a rule for Make; blanks in names are escaped."""
    words = re.findall(r"(?:\\.|[^\s\\])+", text.replace("\\\n", " "))
    return [re.sub(r"\\([ #:\\])", r"\1", word).replace("$$", "$") for word in words[1:]]


def _searched(command: Sequence[str]) -> Iterator[str]:
    """Yield the directories of headers that a compiler's options name."""
    for word, following in itertools.pairwise([*command, ""]):
        for option in _SEARCHED:
            if word == option:
                yield following
            elif word.startswith(option) and not word.startswith(("-include", "-imacros")):
                yield word.removeprefix(option)


def _as_included(read: Iterable[str], nearby: Iterable[str]) -> Iterator[str]:
    """Yield every name by which a file may have been included: what is below a directory."""
    places = set(nearby)
    for path in read:
        parts = path.split("/")
        for count in range(1, len(parts)):
            if "/".join(parts[:count]) in places:
                yield "/".join(parts[count:])


def _asked_for(path: str) -> set[str]:
    """Return the names in ``__has_include`` in a file; an empty one stands for a macro's."""
    try:
        data = Path(path).read_bytes()
    except OSError:
        return set()
    return {os.fsdecode(name) for name in _ASKED_FOR.findall(data)}


def _existing(name: str, nearby: Iterable[str], digests: Digests) -> dict[str, str]:
    """Return the files of a name, with their digests: each may be the answer to a question."""
    paths = [f"{place}/{name}" for place in nearby]
    return {path: digests.of(path) for path in paths if digests.of(path) != ABSENT}
