"""Builds programs that Debian has no package of from its source packages, into the cache.

One entry of the cache holds what a :class:`~.recipe.Recipe` builds, with a manifest of its files.
What is unfinished stays beside it, step by step, so that a build that was stopped resumes there.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.firmware.recipe import Recipe
from pytest_tinyquant.system import atomic
from pytest_tinyquant.system import environment
from pytest_tinyquant.system.cache import Cache
from pytest_tinyquant.system.lifetime import die_with_parent
from pytest_tinyquant.system.trouble import ending


CACHE_KIND = "toolchain"

Say = Callable[[str], None]

_HEARTBEAT = 20.0
_TAIL_LINES = 15
_LOCK_TIMEOUT = 2 * 3600.0


@dataclass(frozen=True)
class MakeStep:
    """One call of ``make``, or of a program that prepares it.

    :param command: its program and arguments; runs at low priority.
    :param before: prepares the step.
    """

    name: str
    command: tuple[str, ...]
    directory: Path
    before: Callable[[], None] = lambda: None


def find_built(recipe: Recipe, cache: Cache) -> Path | None:
    """Return the program that :func:`build` put into `cache`, if its entry is intact."""
    entry = cache.find(CACHE_KIND, recipe.key)
    return None if entry is None else entry / recipe.program


def build(recipe: Recipe, cache: Cache, say: Say) -> Path:
    """Return the program in `cache`, built now if it is not there.

    :param say: is given a line for every step, and now and then while one lasts.
    :raises ToolchainNotFoundError: the sources are missing and cannot be installed by this
        user, or a step failed; the next call goes on with that step.
    """
    if (program := find_built(recipe, cache)) is not None:
        return program
    sources = find_sources(recipe, say)
    work = cache.root / CACHE_KIND / f"{recipe.name}.work"

    def fill(entry: Path) -> None:
        work.mkdir(parents=True, exist_ok=True)
        with _alone(work, say) as held:
            steps = _Steps(recipe, work, held, say)
            for step in steps.all(sources):
                steps.run(step)
        say("keeping what running it needs")
        shutil.copytree(steps.prefix, entry, dirs_exist_ok=True, symlinks=True)
        recipe.prune(entry)
        _record_sources(entry, sources)
        say("trying it out")
        recipe.verify(entry / recipe.program, work)

    entry = cache.entry(CACHE_KIND, recipe.key, fill, lock_timeout=_LOCK_TIMEOUT)
    shutil.rmtree(work, ignore_errors=True)
    return entry / recipe.program


def find_sources(recipe: Recipe, say: Say) -> dict[str, Path]:
    """Return the source archives by package, installed now if root runs this on Debian."""
    sources = _installed_sources(recipe)
    if len(sources) < len(recipe.packages) or not all(map(shutil.which, recipe.tools)):
        install = f"apt-get install --yes --no-install-recommends {recipe.debian}"
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            raise ToolchainNotFoundError(
                f"{recipe.what} is built from Debian's source packages; install them first: "
                f"sudo {install}"
            )
        say("installing Debian's source packages and what building them needs")
        for command in ("apt-get update --quiet", install):
            result = subprocess.run(
                command.split(),
                # It makes no result, and may need the user's proxy.
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
                capture_output=True,
                text=True,
                check=False,
            )
            if result.returncode:
                raise ToolchainNotFoundError(f"{command} failed: {_tail(result.stderr)}")
        sources = _installed_sources(recipe)
    if missing := [package for package in recipe.packages if package.name not in sources]:
        patterns = ", ".join(package.archive for package in missing)
        raise ToolchainNotFoundError(
            f"no source archive is at {patterns}; reinstall {recipe.debian}"
        )
    return sources


def _installed_sources(recipe: Recipe) -> dict[str, Path]:
    """Return the newest source archive of every package that has one."""
    found = {
        package.name: sorted(Path("/").glob(package.archive.removeprefix("/")))
        for package in recipe.packages
    }
    return {name: archives[-1] for name, archives in found.items() if archives}


@contextlib.contextmanager
def _alone(work: Path, say: Say) -> Iterator[int]:
    """Yield a descriptor that holds `work` for whoever inherits it, once nobody else has it.

    The cache's lock is free as soon as its holder is killed; what that process had started may
    still be busy then.
    """
    import fcntl

    with (work / "busy").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for what a build that was killed left running")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


@dataclass(frozen=True)
class _Steps:
    """The steps of one build.

    :param held: descriptor that every step and all that it starts inherits.
    """

    recipe: Recipe
    work: Path
    held: int
    say: Say

    @property
    def prefix(self) -> Path:
        """Return where the packages are installed."""
        return self.work / "prefix"

    def all(self, sources: Mapping[str, Path]) -> Iterator[MakeStep]:
        """Yield the steps in order."""
        for package in self.recipe.packages:
            name = package.name
            source, build = self.work / "source" / name, self.work / "build" / name
            unpack = ("tar", "-xf", str(sources[name]), "--strip-components=1", "-C", str(source))
            prepare = functools.partial(_empty, source)
            yield MakeStep(f"{name}: unpack", unpack, self.work, prepare)
            configure = (str(source / "configure"), f"--prefix={self.prefix}", *package.configure)
            prepare = functools.partial(_empty, build)
            yield MakeStep(f"{name}: configure", configure, build, prepare)
            for step, arguments in package.make:
                # Not every installation orders its steps.
                jobs = "-j1" if step == "install" else f"-j{os.cpu_count() or 1}"
                prepare = functools.partial(package.before_make, build)
                yield MakeStep(f"{name}: {step}", ("make", jobs, *arguments), build, prepare)

    def run(self, step: MakeStep) -> None:
        """Run one step unless it is done; its output goes to a file in the work directory."""
        name = step.name.replace(": ", "-")
        done, log = self.work / f"{name}.done", self.work / f"{name}.log"
        if done.is_file():
            self.say(f"{step.name}: done before")
            return
        step.before()
        started = time.monotonic()
        with log.open("wb") as output:
            process = subprocess.Popen(
                # TERM, which make passes on to the commands of its rules.
                (*die_with_parent("TERM"), "nice", "-n", "10", *step.command),
                cwd=step.directory,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=(self.held,),
            )
            self._wait(process, step.name, started)
        if process.returncode < 0:
            raise BenchError(
                f"building {self.recipe.what}: {step.name} {ending(process.returncode).words} (log "
                f"{log}); `{self.recipe.command}` goes on there"
            )
        if process.returncode:
            raise ToolchainNotFoundError(
                f"building {self.recipe.what} failed at {step.name} (log {log}):\n"
                f"{_tail(log.read_text(errors='replace'))}\n"
                f"Mend the cause; `{self.recipe.command}` goes on there."
            )
        atomic.write_text(done, "")
        self.say(f"{step.name}: {time.monotonic() - started:.0f} s")

    def _environment(self) -> dict[str, str]:
        """Return the environment of a step, which finds the programs of earlier ones."""
        scratch = self.work / "scratch"
        scratch.mkdir(exist_ok=True)
        made = environment.made(scratch)
        return {**made, "PATH": f"{self.prefix / 'bin'}{os.pathsep}{made['PATH']}"}

    def _wait(self, process: subprocess.Popen[bytes], name: str, started: float) -> None:
        """Wait for a step to end and report every so often that it has not."""
        try:
            while True:
                try:
                    process.wait(_HEARTBEAT)
                    return
                except subprocess.TimeoutExpired:
                    self.say(f"{name}: running for {time.monotonic() - started:.0f} s")
        finally:
            process.terminate()
            process.wait()


def _empty(directory: Path) -> None:
    """Make `directory` an empty one."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)


def _record_sources(entry: Path, sources: Mapping[str, Path]) -> None:
    """Write which archives the program was built from."""
    lines = []
    for archive in sources.values():
        with archive.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        lines.append(f"{digest}  {archive.name}\n")
    atomic.write_text(entry / "SOURCES", "".join(lines))


def _tail(text: str) -> str:
    """Return the last lines of a program's output."""
    return "\n".join(text.strip().splitlines()[-_TAIL_LINES:])
