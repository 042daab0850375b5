"""The kernels of a board: a set of the firmware, or a user's directory and what it replaces."""

from __future__ import annotations

import difflib
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Final

from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import ConfigurationError


if TYPE_CHECKING:
    from pytest_tinyquant.project.board_types import Board

_MAGIC: Final = b"!<arch>\n"
_HEADER: Final = struct.Struct("=16s12s6s6s8s10s2s")
_INDEX: Final = b"/"

KERNELS_LIBRARY: Final = "libtq_kernels_selected.a"
REFERENCE_LIBRARY: Final = "libtq_kernels_reference.a"


def replaced_kernels(own: Path, built_in: Sequence[Path], *, where: str) -> frozenset[str]:
    """Return the names of the kernels of this package that own kernels replace.

    Without one, a misspelt function would be measured as if it were in use.

    :param own: where the library of own kernels is.
    :param built_in: where that of the reference kernels is, then that of the board's set, if any.
    :param where: board and directory, for messages.
    :raises ConfigurationError: no function of theirs has a kernel's name.
    """
    defined = archive_names(own / KERNELS_LIBRARY)
    reference, *sets = built_in
    known = archive_names(reference / REFERENCE_LIBRARY)
    known = known.union(*(archive_names(kernels / KERNELS_LIBRARY) for kernels in sets))
    if replaced := frozenset(defined & known):
        return replaced
    told = ", ".join(sorted(defined)) or "no function that others can call"
    close = [close for name in sorted(defined) for close in difflib.get_close_matches(name, known)]
    hint = f" (closest: {', '.join(dict.fromkeys(close))})" if close else ""
    raise ConfigurationError(
        f"the kernels of {where} replace no kernel: they define {told}{hint}. A "
        "kernel replaces the one of its name, which tq_kernels.h declares, and is not static"
    )


def archive_names(library: Path) -> set[str]:
    """Return the global names that the objects in a static library define.

    :raises BenchError: the file is none.
    """
    data = library.read_bytes()
    if not data.startswith(_MAGIC):
        raise BenchError(f"{library}: no static library of GNU ar; empty the cache and run again")
    if len(data) < len(_MAGIC) + _HEADER.size:
        return set()
    name, _, _, _, _, size, _ = _HEADER.unpack_from(data, len(_MAGIC))
    if name.rstrip() != _INDEX:  # there is none where no object defines anything
        return set()
    start = len(_MAGIC) + _HEADER.size
    index = data[start : start + int(size)]
    (count,) = struct.unpack_from(">I", index)
    return {text.decode() for text in index[4 + 4 * count :].split(b"\0") if text}


def kernels_of(board: Board, sources: Path) -> str:
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
