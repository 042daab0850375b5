"""Builds the firmware image of one model for one board."""

from __future__ import annotations

import hashlib
import importlib.resources
import struct
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.firmware.cmake import explained
from pytest_tinyquant.firmware.cmake import run_cmake
from pytest_tinyquant.firmware.elf import ARENA
from pytest_tinyquant.firmware.elf import Elf
from pytest_tinyquant.firmware.toolchain import Toolchain
from pytest_tinyquant.firmware.toolchain import find_toolchain
from pytest_tinyquant.project.kinds import KINDS
from pytest_tinyquant.system.cache import Cache


if TYPE_CHECKING:
    from pytest_tinyquant.engine import EmittedModel
    from pytest_tinyquant.firmware.elf import FlashUse
    from pytest_tinyquant.firmware.elf import RamUse
    from pytest_tinyquant.project.board_types import Board


_REFERENCE = "reference"
_SOURCES = (".c", ".cc", ".h", ".inc", ".S", ".ld", ".cmake", ".txt")
_MODEL = struct.Struct("<IIIIHHHH")  # tq_model in tq_engine.h
_BUFFER = struct.Struct("<II")  # tq_buffer


@dataclass(frozen=True)
class FirmwareImage:
    """A linked image and what its ELF file says about it.

    :param sha256: digest of the bytes that the device is given.
    :param image_id: 16 hex digits of the digest of everything that went into the build; the
        firmware prints them in its first line.
    :param toolchain: compiler and version.
    :param flags: compiler flags.
    :param symbols: bytes of flash per function and constant.
    :param variables: bytes of RAM per variable, without the arena.
    """

    elf: Path
    sha256: str
    image_id: str
    toolchain: str
    flags: str
    flash: FlashUse
    ram: RamUse
    symbols: Mapping[str, int]
    variables: Mapping[str, int]
    arena_bytes: int


def build(
    emitted: EmittedModel, board: Board, samples: Sequence[bytes], cache: Cache, *, where: str
) -> FirmwareImage:
    """Return the image that runs the emitted model on `board` with `samples` as its inputs.

    :param samples: raw bytes of all inputs, one after the other, for each check sample.
    :param where: model, scheme and board, for messages.
    :raises DoesNotFitError: the image is larger than the board's flash or RAM.
    :raises ConfigurationError: the board's kernels or flags do not compile.
    :raises ToolchainNotFoundError: compiler, CMake or Ninja is missing.
    """
    build = _Build(emitted, board, tuple(samples), where)
    libraries = cache.entry("firmware-library", build.libraries_key, build.libraries)
    kernels = None
    if build.kernels != _REFERENCE:
        kernels = cache.entry("firmware-kernels", build.kernels_key, build.selected_kernels)
    entry = cache.entry(
        "firmware", build.image_key, lambda output: build.image(libraries, kernels, output)
    )
    elf = Elf(entry / "image.elf")
    return FirmwareImage(
        elf=elf.path,
        sha256=hashlib.sha256(elf.loadable_bytes()).hexdigest(),
        image_id=build.image_id,
        toolchain=build.toolchain.version,
        flags=(libraries / "flags.txt").read_text().strip(),
        flash=elf.flash_use(),
        ram=elf.ram_use(),
        symbols=elf.flash_symbols(),
        variables={name: size for name, size in elf.variables().items() if name != ARENA},
        arena_bytes=elf.ram_use().arena,
    )


def firmware_sources() -> Path:
    """Return the directory of the firmware's sources: in the package, or in its repository."""
    package = Path(str(importlib.resources.files("pytest_tinyquant")))
    packaged = package / "_firmware"
    return packaged if packaged.is_dir() else package.parent / "firmware"


class _Build:
    """One image to be built, and the addresses of its parts in the cache."""

    def __init__(
        self, emitted: EmittedModel, board: Board, samples: tuple[bytes, ...], where: str
    ) -> None:
        self.emitted = emitted
        self.board = board
        self.samples = samples
        self.where = where
        self.sources = firmware_sources()
        self.toolchain: Toolchain = find_toolchain(board.kind, board.toolchain)
        self.kernels = _kernels(board, self.sources)
        self.libraries_key = self._libraries_key()
        self.kernels_key = self._kernels_key()
        self.image_key = self._image_key()
        self.image_id = self.image_key[:16]

    def libraries(self, output: Path) -> None:
        """Build what all images of the board share into `output`."""
        advice = "look at the cflags of this board in boards.toml"
        with explained(self.board.name, advice, {}):
            self._cmake(output, {})

    def selected_kernels(self, output: Path) -> None:
        """Build the kernels that replace reference kernels into `output`."""
        advice = f"look at its kernels, {self.kernels}, and its cflags in boards.toml"
        with explained(self.board.name, advice, {}):
            self._cmake(output, {"TQ_KERNELS": self.kernels})

    def image(self, libraries: Path, kernels: Path | None, output: Path) -> None:
        """Compile the model and link it to ``image.elf`` in `output`.

        :param kernels: where the selected kernels are; None for the reference kernels alone.
        """
        (output / "tq_samples.bin").write_bytes(b"".join(self.samples))
        (output / "tq_image_config.h").write_text(
            f'#define TQ_IMAGE_ID "{self.image_id}"\n'
            f'#define TQ_BOARD_NAME "{self.board.name}"\n'
            f"#define TQ_SAMPLE_COUNT {len(self.samples)}\n"
        )
        advice = (
            self.emitted.linked.advice
            or f"kernels {self.board.kernels} may lack one that the model needs"
        )
        model_sources = [str(self.emitted.directory / name) for name in self.emitted.sources]
        with explained(self.where, advice, _regions(self.board)):
            self._cmake(
                output,
                {
                    "TQ_MODEL_SOURCES": ";".join(model_sources),
                    "TQ_IMAGE_DIR": str(output),
                    "TQ_LIBRARY_DIR": str(libraries),
                    "TQ_KERNELS_DIR": str(kernels or ""),
                    "TQ_FLASH_BYTES": str(self.board.flash_bytes),
                    "TQ_RAM_BYTES": str(self.board.ram_bytes),
                    **self.emitted.linked.definitions,
                },
            )
        self._check_samples(Elf(output / "image.elf"))

    def _cmake(self, output: Path, definitions: Mapping[str, str]) -> None:
        """Run the firmware's CMakeLists.txt for this board."""
        run_cmake(
            self.sources,
            output,
            KINDS[self.board.kind].toolchain_file
            or self.sources / "cmake" / f"{self.board.kind}.cmake",
            {
                "TQ_TOOL_PREFIX": self.toolchain.prefix,
                "TQ_MACHINE": self.board.firmware,
                "TQ_RUNTIME": self.emitted.linked.runtime,
                "TQ_CFLAGS": ";".join(self.board.cflags),
                **definitions,
            },
        )

    def _check_samples(self, elf: Elf) -> None:
        """Raise ConfigurationError unless each sample has the size of the model's inputs."""
        expected = _input_bytes(elf)
        for number, sample in enumerate(self.samples):
            if len(sample) != expected:
                raise ConfigurationError(
                    f"{self.where}: check sample {number} has {len(sample)} bytes, the model takes "
                    f"{expected}; the check set was made for another model"
                )

    def _libraries_key(self) -> str:
        return Cache.key(
            {
                "toolchain": self.toolchain.identity,
                "sources": _firmware_files(self.sources),
                "machine": self.board.firmware,
                "cflags": self.board.cflags,
                "runtime": self.board.runtime,
            }
        )

    def _kernels_key(self) -> str:
        own = _files(Path(self.kernels), _SOURCES) if Path(self.kernels).is_absolute() else {}
        return Cache.key({"libraries": self.libraries_key, "set": own or self.kernels})

    def _image_key(self) -> str:
        return Cache.key(
            {
                "kernels": self.kernels_key,
                "model": _files(self.emitted.directory),
                "model sources": [str(Path(name).name) for name in self.emitted.sources],
                "samples": self.samples,
                "board": self.board.name,
                "memory": (self.board.flash_bytes, self.board.ram_bytes),
                "linked": {**self.emitted.linked.definitions},
                "linked files": {**self.emitted.linked.files},
            }
        )


def _firmware_files(sources: Path) -> dict[str, Path]:
    """Return the sources that an image may be built from; the emulator's plug-in is none."""
    files = _files(sources, _SOURCES)
    return {name: path for name, path in files.items() if not name.startswith("emulator/")}


def _regions(board: Board) -> dict[str, int]:
    """Return the bytes of the memory regions of the board's linker script."""
    return KINDS[board.kind].regions(board.flash_bytes, board.ram_bytes)


def _kernels(board: Board, sources: Path) -> str:
    """Return the name of a kernel set of the firmware, or the path of the user's kernels."""
    sets = sources / "engine" / "kernels"
    names = sorted(path.parent.name for path in sets.glob("*/*.c") if path.parent.name != "common")
    if board.kernels in names:
        return board.kernels
    directory = Path(board.kernels).absolute()
    if not any(directory.glob("*.[cS]")):
        raise ConfigurationError(
            f"{board.name}: kernels {board.kernels!r} is neither a directory with C sources nor "
            f"one of the kernel sets {', '.join(sorted(set(names)))}; correct it in boards.toml"
        )
    return str(directory)


def _files(directory: Path, suffixes: Sequence[str] = ()) -> dict[str, Path]:
    """Return the files below `directory` by relative name; all of them without `suffixes`."""
    return {
        path.relative_to(directory).as_posix(): path
        for path in sorted(directory.rglob("*"))
        if path.is_file() and (not suffixes or path.suffix in suffixes)
    }


def _input_bytes(elf: Elf) -> int:
    """Return the size of all inputs of the model in the image."""
    symbol = elf.symbol("tq_model_instance")
    if symbol is None:
        raise ConfigurationError(f"{elf.path}: there is no tq_model_instance; build it again")
    _, inputs, _, _, _, count, _, _ = _MODEL.unpack(elf.read(symbol.address, _MODEL.size))
    table = elf.read(inputs, count * _BUFFER.size)
    return sum(size for _, size in _BUFFER.iter_unpack(table))
