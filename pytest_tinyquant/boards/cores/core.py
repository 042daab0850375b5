"""A kind of board with all that a run needs of it.

To add a core:

1. Write a module like :mod:`pytest_tinyquant.boards.cores.cortex_m` with a subclass of
   :class:`Core`, or another instance of such a class where only names and flags differ. Its fields
   say what compiles for it and what emulates it, its methods open a board and read a fault.
2. Register it: in :data:`pytest_tinyquant.project.kinds.KINDS`, or from a package of your own with
   the hook ``pytest_tinyquant_kinds``.
3. Give the firmware ``cmake/NAME.cmake`` with the compiler's flags and, for a new architecture, a
   directory of ``port/``; a board of that kind is a directory of ``boards/`` and a table in a
   boards.toml.

Nothing else asks which kind a board is of.
"""

from __future__ import annotations

from abc import ABC
from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_tinyquant.errors import BoardNotFoundError
from pytest_tinyquant.project.kinds import KINDS
from pytest_tinyquant.project.kinds import Kind


if TYPE_CHECKING:
    from pytest_tinyquant.boards.device import Device
    from pytest_tinyquant.boards.device import HostImage
    from pytest_tinyquant.boards.halts.halt import Faults
    from pytest_tinyquant.project.board_types import Board
    from pytest_tinyquant.project.case import Checked
    from pytest_tinyquant.system.cache import Cache


@dataclass(frozen=True, kw_only=True)
class Core(Kind, ABC):
    """A kind of board that can be opened."""

    @abstractmethod
    def open_virtual(self, board: Board, *, work_dir: Path, timeout: float) -> Device:
        """Return what stands for such a board where there is none: an emulator, or this computer.

        :param work_dir: existing directory for files that live as long as a run.
        :param timeout: seconds a run may take.
        :raises BoardNotFoundError: nothing emulates ``board.machine``.
        """

    def compile(self, case: Checked, image: HostImage, cache: Cache, timeout: float) -> HostImage:
        """Return what such a board runs in place of a model's file; by default that file.

        Only kinds without firmware are asked. One whose tool says what a model will take returns a
        :class:`~pytest_tinyquant.boards.device.ReportedImage`.

        :param timeout: seconds that the tool may take.
        :raises UnsupportedModelError: the tool does not take the model.
        """
        del case, cache, timeout
        return image

    @abstractmethod
    def faults(self) -> Faults:
        """Return what reads the faults of such a core.

        :raises BoardNotFoundError: it is none that could fault, but a process of this computer.
        """


def core_of(board: Board) -> Core:
    """Return the kind of `board`.

    :raises BoardNotFoundError: whoever registered the kind left out how to open its boards.
    """
    kind = KINDS[board.kind]
    if not isinstance(kind, Core):
        raise BoardNotFoundError(
            f"{board.name}: boards of kind {board.kind!r} cannot be opened: {type(kind).__name__} "
            "is no pytest_tinyquant.boards.cores.core.Core; derive it from that"
        )
    return kind


def no_machine(board: Board, known: tuple[str, ...]) -> BoardNotFoundError:
    """Return the error for a machine that a kind's emulator does not have."""
    return BoardNotFoundError(
        f"{board.name}: no emulated machine {board.machine!r} of kind {board.kind!r}; known: "
        f"{', '.join(known)}. Correct 'machine' in boards.toml"
    )
