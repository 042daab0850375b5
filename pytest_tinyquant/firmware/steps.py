"""The steps of an image's build, each of them cached by everything that it depends on."""

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

from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import located
from pytest_tinyquant.firmware.check_samples import check_samples
from pytest_tinyquant.firmware.cmake import Build
from pytest_tinyquant.firmware.cmake import configured
from pytest_tinyquant.firmware.cmake import explained
from pytest_tinyquant.firmware.elf import Elf
from pytest_tinyquant.firmware.keys import DRIVING
from pytest_tinyquant.firmware.keys import IMAGE_INPUTS
from pytest_tinyquant.firmware.keys import KERNEL_INPUTS
from pytest_tinyquant.firmware.keys import LIBRARY_INPUTS
from pytest_tinyquant.firmware.keys import kernel_inputs
from pytest_tinyquant.firmware.keys import library_inputs
from pytest_tinyquant.firmware.memory import check_memories
from pytest_tinyquant.firmware.memory import memory
from pytest_tinyquant.firmware.memory import origins
from pytest_tinyquant.firmware.memory import regions
from pytest_tinyquant.firmware.own_kernels import check_replaces
from pytest_tinyquant.firmware.own_kernels import kernels_of
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
    from pytest_tinyquant.engine import EmittedModel
    from pytest_tinyquant.project.board_types import Board


IMAGE: Final = "image.elf"
IMAGE_ID: Final = "image_id.txt"

_ID_DIGITS = 16
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


class Work:
    """One image to be built, step by step, each of them cached."""

    def __init__(
        self,
        emitted: EmittedModel,
        board: Board,
        samples: tuple[bytes, ...],
        cache: Cache,
    ) -> None:
        check_memories(board)
        self.emitted = emitted
        self.board = board
        self.samples = samples
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
        files = _files(self.own_board) if self.own_board else {}
        return {**files, **({"the setup file": self.setup} if self.setup else {})}

    def selected_kernels(self, libraries: BuiltStep) -> BuiltStep | None:
        """Return the kernels that replace reference kernels; None if none do."""
        if self.kernels == _REFERENCE:
            return None

        def build(output: Path) -> Reads:
            advice = f"look at its kernels, {self.kernels}, and its cflags in boards.toml"
            definitions = {"TQ_KERNELS": self.kernels}
            with (
                located(self.board.name),
                explained(advice, {}),
                self._configured(output, definitions) as made,
            ):
                reads = made.everything()
            if self.own_kernels:
                check_replaces(output, libraries.entry, where=f"{self.board.name}: {self.kernels}")
            return reads

        inputs = kernel_inputs(libraries.key, self.kernels, self.own_kernels)
        return self._step("firmware-kernels", KERNEL_INPUTS, inputs, build, libraries)

    def image(self, libraries: BuiltStep, kernels: BuiltStep | None) -> Path:
        """Return the directory of the linked image and of its identity."""
        inputs = {
            "libraries": libraries.key,
            "kernels": kernels.key if kernels else "",
            "compiler of C++": self.toolchain.cxx_identity() if self._is_cxx() else "",
            "model": _files(self.emitted.directory),
            "model sources": [Path(name).name for name in self.emitted.sources],
            "samples": self.samples,
            "board": self.board.name,
            "memory": memory(self.board),
            "linked": {**self.emitted.linked.definitions},
            "linked files": {**self.emitted.linked.files},
        }
        identity = _identity(inputs, libraries, kernels)
        key = declared_key(IMAGE_INPUTS, inputs)

        def build(output: Path) -> Reads:
            return self._link(output, identity, libraries, kernels)

        return self.cache.entry("firmware", key, build)[0]

    def _is_cxx(self) -> bool:
        return self.emitted.linked.runtime != "engine"

    def _link(
        self, output: Path, identity: str, libraries: BuiltStep, kernels: BuiltStep | None
    ) -> Reads:
        """Compile the model and link it to an image in `output` that says what it was made of."""
        (output / "tq_samples.bin").write_bytes(b"".join(self.samples))
        config = output / "tq_image_config.h"
        config.write_text(self._config("0" * _ID_DIGITS))
        advice = (
            self.emitted.linked.advice
            or f"kernels {self.board.kernels} may lack one that the model needs"
        )
        definitions = {
            "TQ_MODEL_SOURCES": ";".join(
                str(self.emitted.directory / name) for name in self.emitted.sources
            ),
            "TQ_IMAGE_DIR": str(output),
            "TQ_LIBRARY_DIR": str(libraries.entry),
            "TQ_KERNELS_DIR": str(kernels.entry if kernels else ""),
            "TQ_FLASH_BYTES": str(self.board.flash_bytes),
            "TQ_RAM_BYTES": str(self.board.ram_bytes),
            **origins(self.board),
            **self.emitted.linked.definitions,
        }
        own = [self.emitted.directory, libraries.entry, *([kernels.entry] if kernels else [])]
        with (
            explained(advice, regions(self.board)),
            self._configured(output, definitions, own) as made,
        ):
            # What compiling read is known only now, and is in the identity that is compiled in.
            made.make(*made.records.objects())
            compiled = made.records.compiled()
            image_id = Cache.key(identity, compiled.digest())[:_ID_DIGITS]
            config.write_text(self._config(image_id))
            made.compile_anew("app/image.c")
            made.make()
            linked = made.records.linked_and_configured()
        elf = Elf(output / IMAGE)
        if image_id.encode() not in elf.path.read_bytes():
            raise BenchError("the image does not hold its identity; build it again")
        check_samples(elf, self.samples)
        (output / IMAGE_ID).write_text(image_id)
        return compiled.together(linked)

    def _config(self, image_id: str) -> str:
        """Return the header that every image is compiled with."""
        return (
            f'#define TQ_IMAGE_ID "{image_id}"\n'
            f'#define TQ_BOARD_NAME "{self.board.name}"\n'
            f"#define TQ_SAMPLE_COUNT {len(self.samples)}\n"
        )

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
                "TQ_RUNTIME": self.emitted.linked.runtime,
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
        identity = _identity(inputs, libraries, None)
        return BuiltStep(entry, entry.name, Cache.key(identity, reads.without("cmake").digest()))


def _identity(
    inputs: Mapping[str, Any], libraries: BuiltStep | None, kernels: BuiltStep | None
) -> str:
    """Return the digest of what goes into a step, whatever drove its build."""
    steps = {"libraries": libraries, "kernels": kernels}
    kept = {name: value for name, value in inputs.items() if name not in DRIVING}
    return Cache.key(kept | {name: step.identity for name, step in steps.items() if step})


def _files(directory: Path) -> dict[str, Path]:
    """Return the files below `directory` by relative name."""
    return {
        path.relative_to(directory).as_posix(): path
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }
