"""The memory of an emulated RX, and what was written to where an RX65N has none.

The core has no memory protection in QEMU, and the microcontroller sits in an address space full of
RAM. That RAM is an anonymous file here: after a run, whatever is in it and belongs to no memory of
the chip was written through a bad pointer. A read leaves no trace; it returns 0.

Addresses: RX65N Group, RX651 Group User's Manual: Hardware, chapter 4 "address space".
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path

from pytest_tinyquant.boards.debug.segments import Segment
from pytest_tinyquant.boards.debug.segments import loadable_segments
from pytest_tinyquant.errors import InvalidOutputError


ADDRESS_SPACE = 1 << 32
ON_CHIP_FLASH = ADDRESS_SPACE - 512 * 1024
"""Where the RX62N's own flash begins, which QEMU keeps elsewhere; it cannot be written there."""

RAM = (range(256 * 1024), range(0x0080_0000, 0x0086_0000))

_NULL_PAGE = 0x80  # board.ld: nothing but a copy of the fixed vectors, at 0x10
_VECTORS_COPY = range(0x10, 0x40)
_VECTORS = 0xFFFFFFD0


class AddressSpace:
    """All 4 GB of an RX's address space as a file that QEMU takes for its RAM."""

    def __init__(self) -> None:
        self.fd = os.memfd_create("rx-address-space")
        os.truncate(self.fd, ADDRESS_SPACE)

    def close(self) -> None:
        """Free the memory; QEMU keeps its own hold on it."""
        os.close(self.fd)

    def stray_writes(self, image: Sequence[Segment]) -> Iterator[tuple[int, bytes]]:
        """Yield address and content of what is in the space beside the RAM and the image."""
        for place in self._used():
            found = os.pread(self.fd, len(place), place.start)
            expected = bytearray(len(place))
            for address, data in image:
                _put(expected, address - place.start, data)
            if found != expected:
                first = next(i for i in range(len(found)) if found[i] != expected[i])
                yield place.start + first, found[first : first + 4]

    def _used(self) -> Iterator[range]:
        """Yield the stretches that were ever written, without the RAM and the on-chip flash."""
        taken = [*RAM, range(ON_CHIP_FLASH, ADDRESS_SPACE)]
        for before, after in itertools.pairwise(taken):
            start = before.stop
            while (start := _next_data(self.fd, start)) < after.start:
                end = min(os.lseek(self.fd, start, os.SEEK_HOLE), after.start)
                yield range(start, end)
                start = end


def check_writes(space: AddressSpace, read: Callable[[int, int], bytes], elf: Path) -> None:
    """Check that a run wrote to nothing but memory that the chip has.

    :param read: reads memory through the debugger.
    :raises InvalidOutputError: it wrote elsewhere.
    """
    image = loadable_segments(elf)
    vectors, expected = bytearray(len(_VECTORS_COPY)), bytearray(_NULL_PAGE)
    for address, data in image:
        _put(vectors, address - _VECTORS, data)
    _put(expected, _VECTORS_COPY.start, vectors)
    found = read(0, _NULL_PAGE)
    null = [(i, found[i : i + 4]) for i in range(_NULL_PAGE) if found[i] != expected[i]]
    for address, data in [*null[:1], *space.stray_writes(image)]:
        what = "a null pointer" if address < _NULL_PAGE else "a bad pointer"
        raise InvalidOutputError(
            f"the firmware wrote through {what}: {data.hex(' ')} at {address:#010x},"
            " where the chip has nothing to be written, so the outputs cannot be trusted. The"
            " emulator cannot stop at that instruction; look for it with a kernel set or a board"
            " that can, such as an emulated Cortex-M4"
        )


def _put(target: bytearray, offset: int, data: bytes | bytearray) -> None:
    """Put the part of ``data`` that lies within ``target`` there."""
    start, end = max(offset, 0), min(offset + len(data), len(target))
    if start < end:
        target[start:end] = data[start - offset : end - offset]


def _next_data(fd: int, start: int) -> int:
    try:
        return os.lseek(fd, start, os.SEEK_DATA)
    except OSError:  # nothing is behind
        return ADDRESS_SPACE
