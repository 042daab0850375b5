"""Which line of which source file an instruction comes from: the DWARF line table."""

from __future__ import annotations

import bisect
from collections.abc import Container
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class _Row:
    """From `address` on the instructions belong to `text`; empty where a sequence ends."""

    address: int
    text: str


class SourceLines:
    """The line table of one ELF file."""

    def __init__(self, rows: list[_Row]) -> None:
        # Where one function ends and the next begins, the beginning counts.
        self._rows = sorted(rows, key=lambda row: (row.address, bool(row.text)))

    @classmethod
    def read(cls, path: Path, functions: Container[int]) -> SourceLines:
        """Read the table of the file at `path`.

        :param functions: start addresses of the functions in the image. The table also has the
            functions that the linker dropped, all of them at address 0.
        """
        from elftools.elf.elffile import ELFFile

        with path.open("rb") as stream:
            file = ELFFile(stream)
            if not file.has_dwarf_info():
                return cls([])
            sequences = list(_sequences(file.get_dwarf_info()))
        return cls([row for rows in sequences if rows[0].address in functions for row in rows])

    def at(self, address: int) -> str | None:
        """Return ``file:line`` of the instruction at `address`."""
        index = bisect.bisect_right(self._rows, address, key=lambda row: row.address) - 1
        return self._rows[index].text or None if index >= 0 else None


def _sequences(dwarf: Any) -> Iterator[list[_Row]]:
    """Yield the rows of each contiguous stretch of instructions."""
    for unit in dwarf.iter_CUs():
        program = dwarf.line_program_for_CU(unit)
        if program is None:
            continue
        names = _file_names(program)
        sequence: list[_Row] = []
        for entry in program.get_entries():
            state = entry.state
            if state is None:
                continue
            text = f"{names.get(state.file, '?')}:{state.line}"
            sequence.append(_Row(state.address, "" if state.end_sequence else text))
            if state.end_sequence:
                yield sequence
                sequence = []


def _file_names(program: Any) -> dict[int, str]:
    """Return the file names of a line program by their numbers; version 5 counts from 0."""
    first = 0 if program["version"] >= 5 else 1
    return {
        number: entry.name.decode(errors="replace")
        for number, entry in enumerate(program["file_entry"], first)
    }
