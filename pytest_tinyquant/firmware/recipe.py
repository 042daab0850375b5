"""What is built from source packages, and how; :mod:`.source_build` does it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Package:
    """A source package: unpacked, configured and made.

    :param archive: pattern of the source archive that Debian's package installs.
    :param configure: options beside the prefix.
    :param make: names of steps and the arguments of ``make`` in them.
    :param before_make: is given the build's directory before each of them.
    """

    name: str
    archive: str
    configure: tuple[str, ...]
    make: tuple[tuple[str, tuple[str, ...]], ...]
    before_make: Callable[[Path], None] = lambda build: None


@dataclass(frozen=True)
class Recipe:
    """What is built from which packages, in their order.

    :param name: of the recipe's files, and of its target on the command line.
    :param what: what it builds, in words.
    :param key: cache key, from everything that decides what is built.
    :param debian: Debian packages that bring the sources and what building them needs.
    :param tools: programs of those packages that may be missing although the sources are there.
    :param program: the built program, relative to its entry in the cache.
    :param prune: removes from what was installed what nobody needs.
    :param verify: is given the program and a scratch directory; raises
        :class:`ToolchainNotFoundError` if the program does not work.
    """

    name: str
    what: str
    key: str
    debian: str
    tools: tuple[str, ...]
    packages: tuple[Package, ...]
    program: Path
    prune: Callable[[Path], None]
    verify: Callable[[Path, Path], None]

    @property
    def command(self) -> str:
        """Return the command that builds it."""
        return f"tinyquant toolchain {self.name}"
