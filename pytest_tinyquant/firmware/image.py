"""Builds the firmware image of one model for one board."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_tinyquant.errors import located
from pytest_tinyquant.firmware.elf import ARENA
from pytest_tinyquant.firmware.elf import Elf
from pytest_tinyquant.firmware.image_build import IMAGE
from pytest_tinyquant.firmware.image_build import IMAGE_ID
from pytest_tinyquant.firmware.image_build import ImageBuild
from pytest_tinyquant.system.cache import Cache


if TYPE_CHECKING:
    from pytest_tinyquant.engine import EmittedModel
    from pytest_tinyquant.firmware.elf import FlashUse
    from pytest_tinyquant.firmware.elf import RamUse
    from pytest_tinyquant.project.board_types import Board


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
    work = ImageBuild(emitted, board, tuple(samples), cache)
    libraries = work.libraries()
    kernels = work.selected_kernels(libraries)
    with located(where):
        entry = work.image(libraries, kernels)
    elf = Elf(entry / IMAGE)
    ram = elf.ram_use()
    return FirmwareImage(
        elf=elf.path,
        sha256=hashlib.sha256(elf.loadable_bytes()).hexdigest(),
        image_id=(entry / IMAGE_ID).read_text(),
        toolchain=work.toolchain.version,
        flags=(libraries.entry / "flags.txt").read_text().strip(),
        flash=elf.flash_use(),
        ram=ram,
        symbols=elf.flash_symbols(),
        variables={name: size for name, size in elf.variables().items() if name != ARENA},
        arena_bytes=ram.arena,
    )
