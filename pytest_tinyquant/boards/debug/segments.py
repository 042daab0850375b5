"""What of an ELF file goes into a device's memory, and whether it got there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import FlashError


Segment = tuple[int, bytes]
"""Load address and content."""


def loadable_segments(elf: Path) -> list[Segment]:
    """Return load address and content of the ELF file's loadable segments.

    :raises FlashError: the file cannot be read as an ELF file.
    """
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        with elf.open("rb") as stream:
            segments = list(ELFFile(stream).iter_segments("PT_LOAD"))
            return [(s["p_paddr"], s.data()) for s in segments if s["p_filesz"]]
    except (OSError, ELFError) as error:
        raise FlashError(f"{elf} cannot be read as a firmware image: {error}") from error


def verify(read: Callable[[int, int], bytes], elf: Path, where: str) -> None:
    """Check that a memory holds the loadable segments.

    :param read: returns so many bytes of the memory at an address.
    :raises FlashError: it does not, or cannot be read.
    """
    for address, written in loadable_segments(elf):
        try:
            found = read(address, len(written))
        except BenchError as error:
            raise FlashError(f"{where}: {elf} cannot be read back: {error}") from error
        if found != written:
            first = next(i for i in range(len(written)) if found[i : i + 1] != written[i : i + 1])
            raise FlashError(
                f"{where}: {elf} does not read back as written: first difference at"
                f" {address + first:#010x}, wrote {written[first]:02x}, read {found[first]:02x}"
            )
