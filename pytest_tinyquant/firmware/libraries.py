"""What all images of a board share: its libraries, and the kernels that replace reference kernels.

Each is a step of its own, cached by everything that it depends on.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_tinyquant.errors import located
from pytest_tinyquant.firmware.cmake import Build
from pytest_tinyquant.firmware.cmake import configured
from pytest_tinyquant.firmware.cmake import explained
from pytest_tinyquant.firmware.keys import DRIVING
from pytest_tinyquant.firmware.keys import KERNEL_INPUTS
from pytest_tinyquant.firmware.keys import LIBRARY_INPUTS
from pytest_tinyquant.firmware.keys import kernel_inputs
from pytest_tinyquant.firmware.keys import library_inputs
from pytest_tinyquant.firmware.memory import check_memories
from pytest_tinyquant.firmware.own_kernels import kernels_of
from pytest_tinyquant.firmware.own_kernels import replaced_kernels
from pytest_tinyquant.firmware.power_windows import with_windows
from pytest_tinyquant.firmware.sources import firmware_sources
from pytest_tinyquant.firmware.toolchain import Toolchain
from pytest_tinyquant.firmware.toolchain import find_build_tool
from pytest_tinyquant.firmware.toolchain import find_toolchain
from pytest_tinyquant.project.kinds import KINDS
from pytest_tinyquant.system.cache import Cache
from pytest_tinyquant.system.digests import declared_key
from pytest_tinyquant.system.reads import Digests
from pytest_tinyquant.system.reads import Places
from pytest_tinyquant.system.reads import Reads
from pytest_tinyquant.system.traced import TracedCache


if TYPE_CHECKING:
    from pytest_tinyquant.project.board_types import Board


ENGINE: Final = "engine"
"""What CMake calls the runtime that takes kernels."""

_REFERENCE = "reference"


@dataclass(frozen=True)
class BuiltStep:
    """A step that is done.

    :param entry: where its result is.
    :param key: of the entry.
    :param identity: of what is in it, wherever and with whatever build tools it was built.
    """

    entry: Path
    key: str
    identity: str


class Libraries:
    """The libraries of a board, each cached.

    :param linked: what CMake calls the runtime.
    """

    def __init__(self, board: Board, cache: Cache, *, linked: str = ENGINE) -> None:
        check_memories(board)
        self.board = board
        self.linked = linked
        self.replaced: frozenset[str] = frozenset()
        self.sources = firmware_sources()
        self.toolchain: Toolchain = find_toolchain(board.kind, board.toolchain)
        self.kernels = kernels_of(board, self.sources)
        self.own_kernels = Path(self.kernels) if Path(self.kernels).is_absolute() else None
        self.cflags = with_windows(board)
        chip = Path(board.firmware)
        self.own_board = chip if chip.is_absolute() else None
        self.setup = Path(board.setup) if board.setup else None
        self.tools = (find_build_tool("cmake"), find_build_tool("ninja"))
        # CMake's own modules are a part of that program.
        modules = self.tools[0].parents[1] / "share"
        self.places = Places(
            {
                "firmware": self.sources,
                "toolchain": self.toolchain.root,
                "cmake": modules,
                **({"kernels": self.own_kernels} if self.own_kernels else {}),
                **({"chip": self.own_board} if self.own_board else {}),
                **({"setup": self.setup.parent} if self.setup else {}),
            }
        )
        self.cache = TracedCache(cache, self.places, Digests())

    def libraries(self) -> BuiltStep:
        """Return what all images of the board share."""
        inputs = library_inputs(
            self.sources,
            toolchain=self.toolchain.identity,
            tools=self.tools,
            toolchain_file=KINDS[self.board.kind].toolchain_file,
            kind=self.board.kind,
            machine=self.board.firmware if self.own_board is None else "",
            own_files=self._own_files(),
            console=self.board.console,
            cflags=self.cflags,
            runtime=self.board.runtime,
        )

        def build(output: Path) -> Reads:
            advice = "look at the cflags of this board in boards.toml"
            with (
                located(self.board.name),
                explained(advice, {}),
                self._configured(output, {}) as made,
            ):
                return made.everything()

        return self._step("firmware-library", LIBRARY_INPUTS, inputs, build)

    def _own_files(self) -> dict[str, Path]:
        """Return the files of the user's board directory and set-up file, by name."""
        files = files_below(self.own_board) if self.own_board else {}
        return {**files, **({"the setup file": self.setup} if self.setup else {})}

    def selected_kernels(self, libraries: BuiltStep) -> list[BuiltStep]:
        """Return the kernels that replace reference kernels, those that win first.

        From then on :attr:`replaced` has the names of those that the user's own ones replace.

        :raises ConfigurationError: the user's replace none, or do not compile.
        """
        rest = self.board.kernel_set if self.own_kernels else self.kernels
        names = [str(self.own_kernels)] if self.own_kernels else []
        names += [rest] if rest not in ("", _REFERENCE) else []
        steps = [self._kernels(name, libraries) for name in names]
        if self.own_kernels:
            own, *sets = [step.entry for step in steps]
            where = f"{self.board.name}: {self.own_kernels}"
            self.replaced = replaced_kernels(own, [libraries.entry, *sets], where=where)
        return steps

    def _kernels(self, name: str, libraries: BuiltStep) -> BuiltStep:
        """Return the library of a set of the firmware, or of a directory of the user's."""
        own = Path(name) if Path(name).is_absolute() else None

        def build(output: Path) -> Reads:
            advice = f"look at its kernels, {name}, and its cflags in boards.toml"
            with (
                located(self.board.name),
                explained(advice, {}),
                self._configured(output, {"TQ_KERNELS": name}) as made,
            ):
                return made.everything()

        inputs = kernel_inputs(libraries.key, name, own)
        return self._step("firmware-kernels", KERNEL_INPUTS, inputs, build, libraries)

    def _configured(
        self, output: Path, definitions: Mapping[str, str], own: Sequence[Path] = ()
    ) -> AbstractContextManager[Build]:
        """Configure the firmware's CMakeLists.txt for this board."""
        return configured(
            self.sources,
            output,
            KINDS[self.board.kind].toolchain_file
            or self.sources / "cmake" / f"{self.board.kind}.cmake",
            {
                "TQ_TOOL_PREFIX": self.toolchain.prefix,
                "TQ_MACHINE": self.board.firmware,
                "TQ_RUNTIME": self.linked,
                "TQ_CFLAGS": ";".join(self.cflags),
                "TQ_CONSOLE": self.board.console,
                "TQ_SETUP": self.board.setup,
                **definitions,
            },
            places=self.places,
            own=own,
        )

    def _step(
        self,
        kind: str,
        table: Mapping[str, str],
        inputs: Mapping[str, Any],
        build: Callable[[Path], Reads],
        libraries: BuiltStep | None = None,
    ) -> BuiltStep:
        """Return a cached step with its key and identity."""
        key = declared_key(table, inputs)
        entry, reads = self.cache.entry(kind, key, build)
        identity = identity_of(inputs, libraries)
        return BuiltStep(entry, entry.name, Cache.key(identity, reads.without("cmake").digest()))


def planned_kernels(board: Board, cache: Cache) -> tuple[str, frozenset[str]]:
    """Return the kernel set that a model is planned for, and which kernels the user's own replace.

    :raises ConfigurationError: the user's kernels replace none, or do not compile.
    :raises ToolchainNotFoundError: what compiles them is missing.
    """
    if not (board.has_own_kernels and board.kernel_set):
        return board.kernels, frozenset()
    work = Libraries(board, cache)
    work.selected_kernels(work.libraries())
    return board.kernel_set, work.replaced


def identity_of(
    inputs: Mapping[str, Any], libraries: BuiltStep | None, kernels: Sequence[BuiltStep] = ()
) -> str:
    """Return the digest of what goes into a step, whatever drove its build."""
    steps = {"libraries": libraries} if libraries else {}
    # Those that win have the name that the only ones have.
    steps |= dict(zip(("kernels", "kernel set"), kernels, strict=False))
    kept = {name: value for name, value in inputs.items() if name not in DRIVING}
    return Cache.key(kept | {name: step.identity for name, step in steps.items()})


def files_below(directory: Path) -> dict[str, Path]:
    """Return the files below `directory` by relative name."""
    return {
        path.relative_to(directory).as_posix(): path
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }
