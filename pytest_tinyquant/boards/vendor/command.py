"""Runs the commands of a tool, each in a directory and an environment of its own."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from typing import NoReturn

from pytest_tinyquant.boards.vendor.parser import parser_of
from pytest_tinyquant.boards.vendor.report import REPORT_LIMIT
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import EstimateError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.errors import UnsupportedModelError
from pytest_tinyquant.project.tool import Tool
from pytest_tinyquant.system import environment
from pytest_tinyquant.system.cache import Cache
from pytest_tinyquant.system.digests import program_digest
from pytest_tinyquant.system.lifetime import die_with_parent
from pytest_tinyquant.system.scratch import scratch_directory
from pytest_tinyquant.system.trouble import ending


_ESCAPES: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_VERSION: Final = "version"
_VERSION_SECONDS: Final = 120.0
_LINES_SHOWN: Final = 5


@dataclass(frozen=True)
class Commands:
    """The commands of one board's tool.

    :param board: its name, for messages.
    :param timeout: seconds that one command may take where the tool's table says nothing.
    """

    board: str
    tool: Tool
    timeout: float

    def run(self, places: Mapping[str, str], scratch: Path, *, where: str) -> dict[str, str]:
        """Run all commands and return what each printed.

        :param places: values of the placeholders.
        :param scratch: an existing directory for the tool's home and what it prints.
        :raises ToolchainNotFoundError: a program is not there.
        :raises UnsupportedModelError: the tool says that it does not take the model.
        :raises BenchError: it was killed, hangs, or failed for another reason.
        """
        seconds = self.tool.seconds or self.timeout
        filled = {**self._standing(), **places}
        return {
            name: self._call(name, self.tool.filled(words, filled), scratch, seconds, where)
            for name, words in self.tool.commands.items()
        }

    def digest(self) -> str:
        """Return the digest of the tool: its programs and the files that its commands name.

        :raises ToolchainNotFoundError: a program is not there.
        """
        found: dict[str, object] = {}
        for name, words in {**self.tool.commands, _VERSION: self.tool.version}.items():
            if not words:
                continue
            filled = self.tool.filled(words, self._standing())
            for place, word in enumerate(filled):
                file = self._program(word) if place == 0 else word
                if place == 0 or (os.path.isabs(word) and os.path.isfile(word)):
                    found[f"{name} {place}"] = program_digest(file, lasting=False)
        return Cache.key(found)

    def version(self) -> str:
        """Return the first line that the tool prints about its version; its title if it has none.

        :raises ToolchainNotFoundError: it is not there.
        :raises BenchError: it prints nothing, or fails.
        """
        if not self.tool.version:
            return parser_of(self.tool).title
        return _version(self, self.digest())

    def asked_version(self) -> str:
        """Ask the tool for its version now."""
        with scratch_directory() as scratch:
            words = self.tool.filled(self.tool.version, self._standing())
            said = self._call(_VERSION, words, scratch, _VERSION_SECONDS, self.board)
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        if not lines:
            raise EstimateError(
                f"{self.board}: {self.tool.version[0]} printed no version; correct the command "
                "'version' of its tool in boards.toml"
            )
        return lines[0][:200]

    def _call(self, name: str, words: list[str], scratch: Path, seconds: float, who: str) -> str:
        """Run one command and return what it printed."""
        log = scratch / f"{name}.log"
        code = self._executed([self._program(words[0]), *words[1:]], log, scratch, seconds)
        parser = parser_of(self.tool)
        said = _read(log, f"{who}: {parser.title}: {name}")
        if code is None:
            raise BenchError(
                f"{who}: {parser.title}: {name} did not finish in {seconds:g} s and was stopped; "
                f"run again, or give it more with 'seconds'{_tail(said)}"
            )
        if code or parser.complaint.search(said):
            self._fail(name, code, said, who)
        return said

    def _executed(self, command: list[str], log: Path, scratch: Path, seconds: float) -> int | None:
        """Run a command; return its exit code, None if it had to be stopped with all it started."""
        made = environment.made(scratch, **dict(self.tool.variables))
        for name in self.tool.pass_variables:
            if name in os.environ:
                made[name] = os.environ[name]
        with log.open("wb") as stream:
            try:
                process = subprocess.Popen(
                    [*die_with_parent(), *command],
                    stdin=subprocess.DEVNULL,
                    stdout=stream,
                    stderr=subprocess.STDOUT,
                    cwd=scratch,
                    env=made,
                    start_new_session=True,
                )
            except OSError as error:
                raise self._absent(command[0], str(error.strerror)) from error
            try:
                return process.wait(seconds)
            except subprocess.TimeoutExpired:
                return None
            finally:
                if process.poll() is None:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
                    process.wait()

    def _fail(self, name: str, code: int, said: str, place: str) -> NoReturn:
        """Raise why a command failed: the model's fault only where the tool says so."""
        parser = parser_of(self.tool)
        who = f"{place}: {parser.title}: {name}"
        ended = ending(code, said)
        complaint = parser.complaint.search(said)
        refusal = parser.refusal.search(said)
        if refusal and not ended.machine and not ended.crashed:
            line = said[refusal.start() :].strip().partition("\n")[0]
            raise UnsupportedModelError(
                f"{who} refuses this model: {line}. Choose another scheme, or another board",
                reason=line,
            )
        if name == _VERSION:
            raise ToolchainNotFoundError(
                f"{who} {ended.words or 'failed'}; {parser.install}{_tail(said)}"
            )
        reason = ended.words or (complaint[0].strip() if complaint else "failed")
        raise BenchError(
            f"{who} {reason}: nothing was found out about the model{_tail(said)}\n"
            f"Run the command by hand: {' '.join(self.tool.filled(getattr(self.tool, name), {}))}"
        )

    def _standing(self) -> dict[str, str]:
        """Return the placeholders that are the same for every model."""
        return {"python": sys.executable, "here": self.tool.directory}

    def _program(self, word: str) -> str:
        """Return the path of a program: one with a slash is relative to the boards.toml."""
        if os.sep in word:
            path = os.path.join(self.tool.directory, word)
            if not os.path.isfile(path):
                raise self._absent(word, "there is no such file")
            return path
        found = shutil.which(word)
        if found is None:
            raise self._absent(word, "it is not on the PATH")
        return os.path.abspath(found)

    def _absent(self, program: str, why: str) -> ToolchainNotFoundError:
        parser = parser_of(self.tool)
        return ToolchainNotFoundError(
            f"{self.board}: {program} cannot be run: {why}; {parser.install}"
        )


@functools.cache
def _version(commands: Commands, digest: str) -> str:
    """Return the version that a program of this digest told."""
    del digest
    return commands.asked_version()


def _read(log: Path, who: str) -> str:
    """Return what a command printed.

    :raises EstimateError: it is too much to be a report.
    """
    if log.stat().st_size > REPORT_LIMIT:
        raise EstimateError(
            f"{who} printed {log.stat().st_size:,} bytes; {REPORT_LIMIT:,} are read at most. Run "
            "it by hand and see what it prints"
        )
    return _ESCAPES.sub("", log.read_text("utf-8", "replace").replace("\r\n", "\n"))


def _tail(said: str) -> str:
    lines = [line for line in said.strip().splitlines() if line.strip()]
    shown = "".join(f"\n  {line[:300]}" for line in lines[-_LINES_SHOWN:])
    return f". It said:{shown}" if shown else ". It said nothing"
