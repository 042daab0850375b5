"""``labgrid-client``, called as a program.

labgrid brings ``pyserial-labgrid``, which replaces the pyserial of the environment it is installed
in; so it lives in an environment of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.project.bench import PhysicalBoard
from pytest_tinyquant.system.cache import Cache


VARIABLE: Final = "TINYQUANT_LABGRID_CLIENT"
"""Names the program where it is neither in the cache nor on the PATH."""

PROGRAM: Final = "labgrid-client"
KIND: Final = "labgrid"

VERSION: Final = "26.0.1"
"""The version whose output is read, and that ``tinyquant toolchain labgrid`` installs."""

SECONDS: Final = 60.0
"""What an answer of the coordinator may take."""

_INSTALL: Final = (
    "install it into an environment of its own with: tinyquant toolchain labgrid; or name the "
    f"program in {VARIABLE}"
)

_UNREACHED: Final = (
    "; see whether the coordinator is up there, and that labgrid is 25.0 or later on both sides: "
    f"before, it spoke another protocol. {VERSION} is tested"
)


class FarmError(BenchError):
    """The coordinator, a place or the program that talks to them does not do its part."""


class NoAnswerError(FarmError):
    """The program took longer than it may."""


class OtherPlaceError(FarmError):
    """There is no place for a row yet, and the run holds one for a row that would do as well.

    :param rows: such rows.
    """

    def __init__(self, message: str, rows: Sequence[PhysicalBoard]) -> None:
        super().__init__(message)
        self.rows = tuple(rows)


class NoSuchPlaceError(FarmError):
    """No place has the tags that a row asks for, whoever holds it."""


class PlaceGoneError(FarmError):
    """The place that this run held is held by nobody, or by somebody else."""


class Client:
    """Asks one coordinator, in the name of one run.

    :param owner: who places are held by, as labgrid shows it; unlike that of any other run.
    :param coordinator: its address; empty for the one that the environment names.
    :param program: None looks for it.
    """

    def __init__(self, owner: str, coordinator: str = "", *, program: str | None = None) -> None:
        self.owner = owner
        self.coordinator = coordinator
        self._program = program

    def call(self, *arguments: str, token: str = "", timeout: float = SECONDS) -> str:
        """Return what the program prints.

        :param token: of a reservation.
        :raises ToolchainNotFoundError: there is no such program.
        :raises FarmError: it failed, with its own words, or took too long.
        """
        program = self._program = self._program or find_program()
        words, where = f"{PROGRAM} {' '.join(arguments)}", self.coordinator or coordinator()
        try:
            done = subprocess.run(
                [program, *arguments],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout,
                check=False,
                env=self._environment(token),
            )
        except subprocess.TimeoutExpired:
            raise NoAnswerError(
                f"{words}: no answer from {where} in {timeout:g} s; see whether the "
                "coordinator is up and the network reaches it"
            ) from None
        except OSError as error:
            raise ToolchainNotFoundError(
                f"{program} cannot be run: {error.strerror or error}; {_INSTALL}"
            ) from error
        if done.returncode == 0:
            return done.stdout
        said = _said(done.stderr or done.stdout)
        hint = _UNREACHED if "not connect" in said else ""
        raise FarmError(f"{words}: {said} (at {where}){hint}")

    def _environment(self, token: str) -> dict[str, str]:
        """Return the user's environment without what belongs to our Python or to another place."""
        ours = ("PYTHONPATH", "PYTHONHOME", "LG_TOKEN", "LG_PLACE", "LG_ENV", "LG_USERNAME")
        environment = {key: value for key, value in os.environ.items() if key not in ours}
        environment["LG_USERNAME"] = self.owner
        if token:
            environment["LG_TOKEN"] = token
        if self.coordinator:
            environment["LG_COORDINATOR"] = self.coordinator
        return environment


def find_program() -> str:
    """Return the program's path.

    :raises ToolchainNotFoundError: it is not installed.
    """
    named = os.environ.get(VARIABLE)
    if named:
        return named
    built = Cache().find(KIND, cache_key())
    if built is not None:
        return str(built / "bin" / PROGRAM)
    found = shutil.which(PROGRAM)
    if found is None:
        raise ToolchainNotFoundError(f"{PROGRAM} is not installed; {_INSTALL}")
    return found


def unreadable(command: str, what: str, printed: str) -> FarmError:
    """Return the error that says that the program printed something else than was expected."""
    return FarmError(
        f"{PROGRAM} {command}: {what}: {printed[:200]!r}; if `{PROGRAM} version` is not {VERSION}, "
        f"{_INSTALL}"
    )


def cache_key() -> str:
    """Return the address of the program's environment in the cache."""
    return Cache.key(KIND, VERSION, sys.version)


def install() -> Path:
    """Install labgrid into an environment in the cache, unless it is there; return its program.

    :raises FarmError: pip failed, with its last words.
    :raises CacheError: the cache cannot be written.
    """
    return Cache().entry(KIND, cache_key(), _install_into) / "bin" / PROGRAM


def coordinator() -> str:
    """Return the coordinator's address as labgrid takes it from the environment."""
    return os.environ.get("LG_COORDINATOR", "127.0.0.1:20408")


def _install_into(directory: Path) -> None:
    """Fill a directory of the cache; the programs' first lines name where it will be found."""
    for command in (
        [sys.executable, "-m", "venv", "--copies", str(directory)],
        [str(directory / "bin/python"), "-m", "pip", "install", f"labgrid=={VERSION}"],
    ):
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise FarmError(f"labgrid cannot be installed: {_said(done.stderr or done.stdout)}")
    program = directory / "bin" / PROGRAM
    # The entry is moved to its place when it is complete, so no path may lead into this one.
    program.write_text(
        "#!/bin/sh\n"
        'here=$(dirname "$(readlink -f "$0")")\n'
        'exec "$here/python" -m labgrid.remote.client "$@"\n'
    )
    program.chmod(0o755)


def _said(output: str) -> str:
    """Return the program's last words on one line."""
    return " ".join(output.split())[-400:] or "it said nothing"
